"""Which lines of a page belong to one paragraph, and which are headings?

A PDF knows where each line stands and nothing of paragraphs. A line goes on in
the next one unless the page shows otherwise: a wider gap, other letters, a list
mark, or room left on the line for the next word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_WIDE_GAP: Final = 1.35
"""Times the page's usual step from line to line: more is a gap between paragraphs."""
_WIDE_LEADING: Final = 1.45
"""Times the size of the letters: a step that is still common inside a paragraph."""
_LARGER: Final = 1.12
"""Times the size of the letters: more is another size, such as a heading's."""
_BOLD: Final = 600
"""Weight of letters from which they are bold; plain ones have 400."""
_MOST_HEADING_WORDS: Final = 16
_DEEPEST: Final = 6
"""Markdown's lowest level of headings."""
_NEIGHBOURS: Final = 8
"""Lines before and behind that tell where the right margin is."""
_EDGE_LINES: Final = 2
"""Running titles and page numbers are among so many lines at the top or the bottom."""
_RUNNING_PAGES: Final = 3
"""A line that comes back on fewer pages is no running title."""
_RUNNING_FRACTION: Final = 1 / 3
"""Left and right pages may have titles of their own, and first pages none."""
_LIST_MARK: Final = re.compile(
    r"[•‣▪●○◦□\u2013—\-*·]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|\d+(?:\.\d+)+\.?\s|§"
)
_BROKEN_WORD: Final = re.compile("(\\S*?)(\\w+)[\x02\ufffe]\\s*(\\w+)")
"""Where PDFium took out a hyphen at the end of a line, and what stood before in the word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line and where it stands, in points from the page's lower left corner."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    """Of the letters in the middle of the line: a footnote's number is smaller than its text."""
    weight: int
    """The lightest of the line: words in bold make no heading."""
    first_word_width: float

    @property
    def letters(self) -> tuple[float, bool]:
        """Size to half a point, and whether bold: lines of one heading agree in both."""
        return round(self.size * 2) / 2, self.weight >= _BOLD

    def goes_on_in(self, other: Line, *, margin: float) -> bool:
        """Whether the next word had no room before `margin` and no list item begins there."""
        return (
            not _LIST_MARK.match(other.text)
            and self.right + self.size / 4 + other.first_word_width > margin
        )


def without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without the titles and page numbers that come back on a third of them."""
    seen = Counter(key for page in pages for key in {_key(page[i]) for i in _edges(page)})
    least = max(_RUNNING_PAGES, len(pages) * _RUNNING_FRACTION)
    kept = []
    for page in pages:
        running = {i for i in _edges(page) if seen[_key(page[i])] >= least}
        kept.append([line for i, line in enumerate(page) if i not in running])
    return kept


def heading_marks(lines: Sequence[Line]) -> dict[tuple[float, bool], str]:
    """The Markdown mark for each kind of letters that headings have, the largest kind first.

    Args:
        lines: All lines of a document.
    """
    n_chars = Counter[tuple[float, bool]]()
    for line in lines:
        n_chars[line.letters] += len(line.text)
    if not n_chars:
        return {}
    body_size, body_bold = n_chars.most_common(1)[0][0]
    found = [
        (size, bold)
        for size, bold in sorted(n_chars, reverse=True)
        if size > _LARGER * body_size or (bold and not body_bold and size >= body_size)
    ]
    return {kind: "#" * min(i, _DEEPEST) + " " for i, kind in enumerate(found, 1)}


def markdown(lines: Sequence[Line], marks: dict[tuple[float, bool], str]) -> str:
    """The text of a page: paragraphs and headings apart by a blank line, list items by a break."""
    usual_step = median([step for step in map(_step, lines, lines[1:]) if step > 0] or [0.0])
    parts: list[tuple[str, list[Line]]] = []
    for i, line in enumerate(lines):
        gap = _gap(lines, i, usual_step)
        if gap == " ":
            parts[-1][1].append(line)
        else:
            parts.append((gap, [line]))
    text = "".join(gap + _paragraph(inside, marks) for gap, inside in parts)
    return re.sub(r"\n{3,}", "\n\n", text.strip())


def mended(text: str, words: frozenset[str]) -> str:
    """`text` with words that were broken at the end of a line whole again.

    The hyphen stays where the document writes it elsewhere, where both halves
    are words of their own, and in addresses: `long-term`, but `version`.

    Args:
        text: May hold PDFium's mark for a hyphen it took out.
        words: Every word of the document, as `words_of` gives them.
    """

    def whole(found: re.Match[str]) -> str:
        before, first, second = found.groups()
        halves = (first.casefold(), second.casefold())
        is_compound = "-".join(halves) in words or all(half in words for half in halves)
        is_word = "".join(halves) in words or not is_compound
        return f"{before}{first}{'' if is_word and '/' not in before else '-'}{second}"

    return _BROKEN_WORD.sub(whole, text)


def words_of(text: str) -> frozenset[str]:
    """Every unbroken word of `text`, folded; a compound counts whole and in its parts."""
    unbroken = re.sub("\\w+[\x02\ufffe]\\s*\\w+", " ", text).casefold()
    found = set(re.findall(r"\w+(?:-\w+)*", unbroken))
    return frozenset(part for word in found for part in (word, *word.split("-")))


def _gap(lines: Sequence[Line], i: int, usual_step: float) -> str:
    """What stands before line `i`: a blank line, a line break, or a space in its paragraph."""
    if i == 0:
        return ""
    above, line = lines[i - 1], lines[i]
    # Larger letters have longer steps of their own.
    widest_step = max(_WIDE_GAP * usual_step, _WIDE_LEADING * line.size)
    if _step(above, line) > widest_step or _differ(above, line):
        return "\n\n"
    around = lines[max(0, i - _NEIGHBOURS) : i + _NEIGHBOURS]
    margin = max(near.right for near in around if _share_column(near, above))
    return " " if above.goes_on_in(line, margin=margin) else "\n"


def _paragraph(lines: Sequence[Line], marks: dict[tuple[float, bool], str]) -> str:
    text = " ".join(line.text for line in lines)
    mark = marks.get(lines[0].letters, "")
    is_heading = mark and len(text.split()) <= _MOST_HEADING_WORDS and text[-1] not in ".,;:"
    return f"\n\n{mark}{text}\n\n" if is_heading else text


def _step(above: Line, line: Line) -> float:
    return above.baseline - line.baseline


def _differ(one: Line, other: Line) -> bool:
    low, high = sorted((one.size, other.size))
    return high > _LARGER * low or one.letters[1] != other.letters[1]


def _edges(page: Sequence[Line]) -> list[int]:
    return [i for i in range(len(page)) if min(i, len(page) - 1 - i) < _EDGE_LINES]


def _key(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _share_column(one: Line, other: Line) -> bool:
    """Whether the lines overlap by half of the narrower one."""
    overlap = min(one.right, other.right) - max(one.left, other.left)
    return overlap >= min(one.right - one.left, other.right - other.left) / 2
