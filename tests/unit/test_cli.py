"""The command line: words in, exit code out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from katsuo.cli.progress import Watcher
from katsuo.road import Event

VERBS = ("ingest", "generate", "curate", "adapt", "evaluate", "report")
COMMANDS = (
    "run",
    *VERBS,
    "funnel",
    "dropped",
    "explain",
    "review",
    "init",
    "preview",
    "estimate",
    "status",
    "remix",
    "teach",
    "models",
    "doctor",
)


def katsuo(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "katsuo.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_help_names_every_command() -> None:
    done = katsuo("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_an_example(command: str) -> None:
    words = (command, "list", "--help") if command == "models" else (command, "--help")
    done = katsuo(*words)
    assert done.returncode == 0
    assert "Example: katsuo" in done.stdout


def test_init_writes_a_recipe_that_runs(tmp_path: Path, corpus: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    assert katsuo("init", str(recipe), str(corpus)).returncode == 0
    done = katsuo("ingest", str(recipe), "--set", "adapt.base=fake", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["funnel"][0]["passed"] > 0
    assert (tmp_path / "runs" / "mine" / "1-contexts" / "manifest.json").is_file()


def test_init_keeps_what_is_there(tmp_path: Path, corpus: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("name: precious\n", "utf-8")
    done = katsuo("init", str(recipe), str(corpus))
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert recipe.read_text("utf-8") == "name: precious\n"


def test_a_bad_request_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    done = katsuo("run", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_dry_run_writes_nothing(fake_recipe: Path, tmp_path: Path) -> None:
    done = katsuo("run", str(fake_recipe), "--dry-run", "--seed", "5", cwd=tmp_path)
    assert done.returncode == 0
    assert "seed: 5" in done.stdout
    assert "would read 12 files" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_a_run_folder_is_a_recipe(fake_recipe: Path, tmp_path: Path) -> None:
    assert katsuo("run", str(fake_recipe), cwd=tmp_path).returncode == 0
    again = katsuo("run", "runs/fake", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert set(json.loads(again.stdout)["arms"]) == {"zero_shot", "tapt", "tasks"}


def test_a_person_sees_the_funnel_and_the_arms(fake_recipe: Path, tmp_path: Path) -> None:
    done = katsuo("run", str(fake_recipe), cwd=tmp_path)
    assert "pipe-missing" in done.stdout
    assert "tasks-zero_shot" in done.stdout
    assert "runs/fake/6-report/report.html" in done.stdout


def test_a_line_worth_reading_once_is_shown_however_soon_it_comes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Watcher(silent=False) as watcher:
        for n in range(3):
            watcher(Event(stage="adapt", done=n, total=3, unit="step", note="loss 1"))
            watcher(Event(stage="adapt", note=f"arm {n}: 9 pairs, 0 refused"))
    shown = capsys.readouterr().err
    assert shown.count("0 refused") == 3
    assert shown.count("loss 1") == 1


def test_the_shelf_is_listed() -> None:
    done = katsuo("models", "list", "--json")
    assert {row["name"] for row in json.loads(done.stdout)} >= {"smollm2-135m"}


def test_an_unknown_model_says_what_is_known() -> None:
    done = katsuo("models", "pull", "./nowhere")
    assert done.returncode == 2
    assert "bundled names are smollm2-135m" in done.stderr


def test_the_doctor_names_what_mends() -> None:
    done = katsuo("doctor", "--json")
    checks = json.loads(done.stdout)
    assert done.returncode == (0 if all(check["ok"] for check in checks) else 2)
    said = {check["what"]: check["said"] for check in checks}
    assert said.keys() >= {"train extra", "smollm2-135m", "disk"}
    assert "well_formed tells languages by it" in said["py3langid"]
    assert "CUDA device" in said["engine for drafts"]
    assert "CUDA device" in said["engine for short answers"]
    assert said["smollm2-135m-katsuo"].endswith("; writes en only, as far as is known")


def test_a_rejected_model_ends_with_code_three_behind_its_summary(
    fake_recipe: Path, tmp_path: Path
) -> None:
    assert katsuo("run", str(fake_recipe), cwd=tmp_path).returncode == 0
    path = tmp_path / "runs" / "fake" / "5-scores" / "harm.json"
    verdicts = json.loads(path.read_text("utf-8"))
    verdicts["tasks"] |= {"rejected": True, "reasons": ["It forgot how to read."]}
    path.write_text(json.dumps(verdicts), "utf-8")
    done = katsuo("run", str(fake_recipe), cwd=tmp_path)
    assert done.returncode == 3
    assert "adapted model rejected: tasks: It forgot how to read." in done.stderr
    assert "6-report/report.html" in done.stdout


def test_what_was_dropped_can_be_counted_sampled_and_explained(
    fake_recipe: Path, tmp_path: Path
) -> None:
    assert katsuo("curate", str(fake_recipe), cwd=tmp_path).returncode == 0
    counted = katsuo("funnel", "runs/fake", cwd=tmp_path)
    assert "pipe-missing" in counted.stdout
    drawn = katsuo("dropped", "runs/fake", "--stage", "generate", "--sample", "1", cwd=tmp_path)
    id_, stage, *_ = drawn.stdout.split()
    assert stage == "generate"
    told = katsuo("explain", "runs/fake", id_, cwd=tmp_path)
    assert "fate        dropped by wire in generate" in told.stdout
    as_json = katsuo("explain", "runs/fake", id_, "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["dropped"]["item_id"] == id_


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("funnel", "nowhere"), "is no run folder"),
        (("dropped", "nowhere", "--stage", "cook"), "no stage is called 'cook'"),
        (("explain", "nowhere", "12345678"), "is no run folder"),
    ],
)
def test_a_look_at_nothing_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = katsuo(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr
