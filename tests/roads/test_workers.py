"""The road with several processes: the same bytes, whoever works and whoever dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from katsuo import recipe as recipes
from katsuo.errors import RecipeError, WorkerError
from katsuo.road import Event, travel
from katsuo.sections import Execution
from katsuo.store.runs import FOLDERS, Run

PROCESSES = "execution.executor=processes"
Travelled = Callable[..., dict[str, bytes]]


@pytest.fixture
def many(corpus: Path) -> None:
    """Documents enough for several shards."""
    for number in range(60):
        lines = [f"Clause {number}.{i} obliges party {number * i} to deliver." for i in range(9)]
        (corpus / f"clause-{number:03d}.md").write_text("\n\n".join(lines), "utf-8")


@pytest.fixture
def travelled(fake_recipe: Path, many: None, tmp_path: Path) -> Travelled:
    """Travel with the fake recipe in a home of its own: the Parquet files by their names."""

    def go(
        home: str,
        *changes: str,
        until: str = "curate",
        listen: Callable[[Event], None] = lambda _: None,
    ) -> dict[str, bytes]:
        run = Run.at(tmp_path / home / "run")
        travel(recipes.load(fake_recipe, changes), run, until=until, listen=listen)
        found = sorted(run.folder.rglob("*.parquet"))
        return {str(path.relative_to(run.folder)): path.read_bytes() for path in found}

    return go


def keys(tmp_path: Path, home: str) -> list[str]:
    """The keys of all stages that are done."""
    run = Run.at(tmp_path / home / "run")
    return [run.stage(verb).manifest["key"] for verb in FOLDERS if run.stage(verb).manifest]


@pytest.mark.parametrize(
    "workers",
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)],
)
def test_any_number_of_processes_ends_in_the_same_bytes(
    travelled: Travelled, tmp_path: Path, workers: int
) -> None:
    alone = travelled("alone")
    together = travelled("together", PROCESSES, f"execution.workers={workers}")
    assert len(alone) > 8
    assert together == alone
    assert keys(tmp_path, "together") == keys(tmp_path, "alone")


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(("generate.passes=2",), id="two-passes"),
        pytest.param(
            (
                "curate=[well_formed, agreed: {reader: fake, min_score: 0.1}, "
                "likely: {min_score: 0.1}, fresh]",
            ),
            id="a-reader",
        ),
        pytest.param(
            ("generate.tasks={tone: {like: sentiment, labels: {calm: '', harsh: ''}}}",),
            id="types-of-ones-own",
        ),
    ],
)
def test_other_recipes_too(travelled: Travelled, changes: tuple[str, ...]) -> None:
    assert travelled("together", PROCESSES, *changes) == travelled("alone", *changes)


def test_the_answers_of_all_arms_are_the_same(travelled: Travelled) -> None:
    alone = travelled("alone", until="evaluate")
    together = travelled("together", PROCESSES, until="evaluate")
    assert together == alone


def test_a_run_that_is_done_starts_no_process(travelled: Travelled, tmp_path: Path) -> None:
    alone = travelled("home")
    (tmp_path / "home" / "run" / "2-tasks" / "manifest.json").unlink()
    begun: list[int] = []

    def listen(event: Event) -> None:
        if event.stage == "generate":
            begun.extend(child.pid or 0 for child in multiprocessing.active_children())

    assert travelled("home", PROCESSES, listen=listen) == alone
    assert begun == []


@pytest.mark.parametrize(
    "verb",
    [
        pytest.param("ingest", marks=pytest.mark.slow),
        "generate",
        pytest.param("curate", marks=pytest.mark.slow),
    ],
)
def test_killed_workers_lose_and_double_nothing(travelled: Travelled, verb: str) -> None:
    killed: list[int] = []
    heard: list[int] = []

    def listen(event: Event) -> None:
        if event.stage == verb and not event.finished:
            heard.append(event.done)
            children = multiprocessing.active_children()
            if event.done in (1, 3) and children:
                killed.append(children[0].pid or 0)
                os.kill(killed[-1], signal.SIGKILL)

    alone = travelled("alone")
    assert travelled("together", PROCESSES, listen=listen) == alone
    assert killed
    assert heard == list(range(1, len(heard) + 1))


def test_a_shard_at_which_workers_keep_dying_is_named_and_the_run_goes_on_later(
    travelled: Travelled,
) -> None:
    travelled("together", until="ingest")
    over = threading.Event()

    def strangle() -> None:
        while not over.wait(0.01):
            for child in multiprocessing.active_children():
                child.kill()

    strangler = threading.Thread(target=strangle)
    strangler.start()
    try:
        with pytest.raises(WorkerError, match=r"1-contexts/part-\d+.parquet: 4 workers died at it"):
            travelled("together", PROCESSES)
    finally:
        over.set()
        strangler.join()
    assert travelled("together", PROCESSES) == travelled("alone")


def test_an_address_wants_a_cluster(fake_recipe: Path) -> None:
    with pytest.raises(ValidationError, match="say executor: ray"):
        Execution(address="auto")
    with pytest.raises(RecipeError, match="say executor: ray"):
        recipes.load(fake_recipe, ["execution.address=auto"])
