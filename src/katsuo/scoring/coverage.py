"""Which sentences of a passage does the evidence of tasks touch, and which stretches are left?

    sentence   sentence   sentence   sentence   sentence
                 ▒▒▒▒ evidence                             covered: the second
    └── gap ─┘          └──────────── gap ──────────┘      left: two stretches

Evidence is what `filters.grounded` records, so a sentence counts as covered when a kept
task can be read off it. Headings and other lines of a few words are no sentences here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import eq, itemgetter
from typing import Final

from katsuo.types import Span
from katsuo.words import words

FEWEST_WORDS: Final = 4
"""A shorter line is a heading, a number or a greeting: nobody misses a task about it."""
GAP_SENTENCES: Final = 4
"""A longer stretch is left in pieces, since one task is about one place."""

SENTENCE_END: Final = re.compile(
    r"(?<![.!?])(?<![\s.]\w)[.!?]+[\"')\]”’»]*\s+|[。！？।॥]+[」』”’]*\s*|\n\s*\n"  # noqa: RUF001
)
"""The cut of `filters.grounded`, which records the evidence that coverage counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sentences in a row that no evidence touches."""

    start: int
    end: int
    window: Span
    """The gap with the sentence before and the one behind it: a passage that can be understood."""
    n_words: int


def sentences(text: str) -> list[Span]:
    """The sentences of `text` that have `FEWEST_WORDS` or more, in order."""
    return [span for span in _pieces(text) if _n_words(text, span) >= FEWEST_WORDS]


def covered(text: str, evidence: Sequence[Span]) -> list[bool]:
    """For each of the `sentences` of `text`, whether any of `evidence` touches it."""
    return [_is_touched(span, evidence) for span in sentences(text)]


def placed(passage: str, part: str, evidence: Sequence[Span]) -> tuple[Span, ...]:
    """Evidence of a task about a `part` of `passage`, in the passage's own offsets.

    Where surrogates stand in the part, which have the length of what they replace, its place is
    the beginning of the sentence from which on most signs are the same.

    >>> placed("One here. Two there.", "Two there.", [Span(start=0, end=3)])
    (Span(start=10, end=13),)
    """
    at = passage.find(part)
    if at < 0:
        at = _likest(passage, part)
    return tuple(Span(start=span.start + at, end=span.end + at) for span in evidence)


def _likest(passage: str, part: str) -> int:
    """Where in `passage` a `part` begins that says something else in places."""
    starts = [span.start for span in _pieces(passage) if span.start + len(part) <= len(passage)]
    alike = (sum(map(eq, passage[start : start + len(part)], part)) for start in starts)
    return max(zip(alike, starts, strict=True), key=itemgetter(0), default=(0, 0))[1]


def gaps(text: str, evidence: Sequence[Span]) -> list[Gap]:
    """The stretches of `text` that no evidence touches, the longest first, then the earliest."""
    spans = sentences(text)
    is_open = [not _is_touched(span, evidence) for span in spans]
    found = []
    first = 0
    while first < len(spans):
        last = first
        while last < len(spans) and is_open[last] and last - first < GAP_SENTENCES:
            last += 1
        if last > first:
            found.append(_gap(text, spans, first, last - 1))
        first = max(last, first + 1)
    return sorted(found, key=lambda gap: (-gap.n_words, gap.start))


def _gap(text: str, spans: Sequence[Span], first: int, last: int) -> Gap:
    start, end = spans[first].start, spans[last].end
    before, behind = spans[max(0, first - 1)], spans[min(last + 1, len(spans) - 1)]
    window = Span(start=before.start, end=behind.end)
    if first == 0 and last == len(spans) - 1:
        window = Span(start=0, end=len(text))  # nothing of it is covered: all of it is read again
    n_words = sum(_n_words(text, span) for span in spans[first : last + 1])
    return Gap(start=start, end=end, window=window, n_words=n_words)


def _pieces(text: str) -> list[Span]:
    cuts = [0, *(found.end() for found in SENTENCE_END.finditer(text)), len(text)]
    found = []
    for cut, next_cut in pairwise(cuts):
        piece = text[cut:next_cut]
        start, end = next_cut - len(piece.lstrip()), cut + len(piece.rstrip())
        if start < end:
            found.append(Span(start=start, end=end))
    return found


def _n_words(text: str, span: Span) -> int:
    return len(words(text[span.start : span.end]))


def _is_touched(sentence: Span, evidence: Sequence[Span]) -> bool:
    return any(span.start < sentence.end and sentence.start < span.end for span in evidence)
