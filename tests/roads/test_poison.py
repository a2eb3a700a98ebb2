"""A passage that kills every worker is a ledger line, and the run goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import WorkerError
from katsuo.models.fake import POISON
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.runs import Run

pytestmark = pytest.mark.slow
Travelled = Callable[..., Run]


@pytest.fixture
def travelled(fake_recipe: Path, tmp_path: Path) -> Travelled:
    """Generate with the fake recipe in processes, in a home of its own."""

    def go(home: str, workers: int = 2, *changes: str) -> Run:
        run = Run.at(tmp_path / home / "run")
        asked = ["execution.executor=processes", f"execution.workers={workers}", *changes]
        travel(recipes.load(fake_recipe, asked), run, until="generate", listen=lambda _: None)
        return run

    return go


def poison(corpus: Path, *numbers: int) -> None:
    """Put a passage that kills into some documents, behind another one."""
    for number in numbers:
        path = corpus / f"order-{number:02d}.md"
        path.write_text(path.read_text("utf-8") + f"\n{POISON} It stands in {number}.\n", "utf-8")


def drafts(run: Run) -> dict[str, str]:
    """Draft -> the reason it was dropped for, or its response."""
    stage = run.stage("generate")
    made = {task.id: task.response for task in tables.tasks(stage.parts())}
    lines = [line for part in stage.dropped_parts() for line in tables.read(part)]
    assert stage.manifest["counts"]["arrived"] == len(made) + len(lines)
    return made | {line["item_id"]: line["reason"] for line in lines}


def passages_with(run: Run, words: str) -> int:
    return sum(
        words in row["text"] for part in run.stage("ingest").parts() for row in tables.read(part)
    )


def test_its_drafts_are_ledger_lines_and_all_others_stay(
    travelled: Travelled, corpus: Path
) -> None:
    before = drafts(travelled("clean"))
    poison(corpus, 3, 7)
    run = travelled("poisoned")
    after = drafts(run)
    died = {id_ for id_, reason in after.items() if reason == "worker-died"}
    kinds = len(recipes.load(run.folder).generate.task_types)
    assert len(died) == kinds * passages_with(run, POISON) > 0
    assert not died & before.keys()
    shared = after.keys() & before.keys()
    assert {id_: after[id_] for id_ in shared} == {id_: before[id_] for id_ in shared}
    assert not list(run.home.rglob(".*.at"))


def test_the_bytes_are_the_same_with_any_number_of_processes(
    travelled: Travelled, corpus: Path
) -> None:
    poison(corpus, 3, 7)

    def parquet(run: Run) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in run.folder.rglob("2-tasks/**/*.parquet")}

    one = parquet(travelled("one", 1))
    assert parquet(travelled("two", 2)) == one
    assert parquet(travelled("four", 4)) == one


def test_what_is_left_of_a_second_pass_is_written(travelled: Travelled, corpus: Path) -> None:
    poison(corpus, 5)
    run = travelled("twice", 2, "generate.passes=2")
    assert "worker-died" in drafts(run).values()


def test_a_shard_that_is_mostly_poison_is_named(travelled: Travelled, corpus: Path) -> None:
    poison(corpus, *range(12))
    with pytest.raises(WorkerError, match=r"1-contexts/part-00000.parquet: \d+ workers died at it"):
        travelled("lost")


def test_what_kills_everywhere_blames_no_passage(travelled: Travelled, corpus: Path) -> None:
    run = travelled("home")
    shutil.rmtree(run.stage("generate").folder)
    cells = run.home / "2-tasks"
    shutil.rmtree(cells)
    cells.write_text("no folder can be made here", "utf-8")
    with pytest.raises(WorkerError, match="4 workers died at it"):
        travelled("home")
