"""How are scores drawn? Inline SVG that fits any width and needs no script.

Horizontal places are percentages of the drawing's width and text keeps its own
size, so a phone shows the same chart, narrower, with letters as large as before.
Colours come from the page's style sheet by class, so dark and light both work.

    | label      |  ──●──  axis                     | 41.2  (36.0 to 46.9) |
    0 %         28 %                               78 %                  100 %
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from katsuo.page.scales import Scale

_LEFT, _RIGHT, _NUMBERS, _INTERVALS = 28.0, 78.0, 81.0, 87.5
"""Percent of the width: where the axis begins and ends, numbers and intervals begin."""
WIDE_CHARS: Final = 30
NARROW_CHARS: Final = 15
"""Longest label that fits beside the axis on a desk's and on a phone's screen."""
_ROW_PX, _HEAD_PX, _APART_PX, _AXIS_PX = 26, 34, 22, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One estimate: a dot, with its interval as a whisker."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: str
    """CSS class that gives the colour."""
    number: str
    """The value as text."""
    interval: str = ""
    """The interval as text."""
    spots: tuple[float, ...] = ()
    """Single prompts behind the value, drawn as small ticks above it."""
    seeds: tuple[float, ...] = ()
    """Single tunings behind the value, drawn as small dots below it."""
    apart: str = ""
    """What is written above a row that begins another kind of rows."""

    @property
    def height_px(self) -> int:
        """How much of the drawing the row takes."""
        return _ROW_PX + (_APART_PX if self.apart else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that belong to one evaluation set."""

    title: str
    note: str
    rows: tuple[Row, ...]

    @property
    def height_px(self) -> int:
        """How much of the drawing the group takes."""
        return _HEAD_PX + sum(row.height_px for row in self.rows)


def whiskers(
    groups: Sequence[Group],
    *,
    title: str,
    unit: str,
    zero: bool = False,
    scale: Scale | None = None,
) -> Markup:
    """A dot and a whisker for every row, all groups on one axis.

    Args:
        groups: In the order of drawing, from the top.
        title: What the drawing says to who cannot see it.
        unit: Written under the axis.
        zero: Whether 0 lies on the axis and is drawn as a line, as for differences.
        scale: The axis, where several drawings share one; else it fits the rows.
    """
    scale = scale or Scale.around(numbers(groups), zero=zero)
    bottom = sum(group.height_px for group in groups) + 4
    parts = [_grid(scale, bottom, unit, zero=zero)]
    top = 0
    for group in groups:
        parts.append(_head(group, top))
        row_top = top + _HEAD_PX
        for row in group.rows:
            row_top += row.height_px
            parts.append(_row(row, scale, row_top - _ROW_PX // 2))
        top += group.height_px
    return _drawing(title, bottom + _AXIS_PX, parts)


def bar(part: float, whole: float, *, tone: str = "passed") -> Markup:
    """A bar that fills `part` of `whole`; decoration, so the number must stand beside it."""
    filled = 100 * min(1.0, max(0.0, part / whole)) if whole else 0.0
    return Markup(
        '<svg class="bar {}" aria-hidden="true" focusable="false" width="100%" height="10">'
        '<rect class="track" width="100%" height="10" rx="3"/>'
        '<rect class="fill" width="{:.2f}%" height="10" rx="3"/></svg>'
    ).format(tone, filled)


def numbers(groups: Sequence[Group]) -> Iterator[float]:
    """Every number that the rows draw, for an axis that holds them all."""
    for group in groups:
        for row in group.rows:
            ends = (end for end in (row.low, row.high) if end is not None)
            yield from (row.value, *ends, *row.spots, *row.seeds)


def _drawing(title: str, height_px: int, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{}"><title>{}</title>{}</svg>'
    ).format(height_px, title, Markup("").join(parts))


def _x(scale: Scale, value: float) -> str:
    return f"{_LEFT + (_RIGHT - _LEFT) * scale.fraction(value):.2f}%"


def _grid(scale: Scale, bottom: int, unit: str, *, zero: bool) -> Markup:
    lines = [
        Markup(
            '<line class="{}" x1="{}" x2="{}" y1="0" y2="{}"/>'
            '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>'
        ).format(
            "zero" if zero and tick == 0 else "grid",
            *[_x(scale, tick)] * 2,
            bottom,
            _x(scale, tick),
            bottom + 17,
            scale.label(tick),
        )
        for tick in scale.ticks
    ]
    middle = f"{(_LEFT + _RIGHT) / 2:.2f}%"
    caption = Markup('<text class="unit" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        middle, bottom + 37, unit
    )
    return Markup("").join([*lines, caption])


def _head(group: Group, top: int) -> Markup:
    return Markup(
        '<text class="group" x="0" y="{}">{}</text>'
        '<text class="note" x="100%" y="{}" text-anchor="end">{}</text>'
    ).format(top + 23, group.title, top + 23, group.note)


def _label(label: str, baseline: int) -> Markup:
    """The row's name, once for wide and once for narrow pages where it does not fit both."""
    texts = [_clipped(label, n_chars) for n_chars in (WIDE_CHARS, NARROW_CHARS)]
    classes = ("label",) if texts[0] == texts[1] else ("label wide", "label narrow")
    return Markup("").join(
        Markup('<text class="{}" x="{}%" y="{}" text-anchor="end">{}</text>').format(
            name, _LEFT - 2, baseline, text
        )
        for name, text in zip(classes, texts, strict=False)
    )


def _clipped(label: str, n_chars: int) -> str:
    return label if len(label) <= n_chars else f"{label[: n_chars - 1]}\N{HORIZONTAL ELLIPSIS}"


def _row(row: Row, scale: Scale, middle: int) -> Markup:
    return Markup(
        '<g class="row {}">{}{}{}{}'
        '<circle class="dot" cx="{}" cy="{}" r="5"/>'
        '<text class="number" x="{}" y="{}">{}</text>'
        '<text class="interval" x="{}" y="{}">{}</text></g>'
    ).format(
        row.tone,
        _apart(row, middle),
        _label(row.label, middle + 4),
        _singles(row, scale, middle),
        _whisker(row, scale, middle),
        _x(scale, row.value),
        middle,
        f"{_NUMBERS}%",
        middle + 4,
        row.number,
        f"{_INTERVALS}%",
        middle + 4,
        row.interval,
    )


def _apart(row: Row, middle: int) -> Markup:
    if not row.apart:
        return Markup("")
    y = middle - _ROW_PX // 2 - 5
    return Markup(
        '<line class="apart" x1="0" x2="100%" y1="{}" y2="{}"/>'
        '<text class="family" x="0" y="{}">{}</text>'
    ).format(y - 13, y - 13, y + 1, row.apart)


def _whisker(row: Row, scale: Scale, middle: int) -> Markup:
    if row.low is None or row.high is None:
        return Markup("")
    return Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        _x(scale, row.low), _x(scale, row.high), middle, middle
    )


def _singles(row: Row, scale: Scale, middle: int) -> Markup:
    """Prompts as ticks above the line, seeds as dots below it."""
    ticks = [
        Markup('<line class="spot" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            *[_x(scale, spot)] * 2, middle - 8, middle - 3
        )
        for spot in row.spots
    ]
    dots = [
        Markup('<circle class="seed" cx="{}" cy="{}" r="2"/>').format(_x(scale, seed), middle + 7)
        for seed in row.seeds
    ]
    return Markup("").join([*ticks, *dots])
