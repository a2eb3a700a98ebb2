"""Which spans of which documents gave kept tasks, and how alike are these put?

Shard by shard: what a shard of contexts holds, and the curated tasks about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from katsuo.road.trip import Trip
from katsuo.scoring.coverage import covered, placed
from katsuo.scoring.generated import outside
from katsuo.scoring.maps import Document, Stretch, summary
from katsuo.scoring.phrasing import Gathered, Phrasing
from katsuo.store import tables
from katsuo.types import Span, Task


def coverage(trips: Mapping[str, Trip]) -> dict[str, Any]:
    """What the kept tasks cover of the documents, as a report states it.

    Args:
        trips: Name of each run, or an empty one where there is but one.
    """
    names: dict[str, str] = {}
    found: dict[str, list[Stretch]] = {}
    for domain, trip in trips.items():
        for part, tasks in _shards(trip):
            for row in tables.read(part):
                key = f"{domain}/{row['document_id']}"
                name = Path(row["source"]).name
                names[key] = f"{domain}: {name}" if domain else name
                about = tasks.get(row["id"], [])
                found.setdefault(key, []).append(_stretch(row["text"], about))
    return summary(
        [Document(name=names[key], stretches=tuple(held)) for key, held in found.items()]
    )


def phrasings(trips: Mapping[str, Trip], seed: int) -> dict[str, Phrasing]:
    """Task type -> how alike the instructions of its kept tasks are put."""
    gathered: dict[str, Gathered] = {}
    for trip in trips.values():
        for task in tables.tasks(trip.run.stage("curate").parts()):
            kind = task.type.value
            gathered.setdefault(kind, Gathered.of(seed, kind)).add(
                outside(task.instruction, task.context)
            )
    found = {kind: held.phrasing() for kind, held in sorted(gathered.items())}
    return {kind: phrasing for kind, phrasing in found.items() if phrasing is not None}


def _shards(trip: Trip) -> Iterator[tuple[Path, dict[str, list[Task]]]]:
    """Every shard of contexts with the curated tasks about it, by context."""
    parts, curated = (trip.run.stage(verb).parts() for verb in ("ingest", "curate"))
    n_passes = len(curated) // len(parts) if parts else 0
    for number, part in enumerate(parts):
        about: dict[str, list[Task]] = {}
        for task in tables.tasks(curated[number * n_passes : (number + 1) * n_passes]):
            about.setdefault(task.context_id, []).append(task)
        yield part, about


def _stretch(text: str, tasks: list[Task]) -> Stretch:
    spans: list[Span] = []
    for task in tasks:
        spans.extend(placed(text, task.context, task.evidence))
    touched = covered(text, spans)
    return Stretch(n_sentences=len(touched), n_covered=sum(touched), n_tasks=len(tasks))
