"""Which tunings learned from a document?"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from katsuo.road import lineage
from katsuo.road.holding import passages
from katsuo.road.trip import Trip
from katsuo.stages.tuning import tapt_pairs, task_pairs
from katsuo.store import tables
from katsuo.store.runs import FOLDERS


def pairs_about(trips: Iterable[Trip], documents: frozenset[str]) -> frozenset[str]:
    """Ids of all pairs that a tuning may have made of `documents`."""
    return frozenset(id_ for trip in trips for id_ in _pairs_about(trip, documents))


def tunings_on(trip: Trip, pairs: frozenset[str]) -> list[str]:
    """The tunings of a run that learned one of `pairs`, or went on from one that did.

    Of a run that kept no list of what it learned, nobody knows: then it is all of them.
    """
    stage = trip.run.stage("adapt")
    tunings = [(one["arm"], one["seed"]) for one in stage.manifest.get("tunings", ())]
    path = stage.folder / lineage.LEARNED
    if not path.is_file():
        return [f"{arm}, seed {seed}" for arm, seed in tunings]
    found = {(row["arm"], row["seed"]) for row in tables.read(path) if row["pair_id"] in pairs}
    arms = trip.recipe.adapt.arms_by_name
    for arm, seed in tunings:  # in their order, so that a chain is followed to its end
        if (arms[arm].after, seed) in found:
            found.add((arm, seed))
    return [f"{arm}, seed {seed}" for arm, seed in sorted(found)]


def delete_tuning(trip: Trip, name: str) -> None:
    """Delete the weights of a tuning from the shared cells; those in the run are links to them."""
    arm, _, seed = name.partition(", seed ")
    own = trip.run.stage("adapt").folder / arm
    folder = own if int(seed) == trip.recipe.seed else own / f"seed-{seed}"
    for weights in folder.glob("*.safetensors"):
        for cell in (trip.run.home / FOLDERS["adapt"]).glob("*/"):
            if (cell / weights.name).is_file() and _same(cell / weights.name, weights):
                shutil.rmtree(cell)


def _pairs_about(trip: Trip, documents: frozenset[str]) -> Iterator[str]:
    found = (row for row in passages(trip) if row["document_id"] in documents)
    yield from map(lineage.pair_id, tapt_pairs(map(tables.context_of, found)))
    for task in tables.tasks(trip.run.stage("curate").parts()):
        if task.document_id in documents:
            for book in ("open", "closed"):
                yield from map(lineage.pair_id, task_pairs([task], book))


def _same(one: Path, other: Path) -> bool:
    return one.samefile(other) or (
        one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    )
