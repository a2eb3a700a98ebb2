"""The bench of generators, end to end on fakes: measured, resumed, read blind, filed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import katsuo

QUALITY = Path(__file__).parents[2] / "benchmarks" / "quality"
CONTESTANTS = {"taught", "steered", "prompted", "prompted-3shot"}


def ran(script: str, *words: object, code: int = 0) -> str:
    """What `script` says: on the console where it succeeds, of its error where it does not."""
    done = subprocess.run(
        [sys.executable, str(QUALITY / script), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(katsuo.__file__).parents[1]), "KATSUO_DATA": ""},
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a quick run has left its drafts and its result."""
    folder = tmp_path_factory.mktemp("bench")
    ran("bench_generator.py", "--quick", "--runs", folder)
    return folder


def result(runs: Path) -> Path:
    (path,) = runs.glob("generator_cpu*.json")
    return path


def figures(runs: Path) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(result(runs).read_text("utf-8"))["figures"]


def test_every_contestant_is_told_of_type_by_type(runs: Path) -> None:
    found = figures(runs)
    assert set(found["contestants"]) == CONTESTANTS
    slices = found["contestants"]["taught"]["slices"]
    assert len(slices) == 1 + 16 + 1 + 3
    assert slices["all"]["drafts"] == 3 * 16 + 3 * 3
    assert {"parsed", "well formed", "reader agrees", "passage covered", "kept"} <= set(
        slices["all"]["measures"]
    )


def test_every_goal_is_decided_or_open(runs: Path) -> None:
    goals = figures(runs)["goals"]
    assert len(goals) == 2 * 6
    assert {goal["contestant"] for goal in goals} == {"taught", "steered"}
    assert {goal["met"] for goal in goals} <= {True, False, None}


def test_a_second_run_writes_no_draft_again_and_comes_to_the_same(runs: Path) -> None:
    before = figures(runs)
    said = ran("bench_generator.py", "--quick", "--runs", runs)
    assert "drafts," not in said
    assert figures(runs) == before


def test_a_draft_that_is_lost_is_written_again(runs: Path) -> None:
    before = figures(runs)["contestants"]["taught"]["slices"]["qg"]["measures"]
    (folder,) = (runs / "taught").glob("qg-*")
    folder.rename(runs / "lost")
    assert "taught qg: 3 drafts" in ran("bench_generator.py", "--quick", "--runs", runs)
    assert figures(runs)["contestants"]["taught"]["slices"]["qg"]["measures"] == before


def drawn(runs: Path) -> list[dict[str, str]]:
    ran("read_blind.py", "--runs", runs, "draw", "--per-type", 1, "taught", "steered")
    lines = (runs / "blind" / "tasks.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def annotated(path: Path, tasks: list[dict[str, str]], verdict: str) -> Path:
    rows = [{"id": task["id"], "verdict": verdict, "note": ""} for task in tasks[1:]]
    rows.append({"id": tasks[0]["id"], "verdict": "valid", "note": "as it should be"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_readers_see_the_tasks_and_nothing_of_their_origin(runs: Path) -> None:
    tasks = drawn(runs)
    assert all(set(task) == {"id", "type", "context", "instruction", "response"} for task in tasks)
    key = json.loads((runs / "blind" / "key.json").read_text("utf-8"))["tasks"]
    whose = [key[task["id"]]["contestant"] for task in tasks]
    assert whose.count("taught") == whose.count("steered") == 16
    assert whose != sorted(whose)


def test_what_two_readers_found_becomes_part_of_the_result(runs: Path) -> None:
    tasks = drawn(runs)
    one = annotated(runs / "one.jsonl", tasks, "trivial")
    other = annotated(runs / "other.jsonl", tasks, "unanswerable")
    ran("read_blind.py", "--runs", runs, "judge", one, other, "--result", result(runs))
    blind = figures(runs)["blind"]
    assert blind["accord"]["n"] == len(tasks)
    assert blind["accord"]["raw"] == pytest.approx(1 / len(tasks))
    assert blind["accord_valid"]["kappa"] == pytest.approx(1.0)
    assert {"taught", "steered"} == set(blind["valid"])
    assert "## Read blind" in result(runs).with_suffix(".md").read_text("utf-8")
    path = result(runs)
    read = json.loads(path.with_name(f"blind_{path.name}").read_text("utf-8"))["tasks"]
    assert read.keys() == {task["id"] for task in tasks}
    said = Counter(tuple(row["verdicts"]) for row in read.values())
    assert said == {("valid", "valid"): 1, ("trivial", "unanswerable"): len(tasks) - 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("[1", "one.jsonl:1: no JSON", id="no-json"),
        pytest.param('{"id": "x", "verdict": "valid"}', "none of the tasks", id="unknown-task"),
        pytest.param("", "tasks have no verdict", id="unread"),
    ],
)
def test_a_verdict_that_counts_for_nothing_is_named(runs: Path, line: str, said: str) -> None:
    drawn(runs)
    path = runs / "one.jsonl"
    path.write_text(line + "\n", "utf-8")
    told = ran(
        "read_blind.py", "--runs", runs, "judge", path, path, "--result", result(runs), code=2
    )
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("contestant", "said"),
    [
        pytest.param("fake", "write NAME=generator", id="no-name"),
        pytest.param("a=fake:steered", "cannot say it", id="steered-in-a-format-that-cannot"),
        pytest.param("prompted=fake", "there twice", id="the-bases-name"),
    ],
)
def test_a_contestant_that_cannot_compete_is_told_so(
    tmp_path: Path, contestant: str, said: str
) -> None:
    told = ran("bench_generator.py", contestant, "--runs", tmp_path, code=2)
    assert said in told
    assert len(told.splitlines()) == 1
