"""How far do two people who read the same tasks say the same?

Alike by chance are two readers who find nearly everything valid. Cohen's kappa
is the share in which they agree, beyond what their habits alone would give.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Accord:
    """Of two raters."""

    n: int
    raw: float
    """Share of the items of which both say the same."""
    kappa: float | None
    """1 is always, 0 is chance; none where both gave one and the same verdict throughout."""
    low: float | None
    """Of the 95 % interval, from the asymptotic variance."""
    high: float | None


def accord(first: Sequence[str], second: Sequence[str], classes: Sequence[str]) -> Accord:
    """How far the verdicts agree, item by item.

    Args:
        first: One rater's, each one of `classes`.
        second: The other's, in the same order.
        classes: All verdicts there are.
    """
    place = {name: i for i, name in enumerate(classes)}
    table = np.zeros((len(classes), len(classes)))
    for one, other in zip(first, second, strict=True):
        table[place[one], place[other]] += 1
    n = len(first)
    raw = float(np.trace(table) / n) if n else 0.0
    if len({*first, *second}) < 2:
        return Accord(n=n, raw=raw, kappa=None, low=None, high=None)
    # Imported here: it takes a second, and only hand-read tasks need it.
    inter_rater = importlib.import_module("statsmodels.stats.inter_rater")
    with np.errstate(divide="ignore", invalid="ignore"):  # of a test that nobody asks for
        found = inter_rater.cohens_kappa(table)
    return Accord(
        n=n,
        raw=raw,
        kappa=float(found.kappa),
        low=float(found.kappa_low),
        high=min(1.0, float(found.kappa_upp)),
    )
