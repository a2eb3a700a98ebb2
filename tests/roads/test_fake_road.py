"""The whole journey on fakes: what it leaves behind, and what a second journey does again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import STAGES, Event, travel
from katsuo.store import tables
from katsuo.store.runs import FOLDERS, Run

Go = Callable[..., list[Event]]


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Go:
    """Travel with the fake recipe; the events heard."""

    def travelled(*changes: str, run: str = "one", until: str = "report") -> list[Event]:
        heard: list[Event] = []
        chosen = recipes.load(fake_recipe, changes)
        travel(chosen, Run.at(tmp_path / "runs" / run), until=until, listen=heard.append)
        return heard

    return travelled


def parquet(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every Parquet file of a run."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
    }


def report_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "6-report" / "report.json").read_text("utf-8")))


def tunings(folder: Path) -> dict[str, dict[str, Any]]:
    """Arm -> facts of its only tuning."""
    manifest = json.loads((folder / "4-adapters" / "manifest.json").read_text("utf-8"))
    return {row["arm"]: row for row in manifest["tunings"]}


def test_every_stage_leaves_its_folder_and_its_manifest(go: Go, tmp_path: Path) -> None:
    go()
    folder = tmp_path / "runs" / "one"
    assert all((folder / name / "manifest.json").is_file() for name in FOLDERS.values())
    assert (folder / "recipe.yaml").is_file()
    assert (folder / "6-report" / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_at_every_stage_what_arrived_passed_or_was_dropped(go: Go, tmp_path: Path) -> None:
    go()
    folder = tmp_path / "runs" / "one"
    for row in report_of(folder)["funnel"]:
        assert row["arrived"] == row["passed"] + sum(row["dropped"].values())
    for verb in ("generate", "curate"):
        stage = Run.at(folder).stage(verb)
        n_rows = sum(1 for _ in tables.tasks(stage.parts()))
        n_dropped = sum(1 for part in stage.dropped_parts() for _ in tables.read(part))
        counts = stage.manifest["counts"]
        assert (n_rows, n_dropped) == (counts["passed"], sum(counts["dropped"].values()))
        assert counts["passed"] > 0


def test_a_context_is_the_slice_of_its_document(go: Go, tmp_path: Path, corpus: Path) -> None:
    go(until="ingest")
    parts = Run.at(tmp_path / "runs" / "one").stage("ingest").parts()
    rows = [row for part in parts for row in tables.read(part)]
    assert len(rows) > 12
    for row in rows:
        text = (corpus / Path(row["source"]).name).read_text("utf-8")
        assert text[row["start"] : row["end"]] == row["text"]


def test_the_report_states_the_contract(go: Go, tmp_path: Path) -> None:
    go()
    content = report_of(tmp_path / "runs" / "one")
    assert set(content["arms"]) == {"zero_shot", "tapt", "tasks"}
    assert set(content["gains"]) == {"tasks-zero_shot", "tapt-zero_shot", "tasks-tapt"}
    for arm in content["arms"].values():
        assert set(arm["pilots"]["f1"]) >= {"value", "low", "high", "n", "unscored"}
    for gain in content["gains"].values():
        assert gain["low"] <= gain["value"] <= gain["high"]
    assert set(content["seconds"]) == set(content["peak_mib"]) == set(FOLDERS) - {"report"}


def test_every_arm_sees_the_same_prompt_bytes(go: Go, tmp_path: Path) -> None:
    go()
    rows = list(tables.read(tmp_path / "runs" / "one" / "5-scores" / "predictions.parquet"))
    assert set(rows[0]) == set(tables.PREDICTIONS.names)
    prompts = {
        arm: [(r["probe_id"], r["prompt_id"], r["prompt"]) for r in rows if r["arm"] == arm]
        for arm in ("zero_shot", "tapt", "tasks")
    }
    assert prompts["zero_shot"] == prompts["tapt"] == prompts["tasks"]
    assert len(prompts["tasks"]) == 24


def test_a_second_journey_does_nothing_again(go: Go) -> None:
    go()
    again = [event for event in go() if event.finished]
    assert [event.note for event in again] == ["done already"] * len(STAGES)


def test_two_journeys_end_in_the_same_bytes(go: Go, tmp_path: Path, corpus: Path) -> None:
    go(run="one")
    cells = tmp_path / "runs" / ".cells"
    cells.rename(tmp_path / "elsewhere")
    go(run="two")
    assert parquet(tmp_path / "runs" / "one") == parquet(tmp_path / "runs" / "two")


def test_a_second_run_shares_the_work_of_the_first(go: Go, tmp_path: Path) -> None:
    go(run="one")
    cells = sorted((tmp_path / "runs" / ".cells").rglob("cell.json"))
    go(run="two")
    assert sorted((tmp_path / "runs" / ".cells").rglob("cell.json")) == cells
    part = Path("2-tasks") / "part-00000.parquet"
    assert (tmp_path / "runs" / "one" / part).samefile(tmp_path / "runs" / "two" / part)


def test_other_settings_redo_from_their_stage_on(go: Go) -> None:
    go()
    redone = {event.stage for event in go("curate=[fresh]") if event.note != "done already"}
    assert "curate" in redone
    assert not redone & {"ingest", "generate"}


def test_an_edited_document_redoes_its_own_file_only(go: Go, tmp_path: Path, corpus: Path) -> None:
    go(until="generate")
    home = tmp_path / "runs" / ".cells" / "1-contexts"
    before = set(home.iterdir())
    edited = corpus / "order-03.md"
    edited.write_text(edited.read_text("utf-8").replace("Rule 3.1", "Rule 3.1b"), "utf-8")
    go(until="generate")
    assert len(set(home.iterdir()) - before) == 1


def test_the_limit_counts_contexts_and_the_rest_has_a_reason(go: Go, tmp_path: Path) -> None:
    go("limit=5", until="generate")
    run = Run.at(tmp_path / "runs" / "one")
    counts = run.stage("ingest").manifest["counts"]
    assert counts["passed"] == 5
    assert counts["dropped"]["over-limit"] == counts["arrived"] - 5
    assert run.stage("generate").manifest["counts"]["arrived"] == 15


def test_files_that_cannot_be_read_are_named_and_the_others_go_through(
    go: Go, tmp_path: Path, corpus: Path
) -> None:
    (corpus / "empty.txt").write_bytes(b"")
    (corpus / "broken.pdf").write_bytes(b"%PDF-1.7\nand then nothing")
    (corpus / "locked.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    go(until="ingest")
    stage = Run.at(tmp_path / "runs" / "one").stage("ingest")
    lines = [row for part in stage.dropped_parts() for row in tables.read(part)]
    found = {Path(row["item_id"]).name: row["reason"] for row in lines}
    assert found["empty.txt"] == "file-empty"
    assert found["broken.pdf"] == "file-damaged"
    assert found["locked.docx"] == "password-protected"
    assert stage.manifest["counts"]["passed"] > 12


def test_no_probe_is_ever_learned(go: Go, tmp_path: Path, probes: Path) -> None:
    asked = "Does this follow: it speaks of pilot? Answer Yes, No or Maybe."
    row = {"id": "x", "context": "a", "question": asked, "label": "yes"}
    with probes.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    go("curate=[unleaked]", until="curate")
    stage = Run.at(tmp_path / "runs" / "one").stage("curate")
    n_asked = stage.manifest["counts"]["dropped"][f"evaluation-question-in-{probes.stem}"]
    assert stage.manifest["leaks"][0]["tasks"] == n_asked > 0
    assert stage.manifest["leaks"][0]["document"] == "x"
    for task in tables.tasks(stage.parts()):
        assert asked not in task.instruction


def test_the_control_arm_learns_as_many_tasks_of_other_text(
    go: Go, tmp_path: Path, corpus: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number in range(8):
        words = " ".join(f"orchard{number}x{i}" for i in range(90))
        (other / f"{number}.txt").write_text(f"The gardener said: {words}.", "utf-8")
    go("adapt.arms=[tapt, tasks, tasks_elsewhere]", f"adapt.elsewhere=['{other}']",
       "adapt.max_tasks=10")  # fmt: skip
    folder = tmp_path / "runs" / "one"
    arms = tunings(folder)
    assert arms["tasks"]["pairs"] == arms["tasks_elsewhere"]["pairs"] == 10
    assert arms["tasks"]["steps"] == arms["tapt"]["steps"] == arms["tasks_elsewhere"]["steps"]
    assert "tasks-tasks_elsewhere" in report_of(folder)["gains"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("ingest.paths=[]", "ingest.paths is empty", id="nothing-to-read"),
        pytest.param("ingest.paths=[/no/such]", "/no/such", id="no-such-path"),
        pytest.param("generate.temperature=-1", "temperature is -1", id="sampling"),
        pytest.param("curate=[grounbed]", "grounded", id="filter"),
        pytest.param("adapt.arms=[tasks_elsewhere]", "adapt.elsewhere is empty", id="control"),
        pytest.param("adapt.learning_rate=0", "learning_rate", id="learning-rate"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_key(go: Go, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        go(change)


def test_a_second_process_on_the_same_run_is_told_so(go: Go, tmp_path: Path) -> None:
    run = Run.at(tmp_path / "runs" / "one")
    with run.alone(), pytest.raises(RecipeError, match="another katsuo process works on this run"):
        go()
