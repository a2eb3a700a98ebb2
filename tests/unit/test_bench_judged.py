"""What the bench of filters on tasks that were read counts, and which tasks it takes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from katsuo.store import tables
from katsuo.types import Origin, Task, TaskType, digest

QUALITY = Path(__file__).parents[2] / "benchmarks" / "quality"
GOOD, BAD, SPLIT = ["valid", "valid"], ["trivial", "wrong answer"], ["valid", "trivial"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- a module outside the package
    monkeypatch.syspath_prepend(str(QUALITY))
    return importlib.import_module("bench_judged")


def task(id_: str) -> Task:
    return Task(
        id=id_,
        document_id="d",
        context_id="c",
        context="A kettle hums.",
        type=TaskType.QA,
        instruction="A kettle hums.\n\nWhat hums?",
        response="A kettle",
        origin=Origin(generator="g", format="f", seed=0),
    )


def test_what_is_dropped_is_held_against_what_is_bad(bench: Any) -> None:  # noqa: ANN401
    held = [(task("1"), True), (task("2"), False), (task("3"), False), (task("4"), True)]
    found = bench.told({"1", "2", "3"}, held)
    assert (found["precision"]["value"], found["precision"]["n"]) == (0.667, 3)
    assert (found["recall"]["value"], found["recall"]["n"]) == (1.0, 2)
    assert (found["bad among all"]["value"], found["bad among all"]["n"]) == (0.5, 4)


def test_only_our_tasks_of_which_both_readers_say_the_same_count(
    bench: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdicts = {("ours", "1"): GOOD, ("ours", "2"): BAD, ("ours", "3"): SPLIT}
    verdicts["prompted", "1"] = BAD
    for name in ("ours", "prompted"):
        rows = [tables.task_row(task(id_)) for id_ in ("1", "2", "3", "unread")]
        tables.write(tmp_path / name / "rows.parquet", tables.TASKS, rows)
    (tmp_path / "latest.json").write_text('{"ours": ["ours"], "prompted": ["prompted"]}', "utf-8")
    monkeypatch.setattr(bench, "RUNS", tmp_path)
    blind = {
        "seed": 1,
        "tasks": {
            digest("blind", "1", name, id_): {"contestant": name, "verdicts": said}
            for (name, id_), said in verdicts.items()
        },
    }
    found = bench.judged(json.loads(json.dumps(blind)))
    assert [(one.id, valid) for one, valid in found] == [("ours 1", True), ("ours 2", False)]
