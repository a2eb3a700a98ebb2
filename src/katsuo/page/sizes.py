"""How does the score grow with the number of tasks?

Arms named `tasks_<number>` are points with whiskers, from left to right by their
number on a logarithmic axis; the model as it was is a dashed line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from katsuo.page.arms import n_tasks, set_names
from katsuo.page.estimates import Estimate
from katsuo.page.groups import BASELINE, TASKS, mean_of
from katsuo.page.quantities import count, points
from katsuo.page.scales import Scale

_LEFT, _RIGHT = 8.0, 97.0
"""Percent of the width between which the axis runs."""
_INSET = 4.0
"""Percent of the width kept free at both ends, so that the first and last number have room."""
_TOP_PX, _PLOT_PX, _AXIS_PX = 10, 220, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One training-set size."""

    n_tasks: int
    estimate: Estimate


def sizes(report: Mapping[str, Any]) -> list[Size]:
    """The sizes that were tried, from small to large; the whole set among them where it is known.

    A study has a whole set of its own in each domain, so none is drawn there.
    """
    arms = report["arms"]
    names = set_names(arms)
    tried = {n: arm for arm in arms if (n := n_tasks(arm)) is not None}
    if not tried:
        return []
    is_study = bool(report["recipe"].get("domains"))
    if TASKS in arms and not is_study and report["n_tasks"] > max(tried):
        tried[report["n_tasks"]] = TASKS
    estimates = {n: mean_of(arms[tried[n]], names) for n in sorted(tried)}
    return [Size(n_tasks=n, estimate=one) for n, one in estimates.items() if one is not None]


def size_chart(report: Mapping[str, Any]) -> Markup:
    """The curve, or nothing where fewer than two sizes were tried."""
    found = sizes(report)
    if len(found) < 2:
        return Markup("")
    arms = report["arms"]
    before = mean_of(arms[BASELINE], set_names(arms)) if BASELINE in arms else None
    levels = Scale.around(_numbers(found, before), about=4)
    spots = [(_x(size.n_tasks, found), _y(size.estimate.value, levels)) for size in found]
    parts = [
        _grid(levels),
        *([_before(before, levels)] if before else []),
        *_lines(spots),
        *(_size(size, x, levels) for size, (x, _) in zip(found, spots, strict=True)),
    ]
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{}"><title>{}</title>{}'
        '<text class="unit" x="{}%" y="{}" text-anchor="middle">{}</text></svg>'
    ).format(
        _TOP_PX + _PLOT_PX + _AXIS_PX,
        f"F1 by number of tasks. {_told(found, before)}",
        Markup("").join(parts),
        (_LEFT + _RIGHT) / 2,
        _TOP_PX + _PLOT_PX + 37,
        "tasks to learn from; F1 in points",
    )


def _told(found: Sequence[Size], before: Estimate | None) -> str:
    told = [f"{count(size.n_tasks)} tasks {points(size.estimate.value)}" for size in found]
    return "; ".join([f"as it was {points(before.value)}", *told] if before else told)


def _numbers(found: Sequence[Size], before: Estimate | None) -> Iterator[float]:
    for one in [size.estimate for size in found] + ([before] if before else []):
        yield from (end for end in (one.value, one.low, one.high) if end is not None)


def _x(n: int, found: Sequence[Size]) -> float:
    low, high = math.log(found[0].n_tasks), math.log(found[-1].n_tasks)
    fraction = (math.log(n) - low) / (high - low)
    return _LEFT + _INSET + (_RIGHT - _LEFT - 2 * _INSET) * fraction


def _y(value: float, levels: Scale) -> float:
    return _TOP_PX + _PLOT_PX * (1 - levels.fraction(value))


def _grid(levels: Scale) -> Markup:
    return Markup("").join(
        Markup(
            '<line class="grid" x1="{}%" x2="{}%" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}%" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(
            _LEFT,
            _RIGHT,
            *[_y(tick, levels)] * 2,
            _LEFT - 1.2,
            _y(tick, levels) + 4,
            levels.label(tick),
        )
        for tick in levels.ticks
    )


def _before(before: Estimate, levels: Scale) -> Markup:
    y = _y(before.value, levels)
    return Markup(
        '<g class="arm-zero_shot"><line class="level" x1="{}%" x2="{}%" y1="{:.1f}" y2="{:.1f}"/>'
        '<text class="unit" x="{}%" y="{:.1f}" text-anchor="end">as it was {}</text></g>'
    ).format(_LEFT, _RIGHT, y, y, _RIGHT, y - 5, points(before.value))


def _lines(spots: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    for (x1, y1), (x2, y2) in pairwise(spots):
        yield Markup(
            '<line class="curve arm-tasks" x1="{:.2f}%" x2="{:.2f}%" y1="{:.1f}" y2="{:.1f}"/>'
        ).format(x1, x2, y1, y2)


def _size(size: Size, x: float, levels: Scale) -> Markup:
    one = size.estimate
    whisker = Markup("")
    if one.low is not None and one.high is not None:
        whisker = Markup(
            '<line class="whisker" x1="{:.2f}%" x2="{:.2f}%" y1="{:.1f}" y2="{:.1f}"/>'
        ).format(x, x, _y(one.low, levels), _y(one.high, levels))
    return Markup(
        '<g class="row arm-tasks">{}<circle class="dot" cx="{:.2f}%" cy="{:.1f}" r="5"/></g>'
        '<text class="number size" x="{:.2f}%" dx="-8" y="{:.1f}" text-anchor="end">{}</text>'
        '<text class="tick" x="{:.2f}%" y="{}" text-anchor="middle">{}</text>'
    ).format(
        whisker,
        x,
        _y(one.value, levels),
        x,
        _y(one.value, levels) - 7,
        points(one.value),
        x,
        _TOP_PX + _PLOT_PX + 17,
        count(size.n_tasks),
    )
