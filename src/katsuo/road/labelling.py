"""Passages to tasks with the user's own labels: ranked shard by shard, chosen over the whole set.

    1-contexts ──rank (a cell per shard)──▶ nats ──choose (all shards)──▶ parts of 2-tasks

A cell holds ids and numbers, so that other shares or limits rank nothing again. What is chosen
hangs on all passages, so it is worked out anew whenever one comes or goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from katsuo import engines
from katsuo.own import OwnTask
from katsuo.protocols import Weighs
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.sections import Own
from katsuo.sections.owning import settled
from katsuo.stages.label import Choosing, Chosen, choose, label, label_id, questions
from katsuo.store import tables
from katsuo.store.files import new_folder, sha256
from katsuo.store.runs import StageFolder
from katsuo.types import Task


class Labelling:
    """One task type of the user's own whose labels a reader ranks."""

    def __init__(self, trip: Trip, name: str) -> None:
        self.trip, self.name = trip, name
        self.own: Own = trip.recipe.generate.tasks[name]
        self.task: OwnTask = settled(name, self.own, "generate.tasks")
        self.named = engines.find(self.own.reader or trip.recipe.adapt.base)

    @cached_property
    def reader(self) -> str:
        """The reader's name and the beginning of its sha256, as tasks record it."""
        if self.named.is_fake:
            return self.named.name
        return f"{self.named.name}@{self.named.identity[:16]}"

    @cached_property
    def stated(self) -> list[str]:
        """The reader, as keys hold it."""
        engine = engines.FAKE if self.named.is_fake else "hf"
        return [self.named.identity, engine, engines.engine_version(engine)]

    @cached_property
    def _ranks(self) -> Weighs:
        return engines.open_ranks(self.named)

    def chosen(self) -> dict[str, Chosen | str]:
        """A label for every passage, or the reason why it gets none."""
        nats: dict[str, Sequence[float]] = {}
        parts = self.trip.run.stage("ingest").parts()
        for number, part in enumerate(parts):
            passages = {row["id"]: row["text"] for row in tables.read(part)}
            asked = list(questions(self.task, self.own.question, passages))
            how = [[one.prompt, one.choices, one.shots] for one in asked]
            cell = self.trip.run.cell("labels", key_of("labels", sha256(part), self.stated, how))
            with cell.alone():
                if not cell.done:
                    ranked = self._ranks.rank(asked)
                    rows = ({"id": one.id, "nats": list(one.nats)} for one in ranked)
                    with new_folder(cell.folder) as folder:
                        tables.write(folder / "rows.parquet", tables.LABEL_NATS, rows)
            nats |= {row["id"]: row["nats"] for row in tables.read(cell.folder / "rows.parquet")}
            note = f"{self.name}: labels ranked, {number + 1} of {len(parts)} shards"
            self.trip.listen(Event(stage="generate", note=note))
        own = self.own
        how_chosen = Choosing(
            shares=own.even,
            prior=own.prior,
            use=own.use,
            min_margin=own.min_margin,
            hold_shares=own.hold_shares,
        )
        return choose(self.task, nats, how_chosen)


def ranked_in(trip: Trip) -> list[Labelling]:
    """The task types of a recipe whose labels are ranked."""
    found = (Labelling(trip, name) for name in trip.recipe.generate.tasks)
    return [one for one in found if one.task.ranked]


def label_all(trip: Trip, folder: StageFolder, ranked: Sequence[Labelling], counts: Counts) -> None:
    """Write the tasks of `ranked` behind the parts that `folder` has: one for each shard."""
    if not ranked:
        return
    chosen = [(one, one.chosen()) for one in ranked]
    first = len(folder.parts())
    for number, part in enumerate(trip.run.stage("ingest").parts(), start=first):
        contexts = [tables.context_of(row) for row in tables.read(part)]
        items = list(
            chain.from_iterable(
                label(one.task, contexts, found, reader=one.reader, seed=trip.recipe.seed)
                for one, found in chosen
            )
        )
        made = [item for item in items if isinstance(item, Task)]
        lines = [item for item in items if not isinstance(item, Task)]
        tables.write(folder.part(number), tables.OWN_TASKS, map(tables.task_row, made))
        tables.write(folder.dropped(number), tables.DROPPED, map(tables.dropped_row, lines))
        counts.keep(len(made))
        counts.drop(lines)


def labelled_of(manifest: Mapping[str, Any], context_id: str) -> set[str]:
    """The ids of all labellings of a passage in a run with this manifest of `generate`."""
    readers = manifest.get("settings", {}).get("label_readers", {})
    return {label_id(reader, name, context_id) for name, reader in readers.items()}
