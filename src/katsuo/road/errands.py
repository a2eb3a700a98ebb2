"""Where do the shards of a stage run, and what is sent there?

    stage ──duty: an errand, and what else it needs──▶ executor ──▶ workers ──cells──▶ disk
          ◀──counts, events───────────────────────────────────────┘

An errand is text and paths: a worker makes a trip of it, with the driver's listener behind a line.
Work that is found done is not sent at all, so a stage that is done starts no process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from katsuo import recipe as recipes
from katsuo.executors.local import LocalExecutor
from katsuo.protocols import Done, Duty, Executor, Hear, Work
from katsuo.road.trip import Trip
from katsuo.sections import Execution
from katsuo.store.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A trip that can be sent to another process: without its listener."""

    recipe: str
    """As JSON, every default written out."""
    run: Run

    @classmethod
    def of(cls, trip: Trip) -> Errand:
        """The errand of a worker on `trip`."""
        said = json.dumps(trip.recipe.model_dump(mode="json"))
        run = Run(folder=trip.run.folder.absolute(), home=trip.run.home.absolute())
        return cls(recipe=said, run=run)

    def trip(self, say: Hear) -> Trip:
        """The trip, where the work is done; its events go to `say`."""
        recipe = recipes.of(json.loads(self.recipe), "the recipe of this run")
        return Trip(recipe=recipe, run=self.run, listen=say)


def executor(asked: Execution) -> Executor:
    """The executor that a recipe asks for."""
    if asked.executor == "processes":
        from katsuo.executors.processes import ProcessExecutor

        return ProcessExecutor(workers=asked.workers)
    if asked.executor == "ray":
        from katsuo.executors.ray import RayExecutor

        return RayExecutor(**asked.model_dump(exclude={"executor"}))
    return LocalExecutor()


def done(
    trip: Trip,
    duty: Duty[Work, Done],
    shards: Sequence[Work],
    known: Callable[[Work], Done | None],
) -> Iterator[Done]:
    """What `duty` gives for every shard, in order.

    Args:
        trip: The journey, whose recipe says where work runs.
        duty: For the shards that are not done.
        shards: All of them.
        known: The result of a shard that was done before, or None.
    """
    found = [known(shard) for shard in shards]
    missing = [shard for shard, before in zip(shards, found, strict=True) if before is None]
    made = executor(trip.recipe.execution).map(duty, missing, trip.listen)
    for before in found:
        yield next(made) if before is None else before


def beforehand(trip: Trip, duty: Duty[Work, None], shards: Sequence[Work]) -> Iterator[None]:
    """Let workers do `duty` with every shard; one value for each that is ready, in order.

    For work whose cells the driver reads again: without workers nothing is done here.
    """
    if trip.recipe.execution.executor == "local":
        yield from (None for _ in shards)
    else:
        yield from executor(trip.recipe.execution).map(duty, shards, trip.listen)
