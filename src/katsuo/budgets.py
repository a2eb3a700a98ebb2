"""How many drafts does a passage deserve?

    its words, times what is new of it, times drafts per 100 words ──▶ 1 … at_most

A fixed number asks too much of a title page and too little of a full one, and asks again
for what the running header and the repeated clause have said before. What is new is seen
among the passages that are worked on together, so a shard needs to know no other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from katsuo.types import Context
from katsuo.words import words

RUN_WORDS: Final = 5
"""Words in a row from which on a text is a repetition; shorter runs are common language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Drafts of each type by what a passage holds."""

    per_100_words: float = 1.0
    """Drafts of each type for a hundred new words."""
    at_most: int = 8
    """Drafts of each type from one passage; 0 asks for none."""

    def drafts(self, n_words: int, novelty: float = 1.0) -> int:
        """Drafts of each type: at least one of any text, unless `at_most` is 0.

        Args:
            n_words: Of the passage.
            novelty: Share of them that is new, in [0, 1].
        """
        if n_words <= 0:
            return 0
        # Held below at_most before it is rounded: a rate may be as large as floats are.
        wanted = min(float(self.at_most), n_words * novelty * self.per_100_words / 100)
        return min(self.at_most, max(1, math.floor(wanted + 0.5)))


def shares(contexts: Sequence[Context], budget: Budget) -> list[int]:
    """Drafts of each type for each of `contexts`, in their order.

    What is new is seen against the earlier of `contexts` that are of the same document.
    """
    return [
        budget.drafts(len(words(context.text)), novelty)
        for context, novelty in zip(contexts, novelties(contexts), strict=True)
    ]


def novelties(contexts: Sequence[Context]) -> list[float]:
    """For each of `contexts` the share of its words that earlier ones of its document lack.

    A word is known where it stands in a run of `RUN_WORDS` words that an earlier passage has;
    a passage shorter than that is new.
    """
    known: dict[str, set[tuple[str, ...]]] = {}
    found = []
    for context in contexts:
        said = words(context.text)
        runs = [tuple(said[i : i + RUN_WORDS]) for i in range(len(said) - RUN_WORDS + 1)]
        before = known.setdefault(context.document_id, set())
        repeated: set[int] = set()
        for i, run in enumerate(runs):
            if run in before:
                repeated.update(range(i, i + RUN_WORDS))
        found.append(1 - len(repeated) / len(said) if said else 0.0)
        before.update(runs)
    return found
