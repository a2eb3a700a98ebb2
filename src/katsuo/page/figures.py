"""Which score charts does the page draw, and how many?

A few arms fit one drawing. Many arms get the mean first, by itself, and then
a small drawing for each set, all on one axis, so that the eye can compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from katsuo.page.charts import Group, numbers, whiskers
from katsuo.page.groups import gain_groups, overview_groups, score_groups
from katsuo.page.scales import Scale

MOST_ROWS: Final = 5
"""Most rows of a group that is drawn together with the others."""
MOST_GAIN_ROWS: Final = 20
_NONE: Final = Markup("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A chart to look at first, and more of the same for who wants to know."""

    first: Markup = _NONE
    more: tuple[Markup, ...] = ()
    has_seeds: bool = False
    """Whether single tunings are drawn."""


def score_figures(arms: Mapping[str, Mapping[str, Any]]) -> Figures:
    """The scores of all arms on all sets."""
    groups = score_groups(arms)
    if not groups:
        return Figures()
    has_seeds = any(row.seeds for group in groups for row in group.rows)
    if len(groups) == 1 or max(len(group.rows) for group in groups) <= MOST_ROWS:
        return Figures(first=_scores(groups, None), has_seeds=has_seeds)
    *sets, mean = groups
    scale = Scale.around(numbers(sets))
    return Figures(
        first=_scores([mean], None),
        more=tuple(_scores([group], scale) for group in sets),
        has_seeds=has_seeds,
    )


def gain_figures(gains: Mapping[str, Any], arms: Sequence[str]) -> Figures:
    """The differences between arms; set by set only where that is not too much."""
    groups = gain_groups(gains)
    if not groups:
        return Figures()
    if len(arms) <= MOST_ROWS and sum(len(group.rows) for group in groups) <= MOST_GAIN_ROWS:
        return Figures(first=_gains(groups, None))
    scale = Scale.around(numbers(groups), zero=True)
    return Figures(
        first=_gains(overview_groups(gains, arms), None),
        more=tuple(_gains([group], scale) for group in groups if len(group.rows) > 1),
    )


def _scores(groups: Sequence[Group], scale: Scale | None) -> Markup:
    title = f"F1 in points with 95 % intervals. {_told(groups)}"
    return whiskers(groups, title=title, unit="F1, points", scale=scale)


def _gains(groups: Sequence[Group], scale: Scale | None) -> Markup:
    return whiskers(
        groups,
        title=f"Differences in F1 points with 95 % intervals. {_told(groups)}",
        unit="difference in F1, points; right of 0 is better",
        zero=True,
        scale=scale,
    )


def _told(groups: Sequence[Group]) -> str:
    return "; ".join(
        f"{group.title}: "
        + ", ".join(f"{row.label} {row.number} {row.interval}" for row in group.rows)
        for group in groups
    )
