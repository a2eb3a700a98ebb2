"""Which documents are covered, and which are drawn?

All documents are counted; those with most sentences and those with the least share of
covered ones are drawn, so the map of a thousand documents has room on a page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

LISTED: Final = 1000
"""Most documents that are listed, those that lack most sentences first."""
DRAWN: Final = 8
"""Documents that are drawn for their size, and as many for what they lack."""
STRETCHES: Final = 80
"""Most passages of one document that are drawn apart; more are drawn in groups of neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A passage, or a few neighbours, and what kept tasks cover of it."""

    n_sentences: int
    n_covered: int
    """Sentences that the evidence of a kept task touches."""
    n_tasks: int
    """Kept tasks about it, with evidence or without."""

    @classmethod
    def joined(cls, parts: Sequence[Stretch]) -> Stretch:
        """Several as one."""
        return cls(
            n_sentences=sum(part.n_sentences for part in parts),
            n_covered=sum(part.n_covered for part in parts),
            n_tasks=sum(part.n_tasks for part in parts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as its passages, in order."""

    name: str
    stretches: tuple[Stretch, ...]

    @property
    def whole(self) -> Stretch:
        """All of it as one."""
        return Stretch.joined(self.stretches)

    @property
    def covered_fraction(self) -> float:
        """Share of its sentences that are covered; 1 where it has none."""
        whole = self.whole
        return whole.n_covered / whole.n_sentences if whole.n_sentences else 1.0


def summary(documents: Sequence[Document]) -> dict[str, Any]:
    """What a report states: the sums, every document up to `LISTED`, and the map of a few."""
    whole = Stretch.joined([document.whole for document in documents])
    lacking = sorted(
        documents, key=lambda one: (one.whole.n_covered - one.whole.n_sentences, one.name)
    )
    return {
        "n_documents": len(documents),
        "sentences": whole.n_sentences,
        "covered": whole.n_covered,
        "tasks": whole.n_tasks,
        "documents": [_stated(document) for document in lacking[:LISTED]],
        "map": [
            {**_stated(document), "passages": [_row(one) for one in grouped(document.stretches)]}
            for document in drawn(documents)
        ],
    }


def drawn(documents: Sequence[Document]) -> list[Document]:
    """The largest documents, then of the others the least covered; each once."""
    by_size = sorted(documents, key=lambda one: (-one.whole.n_sentences, one.name))
    largest, others = by_size[:DRAWN], by_size[DRAWN:]
    held = [one for one in others if one.whole.n_sentences]
    least = sorted(held, key=lambda one: (one.covered_fraction, -one.whole.n_sentences, one.name))
    return [*largest, *least[:DRAWN]]


def grouped(stretches: Sequence[Stretch]) -> list[Stretch]:
    """At most `STRETCHES` of neighbours joined, in order; nothing is lost."""
    size = max(1, math.ceil(len(stretches) / STRETCHES))
    return [Stretch.joined(stretches[at : at + size]) for at in range(0, len(stretches), size)]


def _stated(document: Document) -> dict[str, Any]:
    whole = document.whole
    return {
        "name": document.name,
        "n_passages": len(document.stretches),
        "sentences": whole.n_sentences,
        "covered": whole.n_covered,
        "tasks": whole.n_tasks,
    }


def _row(stretch: Stretch) -> list[int]:
    return [stretch.n_sentences, stretch.n_covered, stretch.n_tasks]
