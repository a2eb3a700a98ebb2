"""What the arms of a recipe learn from: made when the first arm wants it, never twice.

An arm with a generator, filters or text of its own gets a run inside this one,
which shares the cells of all runs beside it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from katsuo import seeds
from katsuo.errors import RecipeError
from katsuo.recipe import of_arm
from katsuo.road import holding
from katsuo.road.curating import curate
from katsuo.road.generating import generate
from katsuo.road.ingesting import ingest
from katsuo.road.remixing import remix, remix_key
from katsuo.road.trip import Trip
from katsuo.stages.tuning import task_pairs
from katsuo.store import tables
from katsuo.store.files import new_folder
from katsuo.store.runs import Cell
from katsuo.types import Context, Pair, Task


class Sources:
    """What the arms learn from, each made when the first arm wants it."""

    def __init__(self, trip: Trip) -> None:
        self.trip = trip
        self.arms = trip.recipe.adapt.arms_by_name
        self.held_out = holding.held_out(trip)
        """Ids of documents that no arm may learn from."""
        self._held_passages = holding.passages_of(trip, self.held_out)

    def prepare(self) -> dict[str, Any]:
        """Make the tasks that arms have of their own; what they are, for the key of the stage."""
        made: dict[str, Any] = {}
        if self.held_out:
            made["held out"] = sorted(self.held_out)
        for name, arm in self.arms.items():
            if arm.learn in ("tasks", "elsewhere") and (inner := self.inner(name)) is not None:
                for stage in (ingest, generate, curate):
                    stage(inner)
                made[name] = inner.manifest("curate")["outputs"]
        if any(arm.learn == "remix" or arm.replay for arm in self.arms.values()):
            made["remix"] = self._remixed().folder.name
        return made

    def tasks(self, name: str) -> list[Task]:
        """The curated tasks of an arm, or the human-written ones of the recipe's types."""
        if self.arms[name].learn == "remix":
            asked = self.trip.recipe.generate
            wanted = {*asked.task_types, *(own.like for own in asked.tasks.values())}
            return [task for task in self._human() if task.type in wanted]
        inner = self.inner(name) or self.trip
        found = list(tables.tasks(inner.run.stage("curate").parts()))
        kept = [task for task in found if not self._is_held_out(task)]
        if found and not kept:
            raise RecipeError(
                f"the arm {name} has nothing to learn: its {len(found)} tasks are all about "
                "held-out documents; lower evaluate.held_out, or make more tasks"
            )
        return kept

    def _is_held_out(self, task: Task) -> bool:
        """By the passage too: an arm's own text may name a document by another path."""
        return task.document_id in self.held_out or task.context in self._held_passages

    def replay(self, seed: int) -> list[Pair]:
        """Human-written tasks of all types, in an order of chance."""
        found = list(self._human())
        chance: random.Random = seeds.stream(seed, "adapt", "replay")
        chance.shuffle(found)
        return task_pairs(found)

    def inner(self, name: str) -> Trip | None:
        """The run inside this one that makes an arm's own tasks; none where it has none."""
        arm, trip = self.arms[name], self.trip
        if arm.learn == "elsewhere" and not trip.recipe.adapt.elsewhere:
            raise RecipeError(
                f"adapt.arms has {name} and adapt.elsewhere is empty; name unrelated text there"
            )
        if arm.learn == "tasks" and not arm.generate and arm.curate is None:
            return None
        folder = "elsewhere" if name == "tasks_elsewhere" else f"arms/{name}"
        recipe = of_arm(trip.recipe, name)
        return Trip(recipe=recipe, run=trip.run.within(folder), listen=trip.listen)

    def _human(self) -> Iterator[Task]:
        return tables.tasks([self._remixed().folder / "rows.parquet"])

    def _remixed(self) -> Cell:
        asked, seed = self.trip.recipe.adapt.remix, self.trip.recipe.seed
        cell = self.trip.run.cell("remix", remix_key(asked, seed))
        with cell.alone():
            if not cell.done:
                with new_folder(cell.folder) as folder:
                    remix(asked, seed, folder, self.trip.listen, self.trip.recipe.execution)
        return cell


def contexts(trip: Trip) -> list[Context]:
    """All passages of a run that may be learned from."""
    held = holding.held_out(trip)
    parts = trip.run.stage("ingest").parts()
    found = (tables.context_of(row) for part in parts for row in tables.read(part))
    return [context for context in found if context.document_id not in held]
