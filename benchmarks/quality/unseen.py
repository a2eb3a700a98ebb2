"""Sound tasks about passages that no bundled generator was taught: questions of evaluation sets.

The dev part alone; KATSUO_DATA names the data.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from katsuo.recipe import expand
from katsuo.road.suites import part_of
from katsuo.scoring.probes import probes_of, spec_of
from katsuo.store import tables
from katsuo.types import Origin, Probe, Task, TaskType, digest

SPANS: Final = ("squadshifts_nyt", "squadshifts_amazon", "squadshifts_reddit")
CLOSED: Final = ("pubmed_qa",)


def unseen(seed: int) -> list[Task]:
    """Questions with a span as their answer, and with yes or no, in an order of chance."""
    found = [
        task
        for name in (*SPANS, *CLOSED)
        for probe in _probes(name)
        if (task := _task(probe, closed=name in CLOSED)) is not None
    ]
    random.Random(seed).shuffle(found)
    return found


def _probes(name: str) -> Iterator[Probe]:
    path = expand([f"$KATSUO_DATA/eval/{name}.parquet"], "KATSUO_DATA")[0]
    spec = spec_of(tables.rows_of(path), name=name, source=str(path))
    yield from part_of(list(probes_of(tables.rows_of(path), spec)), "dev")


def _task(probe: Probe, *, closed: bool) -> Task | None:
    """The question of a probe as a task; none where its label is neither yes nor no."""
    labels = ("Yes", "No") if closed else ()
    response = (probe.label or "").capitalize() if closed else probe.answers[0]
    if closed and response not in labels:
        return None
    offer = " Yes or No?" if closed else ""
    return Task(
        id=digest("unseen", probe.set, probe.id),
        document_id=probe.document_id,
        context_id=digest("unseen", probe.context),
        context=probe.context,
        type=TaskType.YNQA if closed else TaskType.EXQA,
        instruction=f"{probe.context.strip()}\n\n{probe.question}{offer}",
        response=response,
        labels=labels,
        origin=Origin(generator=probe.set, format="human", seed=0),
    )
