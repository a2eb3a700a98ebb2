"""Which answers can a closed task be ranked among?

    labels that whoever made the task stated  ─▶ those
    Say "yes" if it must be so, else "no".    ─▶ yes | no
    (a) ten years (b) for good      b         ─▶ a | b

A task whose instruction names no answers, or not the one that it gives, cannot be ranked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from katsuo.books import closed_book
from katsuo.offers import folded, offers
from katsuo.types import Flaw, Task, TaskType

_YES_NO: Final = ("yes", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A closed question as it can be ranked."""

    choices: tuple[str, ...]
    """In the order and the writing of whoever offered them, so that nothing betrays the answer."""
    answer: int
    """Place of the response among them."""


def ranked(task: Task) -> Ranked | Flaw:
    """The answers that `task` allows, and its own; no two are the same but for letter case."""
    own = folded(task.response)
    found: dict[str, str] = {}
    for word in task.labels or _offered(task, own):
        found.setdefault(folded(word), word)
    if len(found) < 2:
        return Flaw(reason="choices-not-offered")
    if own not in found:
        return Flaw(reason="response-not-offered")
    return Ranked(choices=tuple(found.values()), answer=list(found).index(own))


def _offered(task: Task, own: str) -> tuple[str, ...]:
    question = closed_book(task)
    plain = offers(task.type, question)
    for offer in plain:
        if own in offer.words:
            signs = [word for word in offer.words if len(word) == 1]
            # A list with letters offers both the letters and what stands behind them.
            alike = signs if len(own) == 1 else [w for w in offer.words if len(w) > 1]
            return _as_written(alike, question)
    if not plain and task.type is TaskType.YNQA and own in _YES_NO:
        return _YES_NO
    return tuple(sorted(plain[0].words)) if plain else ()


def _as_written(words: list[str], question: str) -> tuple[str, ...]:
    """`words` in the letter case and the order in which `question` has them."""
    found = []
    for word in sorted(words):
        stands = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", question, re.IGNORECASE)
        found.append((stands.start(), stands[0]) if stands else (len(question), word))
    return tuple(word for _, word in sorted(found))
