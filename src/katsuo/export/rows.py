"""One line of an export: what a model learns, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katsuo.types import Pair, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a passage stands in its document."""

    source: str
    """The document, as it was named when it was read."""
    start: int
    """Offset of the passage's first character in the document's text."""
    end: int
    page: int | None = None
    heading: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task in one form: with its passage, or without."""

    task: Task
    pair: Pair
    """What is asked in this form, and what is answered."""
    book: str
    """`open` shows the passage, `closed` does not."""
    place: Place
    domain: str = ""
    """Of a study."""

    @property
    def id(self) -> str:
        """Joins a row with its lineage: the task's id, with `-closed` behind it in that form."""
        return self.task.id if self.book == "open" else f"{self.task.id}-closed"


def turns(row: Row) -> list[dict[str, str]]:
    """The conversation: a user's turn and its answer."""
    return [
        {"role": "user", "content": row.pair.prompt},
        {"role": "assistant", "content": row.pair.target},
    ]


def evidence(row: Row) -> list[dict[str, int]]:
    """Where the response is supported, in characters of the document."""
    return [
        {"start": row.place.start + span.start, "end": row.place.start + span.end}
        for span in row.task.evidence
    ]


def scores(row: Row) -> Iterator[tuple[str, float | None]]:
    """What filters measured, by name; None for what JSON has no number for."""
    for name, value in sorted(row.task.scores.items()):
        yield name, value if math.isfinite(value) else None


def lineage(row: Row) -> Mapping[str, Any]:
    """All that a run knows of a row, as one JSON object."""
    task, place = row.task, row.place
    return {
        "id": row.id,
        "task_id": task.id,
        "book": row.book,
        **({"domain": row.domain} if row.domain else {}),
        "document_id": task.document_id,
        "source": place.source,
        "context_id": task.context_id,
        "span": {"start": place.start, "end": place.end},
        "page": place.page,
        "heading": place.heading,
        "evidence": evidence(row),
        "task_type": task.type.value,
        "task_name": task.name or None,
        "labels": list(task.labels),
        "answerable": task.answerable,
        "voice": task.voice or None,
        "review": task.review or None,
        "generator": task.origin.generator,
        "format": task.origin.format,
        "seed": task.origin.seed,
        "scores": dict(scores(row)),
        "surrogates": task.surrogates,
    }
