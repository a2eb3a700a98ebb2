"""Do tasks from one source help on the sets of another?

    source, set ──▶ gain over the model as it was, in points

Rows are the arms named `tasks@<source>`, columns the evaluation sets. A cell is
a set's own where the source has its name, or where the recipe asks it there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from katsuo.page.arms import ordered, set_names, source
from katsuo.page.estimates import Estimate, Verdict
from katsuo.page.groups import BASELINE
from katsuo.page.quantities import NO_NUMBER, signed

N_SHADES: Final = 5
"""How many depths of a colour a cell can have."""
_SHOWN: Final = (Verdict.RAISED, Verdict.LOWERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One gain."""

    number: str
    interval: str
    shade: str
    """CSS class of the colour; empty where nothing was measured."""
    is_own: bool
    is_shown: bool
    """Whether the interval excludes 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All gains, with the names of their rows and columns."""

    sets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...], Cell], ...]
    """Source, a cell for each set, and the mean over the sets."""


def matrix(report: Mapping[str, Any]) -> Matrix | None:
    """The gains of every source on every set; none where no arm is named for its source."""
    gains, arms = report["gains"], report["arms"]
    found = [
        (where, gains[f"{arm}-{BASELINE}"])
        for arm in ordered(arms)
        if (where := source(arm)) is not None and f"{arm}-{BASELINE}" in gains
    ]
    if not found:
        return None
    measured = {name for _, gain in found for name in gain.get("by_set") or {}}
    sets = tuple(name for name in set_names(arms) if name in measured)
    raw = [[*((gain.get("by_set") or {}).get(name) for name in sets), gain] for _, gain in found]
    estimates = [[Estimate.of(one) for one in row] for row in raw]
    most = max((abs(one.value) for row in estimates for one in row if one), default=0.0)
    rows = []
    for (where, _), row in zip(found, estimates, strict=True):
        own = _own_sets(report, where, sets)
        cells = [
            _cell(one, most, is_own=name in own) for name, one in zip((*sets, ""), row, strict=True)
        ]
        rows.append((where, tuple(cells[:-1]), cells[-1]))
    return Matrix(sets=sets, rows=tuple(rows))


def _own_sets(report: Mapping[str, Any], where: str, sets: Sequence[str]) -> set[str]:
    domain = (report["recipe"].get("domains") or {}).get(where) or {}
    asked = (domain.get("evaluate") or {}).get("sets") or []
    return {PurePath(path).stem for path in asked} | ({where} & set(sets))


def _cell(estimate: Estimate | None, most: float, *, is_own: bool) -> Cell:
    if estimate is None:
        return Cell(number=NO_NUMBER, interval="", shade="", is_own=is_own, is_shown=False)
    depth = math.ceil(N_SHADES * abs(estimate.value) / most) if most else 0
    return Cell(
        number=signed(estimate.value),
        interval=estimate.interval,
        shade=f"{'rise' if estimate.value > 0 else 'fall'}-{depth}" if depth else "",
        is_own=is_own,
        is_shown=estimate.verdict in _SHOWN,
    )
