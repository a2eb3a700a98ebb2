"""How much of what is asked about stands, word for word, in what was learned?

Two passages overlap when they share a run of `GRAM_WORDS` words: the usual test
for a leak from training into evaluation (Brown et al. 2020, appendix C).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from katsuo.words import words

GRAM_WORDS: Final = 13
"""So many words in a row are no chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Passages that are asked about, and how many of them were partly learned."""

    n_passages: int
    n_shared: int

    def to_json(self) -> dict[str, int]:
        """In values that JSON knows."""
        return {
            "gram_words": GRAM_WORDS,
            "n_passages": self.n_passages,
            "n_shared": self.n_shared,
        }


def overlap(held_out: Sequence[str], learned: Iterable[str]) -> Overlap:
    """How many of the passages `held_out` share a run of words with any of `learned`.

    A passage shorter than a run is compared as a whole.
    """
    runs = [frozenset(_runs(passage)) for passage in held_out]
    every = frozenset().union(*runs)
    known = {run for passage in learned for run in _runs(passage) if run in every}
    n_shared = sum(not known.isdisjoint(each) for each in runs)
    return Overlap(n_passages=len(runs), n_shared=n_shared)


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    split = words(text)
    for i in range(max(1, len(split) - GRAM_WORDS + 1) if split else 0):
        yield tuple(split[i : i + GRAM_WORDS])
