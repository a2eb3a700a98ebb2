from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import recipe as recipes
from katsuo.errors import DataError, RecipeError
from katsuo.road import lineage, travel
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Dropped, Task

MAKERS = "generate.task_types=[exqa, ynqa, summarization]"


def travelled(recipe: Path, folder: Path, *changes: str, until: str) -> Run:
    found = Run.at(folder)
    chosen = recipes.load(recipe, [MAKERS, *changes])
    travel(chosen, found, until=until, listen=lambda _: None)
    return found


@pytest.fixture
def run(fake_recipe: Path, tmp_path: Path) -> Run:
    """The fake road, as far as the adapters."""
    return travelled(fake_recipe, tmp_path / "runs" / "one", until="adapt")


def kept(run: Run) -> list[Task]:
    return list(tables.tasks(run.stage("curate").parts()))


def lines(number: int) -> Iterator[Dropped]:
    for n in range(number):
        yield Dropped(item_id=str(n), stage="curate", by="f", reason="r")


def test_the_funnel_says_by_whom_and_why_at_every_stage(run: Run) -> None:
    steps = lineage.funnel(run)
    assert [step.stage for step in steps] == ["ingest", "generate", "curate", "adapt"]
    for step in steps:
        n_dropped = sum(n for reasons in step.dropped.values() for n in reasons.values())
        assert step.arrived == step.passed + n_dropped
    assert steps[1].passed == steps[2].arrived


def test_a_ledger_that_lost_a_line_is_noticed(run: Run) -> None:
    stage = run.stage("generate")
    gone = next(part for part in stage.dropped_parts() if list(tables.read(part)))
    tables.write(gone, tables.DROPPED, list(tables.read(gone))[1:])
    with pytest.raises(DataError, match="2-tasks: the ledger holds"):
        lineage.funnel(run)


def test_lines_are_found_by_stage_maker_and_reason(run: Run) -> None:
    everything = list(lineage.dropped(run))
    first = everything[0]
    same = [line for line in everything if (line.by, line.reason) == (first.by, first.reason)]
    assert list(lineage.dropped(run, by=first.by, reason=first.reason)) == same
    assert list(lineage.dropped(run, stage="ingest")) == [
        line for line in everything if line.stage == "ingest"
    ]


@given(st.integers(0, 40), st.integers(1, 12), st.integers(0, 5))
def test_a_sample_is_of_the_asked_size_and_in_order(number: int, size: int, seed: int) -> None:
    drawn = lineage.sampled(lines(number), size, seed)
    numbers = [int(line.item_id) for line in drawn]
    assert len(numbers) == min(size, number)
    assert numbers == sorted(set(numbers))
    assert drawn == lineage.sampled(lines(number), size, seed)


def test_every_line_is_drawn_about_as_often() -> None:
    drawn = [line.item_id for seed in range(400) for line in lineage.sampled(lines(8), 2, seed)]
    assert all(70 < drawn.count(str(number)) < 130 for number in range(8))


def test_a_kept_task_tells_its_passage_its_fate_and_who_learned_it(run: Run) -> None:
    task = kept(run)[0]
    story = lineage.story(run, task.id[:10])
    assert story.task == task
    assert story.kept
    assert story.dropped is None
    assert story.context is not None
    assert story.context.text == task.context
    assert Path(story.source).suffix
    assert "tasks, seed 0" in story.learned_by
    assert not any(name.startswith("tapt") for name in story.learned_by)


def test_a_task_that_curation_dropped_is_told_in_full(fake_recipe: Path, tmp_path: Path) -> None:
    strict = "curate=[{well_formed: {min_instruction_words: 4000}}]"
    run = travelled(fake_recipe, tmp_path / "runs" / "one", strict, until="curate")
    line = next(lineage.dropped(run, stage="curate"))
    story = lineage.story(run, line.item_id)
    assert (story.kept, story.dropped, story.learned_by) == (False, line, ())
    assert story.task is not None
    assert story.task.id == line.item_id


def test_a_draft_that_was_no_task_still_knows_its_passage(run: Run) -> None:
    line = next(lineage.dropped(run, stage="generate"))
    story = lineage.story(run, line.item_id)
    assert (story.task, story.dropped) == (None, line)
    rows = [row for part in run.stage("ingest").parts() for row in tables.read(part)]
    assert story.context is not None
    assert story.context.id in {row["id"] for row in rows}


def test_a_passage_tells_where_it_stands(run: Run) -> None:
    context = kept(run)[0].context_id
    story = lineage.story(run, context)
    assert story.context is not None
    assert (story.task, story.dropped, story.context.id) == (None, None, context)


def test_a_passage_that_was_turned_away_tells_why(
    fake_recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    (corpus / "twice.md").write_bytes((corpus / "order-00.md").read_bytes())
    run = travelled(fake_recipe, tmp_path / "runs" / "one", until="generate")
    line = next(lineage.dropped(run, stage="ingest"))
    story = lineage.story(run, line.item_id)
    assert (story.context, story.task, story.dropped) == (None, None, line)


@pytest.mark.parametrize(
    ("id_", "said"),
    [("abc", "too short for an id"), ("zzzzzzzz", "knows nothing of zzzzzzzz")],
)
def test_an_id_that_says_nothing_is_refused(run: Run, id_: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        lineage.story(run, id_)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is no run folder"):
        lineage.runs_in(tmp_path)


def test_runs_inside_a_run_are_found(run: Run, tmp_path: Path) -> None:
    inner: Callable[[str], Path] = run.folder.joinpath
    (inner("elsewhere") / "1-contexts").mkdir(parents=True)
    assert [one.folder for one in lineage.runs_in(run.folder)] == [
        run.folder,
        inner("elsewhere"),
    ]
