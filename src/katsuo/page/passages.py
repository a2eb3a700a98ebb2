"""How is a user's text shown, with what matters in it marked?

Everything here cuts text into pieces and never changes a character, so that
the page can escape each piece and the pieces together are the text again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

EXCERPT_CHARS: Final = 640
"""A longer passage is shown as an excerpt, the whole of it folded."""
_LEAD_CHARS: Final = 200
"""How much of an excerpt stands in front of the first evidence."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of text that is marked as a whole or not at all."""

    text: str
    marked: bool


def pieces(text: str, spans: Iterable[tuple[int, int]]) -> tuple[Piece, ...]:
    """`text` cut where evidence begins and ends; the pieces in order are `text`.

    Overlapping and adjacent spans become one mark. What lies outside `text`
    is ignored, as is a span that ends before it begins.
    """
    cut: list[Piece] = []
    at = 0
    for start, end in _united(spans, len(text)):
        if at < start:
            cut.append(Piece(text=text[at:start], marked=False))
        cut.append(Piece(text=text[start:end], marked=True))
        at = end
    if at < len(text):
        cut.append(Piece(text=text[at:], marked=False))
    return tuple(cut)


def excerpt(text: str, spans: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The window of `text` that shows the first evidence, or the beginning; cut between words."""
    if len(text) <= EXCERPT_CHARS:
        return 0, len(text)
    united = _united(spans, len(text))
    begin = max(0, united[0][0] - _LEAD_CHARS) if united else 0
    start = _after_space(text, min(begin, len(text) - EXCERPT_CHARS))
    end = min(len(text), start + EXCERPT_CHARS)
    if end < len(text):
        space = text.rfind(" ", start + EXCERPT_CHARS // 2, end)
        end = space if space > 0 else end
    return start, end


def writable(text: str) -> str:
    """`text` as UTF-8 can hold it: one U+FFFD for each lone surrogate, so offsets still hold."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def slotted(instruction: str, context: str) -> tuple[Piece, ...]:
    """`instruction` cut where it repeats the passage; a marked piece stands for the passage."""
    passage = context.strip()
    if not passage:
        return pieces(instruction, ())
    return pieces(
        instruction, [found.span() for found in re.finditer(re.escape(passage), instruction)]
    )


def _united(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    inside = ((max(0, start), min(end, length)) for start, end in spans)
    united: list[tuple[int, int]] = []
    for start, end in sorted(span for span in inside if span[0] < span[1]):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


def _after_space(text: str, start: int) -> int:
    if start == 0:
        return 0
    space = text.find(" ", start, start + _LEAD_CHARS // 2)
    return space + 1 if space >= 0 else start
