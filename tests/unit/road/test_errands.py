from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.executors.local import LocalExecutor
from katsuo.executors.processes import ProcessExecutor
from katsuo.protocols import Hear
from katsuo.road.errands import Errand, beforehand, done, executor
from katsuo.road.trip import Event, Trip
from katsuo.sections import Execution
from katsuo.store.runs import Run


@dataclass(frozen=True, slots=True)
class Noting:
    """Implements `Duty`: doubles a number, and notes that it did."""

    done: list[int] = field(default_factory=list)

    def named(self, shard: int, /) -> str:
        return str(shard)

    def open(self, say: Hear) -> Callable[[int], int]:
        def work(shard: int) -> int:
            self.done.append(shard)
            return 2 * shard

        return work


@pytest.fixture
def trip(fake_recipe: Path, tmp_path: Path) -> Trip:
    """A trip that nobody listens to."""
    run = Run.at(tmp_path / "runs" / "one")
    return Trip(recipe=recipes.load(fake_recipe), run=run, listen=lambda _: None)


def test_a_worker_has_the_same_trip_with_another_listener(trip: Trip) -> None:
    heard: list[Event] = []
    sent = Errand.of(trip).trip(heard.append)
    assert (sent.recipe, sent.run) == (trip.recipe, trip.run)
    sent.listen(Event(stage="generate"))
    assert heard == [Event(stage="generate")]


def test_what_is_known_is_not_done_again_and_the_order_stays(trip: Trip) -> None:
    duty = Noting()
    known = {1: 20, 3: 60}.get
    assert list(done(trip, duty, [0, 1, 2, 3], known)) == [0, 20, 4, 60]
    assert duty.done == [0, 2]


def test_without_workers_nothing_is_done_beforehand(trip: Trip) -> None:
    assert list(beforehand(trip, _Never(), [1, 2, 3])) == [None, None, None]


class _Never:
    """Implements `Duty`, and must not be opened."""

    def named(self, shard: int, /) -> str:
        return str(shard)

    def open(self, say: Hear) -> Callable[[int], None]:
        raise AssertionError("nobody is to open it")


def test_a_recipe_names_its_executor() -> None:
    assert executor(Execution()) == LocalExecutor()
    found = executor(Execution(executor="processes", workers=3))
    assert found == ProcessExecutor(workers=3)
