"""How many times as much is one measure as another, and how far could that be off?

Of shares and yields a factor says more than a difference: twice as many valid
tasks, three times as many in a minute. Where both are measured on the same
documents they meet the same draws; else each has its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from katsuo.scoring import intervals
from katsuo.scoring.choice import FloatArray
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One measure over another."""

    value: float | None
    """None where the other one is 0: then no factor tells the difference."""
    low: float | None
    """None where nearly every draw has a 0 in the denominator."""
    high: float | None
    """None where there is no upper end: too many draws have a 0 in the denominator."""

    def times(self, factor: float) -> Ratio:
        """The ratio of measures that are each so many times as large, `factor` of one to other."""
        scaled = [
            None if end is None else end * factor for end in (self.value, self.low, self.high)
        ]
        return Ratio(value=scaled[0], low=scaled[1], high=scaled[2])

    def reaches(self, least: float) -> bool:
        """Whether the value is `least` or more; where the other is 0, whether anything is left."""
        return self.value is None or self.value >= least


def ratio(mine: Table, over: Table, how: Resampling) -> Ratio | None:
    """The statistic of `mine` over that of `over`; none where both are 0."""
    first, second = sampled(mine, over, how)
    if first.value == second.value == 0:
        return None
    tail = (1 - how.level) / 2
    # An order statistic, not a mean of two: some draws may be infinite.
    low, high = np.quantile(
        _divided(first.draws, second.draws), [tail, 1 - tail], method="inverted_cdf"
    )
    return Ratio(
        value=first.value / second.value if second.value else None,
        low=float(low) if math.isfinite(low) else None,
        high=float(high) if math.isfinite(high) else None,
    )


def sampled(
    mine: Table, over: Table, how: Resampling
) -> tuple[intervals.Sampled, intervals.Sampled]:
    """Both resampled: by the same draws on the same documents, each by its own on others."""
    if (mine.set, mine.documents) == (over.set, over.documents):
        first, second = intervals.sample([mine, over], how)
    else:
        apart = replace(over, set=f"{over.set}, the other")
        first, second = (intervals.sample([table], how)[0] for table in (mine, apart))
    return first, second


def _divided(mine: FloatArray, over: FloatArray) -> FloatArray:
    """Draw by draw; infinite where only the denominator is 0, and 1 where both are."""
    found = np.where(mine > 0, math.inf, 1.0)
    return np.divide(mine, over, out=found, where=over > 0)
