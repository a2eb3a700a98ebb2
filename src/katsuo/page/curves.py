"""How is the loss of a tuning run drawn?

Steps run from left to right on one axis for all arms. Long runs are averaged in
buckets, so that the page stays small; the axis covers what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from katsuo.page.quantities import finite
from katsuo.page.scales import Scale

MAX_POINTS: Final = 160
"""Most points of one curve: finer is not seen at the width of a page."""
LOSSES: Final = "optimizer step; loss in nats per token"
_LEFT, _RIGHT = 8.0, 99.0
"""Percent of the width between which the curves run."""
_TOP_PX, _PLOT_PX, _AXIS_PX = 8, 190, 44
_VIEW: Final = 1000
"""Width and height of the stretched inner drawing, in its own units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One arm's losses."""

    label: str
    tone: str
    """CSS class that gives the colour and the dashes."""
    spots: tuple[tuple[float, float], ...]
    """Step and loss, in nats per token, in the order of the steps."""

    @classmethod
    def of(cls, label: str, tone: str, losses: Sequence[Sequence[object]]) -> Curve:
        """The curve through `losses`; a loss that is no finite number leaves a gap."""
        pairs = ((finite(step), finite(loss)) for step, loss in losses)
        held = [(step, loss) for step, loss in pairs if step is not None and loss is not None]
        return cls(label=label, tone=tone, spots=_thinned(held))


def curves(drawn: Sequence[Curve], *, title: str, unit: str = LOSSES) -> Markup:
    """All curves that have a point, on one pair of axes, with `unit` written below."""
    spots = [spot for curve in drawn for spot in curve.spots]
    steps = Scale.around((step for step, _ in spots), zero=True)
    losses = Scale.around((loss for _, loss in spots), about=4)
    lines = Markup("").join(_line(curve, steps, losses) for curve in drawn if curve.spots)
    inner = Markup(
        '<svg x="{}%" y="{}" width="{}%" height="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}</svg>'
    ).format(_LEFT, _TOP_PX, _RIGHT - _LEFT, _PLOT_PX, _VIEW, _VIEW, lines)
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{}"><title>{}</title>{}{}{}</svg>'
    ).format(_TOP_PX + _PLOT_PX + _AXIS_PX, title, _levels(losses), _steps(steps, unit), inner)


def _line(curve: Curve, steps: Scale, losses: Scale) -> Markup:
    places = " ".join(
        f"{_VIEW * steps.fraction(step):.1f},{_VIEW * (1 - losses.fraction(loss)):.1f}"
        for step, loss in curve.spots
    )
    # One point draws no line; written twice it draws a dot, by the line's round ends.
    places = f"{places} {places}" if len(curve.spots) == 1 else places
    return Markup(
        '<polyline class="curve {}" points="{}" vector-effect="non-scaling-stroke"/>'
    ).format(curve.tone, places)


def _levels(losses: Scale) -> Markup:
    parts = []
    for tick in losses.ticks:
        y = _TOP_PX + _PLOT_PX * (1 - losses.fraction(tick))
        parts.append(
            Markup(
                '<line class="grid" x1="{}%" x2="{}%" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tick" x="{}%" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(_LEFT, _RIGHT, y, y, _LEFT - 1.2, y + 4, losses.label(tick))
        )
    return Markup("").join(parts)


def _steps(steps: Scale, unit: str) -> Markup:
    bottom = _TOP_PX + _PLOT_PX
    parts = [
        Markup('<text class="tick" x="{:.2f}%" y="{}" text-anchor="{}">{}</text>').format(
            _LEFT + (_RIGHT - _LEFT) * steps.fraction(tick),
            bottom + 17,
            "end" if tick == steps.high else "middle",
            steps.label(tick),
        )
        for tick in steps.ticks
    ]
    parts.append(
        Markup('<text class="unit" x="{}%" y="{}" text-anchor="middle">{}</text>').format(
            (_LEFT + _RIGHT) / 2, bottom + 37, unit
        )
    )
    return Markup("").join(parts)


def _thinned(spots: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """At most `MAX_POINTS`, each the mean of its bucket; short curves stay as they are."""
    if len(spots) <= MAX_POINTS:
        return tuple(spots)
    edges = [len(spots) * i // MAX_POINTS for i in range(MAX_POINTS + 1)]
    buckets = [spots[start:end] for start, end in pairwise(edges)]
    return tuple(
        (
            sum(step for step, _ in bucket) / len(bucket),
            sum(loss for _, loss in bucket) / len(bucket),
        )
        for bucket in buckets
    )
