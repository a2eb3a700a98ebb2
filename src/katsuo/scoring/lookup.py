"""Which passage of a document is a question about?

The passage that holds the answer, where one does; of several, and where none
does, the one whose words the question shares, rare words counting more. A
person wrote the question and not where to look, so the report says how many
contexts were found this way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from katsuo.words import words


class Way(StrEnum):
    """How a context was come by."""

    GIVEN = "given"
    HOLDS_ANSWER = "holds-the-answer"
    SHARES_WORDS = "shares-words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage, by its place in the list."""

    index: int
    way: Way


def look_up(question: str, answers: Sequence[str], passages: Sequence[str]) -> Found:
    """The passage that `question` is about; the earliest of equally good ones.

    Args:
        question: As it is asked.
        answers: Texts that may stand in the passage; empty where there are only labels.
        passages: Of one document, at least one.
    """
    split = [words(passage) for passage in passages]
    wanted = [found for answer in answers if (found := words(answer))]
    holding = [i for i, held in enumerate(split) if any(_holds(held, one) for one in wanted)]
    n_with = Counter(word for held in split for word in set(held))
    asked = set(words(question))

    def shared(i: int) -> float:
        return sum(math.log(1 + len(split) / n_with[word]) for word in asked & set(split[i]))

    best = max(holding or range(len(split)), key=shared)  # max keeps the first of equals
    return Found(index=best, way=Way.HOLDS_ANSWER if holding else Way.SHARES_WORDS)


def _holds(held: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the words `wanted` stand in `held`, one behind the other."""
    n = len(wanted)
    return any(held[i : i + n] == wanted for i in range(len(held) - n + 1))
