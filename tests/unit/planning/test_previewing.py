"""A preview: a few tasks by the recipe's own generator and filters, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo.errors import RecipeError
from katsuo.planning.previewing import FOLDER, preview
from katsuo.recipe import changed
from katsuo.road import Event
from katsuo.sections import Recipe
from katsuo.store.runs import Run


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and when it was changed."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_five_tasks_of_five_documents_are_shown(chosen: Recipe, run: Run) -> None:
    seen = preview(chosen, run, lambda _: None)
    assert len(seen.shown) == 5
    assert len({one.source for one in seen.shown}) == 5
    assert all(one.context.id == one.task.context_id for one in seen.shown)
    assert seen.n_drafts == 15
    assert {one.task.type for one in seen.shown} <= set(chosen.generate.task_types)


def test_the_same_seed_shows_the_same_tasks(chosen: Recipe, run: Run) -> None:
    first, again = (preview(chosen, run, lambda _: None) for _ in range(2))
    assert [one.task.id for one in first.shown] == [one.task.id for one in again.shown]


def test_verdicts_are_those_of_the_recipe(chosen: Recipe, run: Run) -> None:
    strict = {"curate": [{"well_formed": {}}, {"grounded": {"min_overlap": 1.0}}]}
    seen = preview(changed(chosen, strict, "test"), run, lambda _: None)
    assert seen.n_tasks + sum(seen.dropped.values()) == seen.n_drafts
    for one in seen.shown:
        assert one.kept == (one.dropped is None)


def test_nothing_is_left_where_there_was_no_run(chosen: Recipe, run: Run) -> None:
    preview(chosen, run, lambda _: None)
    assert not run.folder.exists()


def test_a_finished_run_is_left_as_it_was(
    chosen: Recipe, run: Run, travelled: Callable[[str], Run]
) -> None:
    travelled("curate")
    before = files(run.folder), files(run.home)
    preview(chosen, run, lambda _: None)
    assert (files(run.folder), files(run.home)) == before
    assert not (run.folder / FOLDER).exists()


def test_a_run_that_is_held_is_not_waited_for(chosen: Recipe, run: Run) -> None:
    with run.alone():
        assert preview(chosen, run, lambda _: None).shown


def test_two_previews_of_one_run_do_not_meet(chosen: Recipe, run: Run) -> None:
    held = Run.at(run.folder / FOLDER / "run")
    with held.alone():
        (held.folder / "precious").touch()
        with pytest.raises(RecipeError, match="another katsuo process"):
            preview(chosen, run, lambda _: None)
        assert (held.folder / "precious").is_file()


def test_a_preview_that_is_interrupted_leaves_nothing(chosen: Recipe, run: Run) -> None:
    def stop(event: Event) -> None:
        if event.stage == "curate":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preview(chosen, run, stop)
    assert not run.folder.exists()


def test_what_is_measured_on_the_way_is_told(chosen: Recipe, run: Run) -> None:
    names = {rate.name for rate in preview(chosen, run, lambda _: None).rates}
    assert names >= {"draft_tokens", "kept_fraction"}


def test_documents_without_a_passage_are_refused(chosen: Recipe, run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "note.md").write_text("Too short.\n", "utf-8")
    bare = changed(chosen, {"ingest": {"paths": [str(tmp_path / "empty")]}}, "test")
    with pytest.raises(RecipeError, match="none of the 1 files"):
        preview(bare, run, lambda _: None)


def test_a_recipe_that_asks_for_many_drafts_gets_fewer_passages(chosen: Recipe, run: Run) -> None:
    many = changed(chosen, {"generate": {"per_context": 10}}, "test")
    seen = preview(many, run, lambda _: None)
    assert seen.n_drafts == 30
    assert len(seen.shown) == 5
