"""How far a run is, seen from outside: done, under way, not begun."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.planning.standing import at_work, status
from katsuo.recipe import changed
from katsuo.road import Event, travel
from katsuo.sections import Recipe
from katsuo.store.files import write_json
from katsuo.store.runs import FOLDERS, Run


def states(folder: Path, place: int = 0) -> dict[str, str]:
    return {stage.stage: stage.state for stage in status(folder)[place].stages}


def test_a_finished_run_is_done(travelled: Callable[[str], Run]) -> None:
    assert set(states(travelled("report").folder).values()) == {"done"}


def test_later_stages_are_not_begun(travelled: Callable[[str], Run]) -> None:
    found = states(travelled("generate").folder)
    assert list(found.values()) == ["done", "done", *["not begun"] * 4]


def test_a_stage_under_way_says_how_many_of_how_many(chosen: Recipe, run: Run) -> None:
    told: list[tuple[str, int, int | None]] = []

    def look(event: Event) -> None:
        if event.stage == "evaluate" and not event.finished and event.total:
            found = {stage.stage: stage for stage in status(run.folder)[0].stages}["evaluate"]
            told.append((found.state, found.done, found.total))
            assert found.left_seconds is not None

    travel(chosen, run, until="evaluate", listen=look)
    assert told[0] == ("under way", 1, 11)  # three arms with a set, two with four general ones
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_shards_that_are_done_are_counted_while_drafts_are_written(
    chosen: Recipe, run: Run, corpus: Path
) -> None:
    sentence = "The harbour master of pier {0} keeps a list of all boats that lie there in winter."
    for number in range(90):
        (corpus / f"pier-{number}.md").write_text(sentence.format(number), "utf-8")
    told = []

    def look(event: Event) -> None:
        if event.stage == "generate" and not event.finished and event.total:
            found = {stage.stage: stage for stage in status(run.folder)[0].stages}["generate"]
            told.append((found.state, found.total == event.total, found.done >= event.done))

    travel(chosen, run, until="generate", listen=look)
    assert len(told) > 1
    assert set(told) == {("under way", True, True)}


def test_a_process_that_holds_the_run_is_seen_and_not_disturbed(run: Run, chosen: Recipe) -> None:
    travel(chosen, run, until="ingest", listen=lambda _: None)
    if at_work(run.folder) is None:
        pytest.skip("this system does not tell who holds a file")
    assert at_work(run.folder) is False
    with run.alone():
        assert at_work(run.folder) is True
        status(run.folder)


def test_looking_changes_nothing(travelled: Callable[[str], Run]) -> None:
    run = travelled("curate")
    folders = (run.folder, run.home)
    before = [sorted(map(str, one.rglob("*"))) for one in folders]
    status(run.folder)
    assert [sorted(map(str, one.rglob("*"))) for one in folders] == before


def test_a_stage_of_other_inputs_is_to_be_made_anew(travelled: Callable[[str], Run]) -> None:
    run = travelled("curate")
    path = run.stage("generate").folder / "manifest.json"
    facts = json.loads(path.read_text("utf-8"))
    write_json(path, {**facts, "inputs": {"part-00000.parquet": "another"}})
    found = {stage.stage: stage for stage in status(run.folder)[0].stages}
    assert found["generate"].state == "not begun"
    assert "to be made anew" in found["generate"].note


def test_a_killed_stage_is_under_way_with_what_its_cells_hold(
    travelled: Callable[[str], Run],
) -> None:
    run = travelled("generate")
    shutil.rmtree(run.stage("generate").folder)
    run.stage("generate").begin()
    found = {stage.stage: stage for stage in status(run.folder)[0].stages}["generate"]
    assert found.state == "under way"
    assert found.done == found.total


def test_domains_of_a_study_are_told_one_by_one(chosen: Recipe, run: Run) -> None:
    study = changed(chosen, {"domains": {"one": {}, "two": {}}}, "test")
    travel(study, run, until="ingest", listen=lambda _: None)
    travel(recipes.domain(study, "one"), run.within("one"), until="generate", listen=lambda _: None)
    whole, one, two = status(run.folder)
    assert (one.run, two.run) == (f"{run.folder}/one", f"{run.folder}/two")
    generated = {stage.stage: stage for stage in whole.stages}["generate"]
    assert (generated.state, generated.done, generated.total) == ("under way", 1, 2)
    assert states(run.folder, 1)["generate"] == "done"
    assert list(whole.to_json()["stages"][0]) >= ["stage", "state"]


def test_every_stage_is_told_in_the_order_of_the_road(travelled: Callable[[str], Run]) -> None:
    assert list(states(travelled("ingest").folder)) == list(FOLDERS)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is no run folder"):
        status(tmp_path)


def test_sets_of_a_study_are_counted_over_all_domains(
    chosen: Recipe, run: Run, probes: Path, tmp_path: Path
) -> None:
    other = tmp_path / "berths.jsonl"
    other.write_text(probes.read_text("utf-8"), "utf-8")
    changes = {
        "domains": {"one": {}, "two": {"evaluate": {"sets": [str(other)]}}},
        "adapt": {"arms": ["tasks"]},
        "evaluate": {"prompts": 1, "harm": {"check": False}},
    }
    study = changed(chosen, changes, "test")
    told = []

    def look(event: Event) -> None:
        if event.stage == "evaluate" and event.total and not event.finished:
            found = {stage.stage: stage for stage in status(run.folder)[0].stages}["evaluate"]
            told.append((found.state, found.total == event.total, found.done >= event.done))

    travel(study, run, until="evaluate", listen=look)
    assert set(told) == {("under way", True, True)}
