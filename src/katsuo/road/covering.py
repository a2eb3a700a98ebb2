"""Which spans of which documents gave kept tasks, and how alike are these put?

Shard by shard: what a shard of contexts holds, and the curated tasks about it. Curated tasks come
in the order of the contexts, and those of task types whose labels were ranked once more in it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from katsuo.road.trip import Trip
from katsuo.scoring.coverage import covered, placed
from katsuo.scoring.generated import outside
from katsuo.scoring.maps import Document, Stretch, summary
from katsuo.scoring.phrasing import Gathered, Phrasing
from katsuo.store import tables
from katsuo.types import Task


def coverage(trips: Mapping[str, Trip]) -> dict[str, Any]:
    """What the kept tasks cover of the documents, as a report states it.

    Args:
        trips: Name of each run, or an empty one where there is but one.
    """
    names: dict[str, str] = {}
    found: dict[str, dict[str, _Passage]] = {}
    for domain, trip in trips.items():
        for row, tasks in _about(trip):
            key = f"{domain}/{row['document_id']}"
            name = Path(row["source"]).name
            names[key] = f"{domain}: {name}" if domain else name
            held = found.setdefault(key, {})
            held.setdefault(row["id"], _Passage()).add(row["text"], tasks)
    return summary(
        [
            Document(name=names[key], stretches=tuple(one.stretch for one in held.values()))
            for key, held in found.items()
        ]
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


def _about(trip: Trip) -> Iterator[tuple[dict[str, Any], list[Task]]]:
    """Every context with curated tasks about it; one with tasks of two turns comes twice."""
    parts, curated = (trip.run.stage(verb).parts() for verb in ("ingest", "curate"))
    tasks = _Ahead(tables.tasks(curated))
    while True:
        before = tasks.n_taken
        for part in parts:
            rows = list(tables.read(part))
            about: dict[str, list[Task]] = {row["id"]: [] for row in rows}
            for task in tasks.taken_while(about):
                about[task.context_id].append(task)
            yield from ((row, about[row["id"]]) for row in rows)
        if tasks.next is None:
            return
        assert tasks.n_taken > before, f"{tasks.next.id} is about no context of its run"


class _Ahead:
    """Tasks, of which the next one can be looked at."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks, self.n_taken = tasks, 0
        self.next = next(tasks, None)

    def taken_while(self, contexts: Container[str]) -> Iterator[Task]:
        """The next tasks as long as they are about one of `contexts`."""
        while self.next is not None and self.next.context_id in contexts:
            yield self.next
            self.n_taken += 1
            self.next = next(self._tasks, None)


class _Passage:
    """What tasks, turn by turn, cover of a passage."""

    def __init__(self) -> None:
        self._touched: list[bool] = []
        self._n_tasks = 0

    def add(self, text: str, tasks: Sequence[Task]) -> None:
        """Count `tasks` about the passage, which is `text`."""
        if self._touched and not tasks:
            return
        spans = [span for task in tasks for span in placed(text, task.context, task.evidence)]
        touched = covered(text, spans)
        earlier = self._touched or [False] * len(touched)
        self._touched = [one or other for one, other in zip(earlier, touched, strict=True)]
        self._n_tasks += len(tasks)

    @property
    def stretch(self) -> Stretch:
        """All of it."""
        touched = self._touched
        return Stretch(n_sentences=len(touched), n_covered=sum(touched), n_tasks=self._n_tasks)
