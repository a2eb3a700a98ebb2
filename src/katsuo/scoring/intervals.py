"""How far could a score, or the gain of one arm over another, be off?

A clustered bootstrap: *documents* are drawn with replacement, a document's
probes and all prompts stay together, and the statistic is worked out again from
the drawn sums. Arms are compared on the same draws. A mean over sets draws
within each set, independently. Seeds are averaged and never resampled, so arms
tuned with different seeds, or with more of them, can be compared. Note 0008 has
the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from katsuo.errors import RecipeError
from katsuo.scoring.choice import FloatArray
from katsuo.scoring.predictions import Table
from katsuo.seeds import derive
from katsuo.types import Score

MIN_DOCUMENTS: Final = 10
"""Below so many documents a percentile interval is too narrow to be believed."""
POWER: Final = 0.8
"""Share of equal measurements in which a gain that calls itself detectable would be shown."""
_ROUNDING: Final = 1e-9
"""Points; differences below it come from the order of additions and are no differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals are drawn."""

    draws: int = 2000
    level: float = 0.95
    """Coverage, in (0, 1)."""
    seed: int = 0
    """Root of chance; each set has its own stream, so all arms meet the same draws."""

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise RecipeError(f"draws is {self.draws}; it must be >= 1, and 2000 is usual")
        if not 0 < self.level < 1:
            raise RecipeError(f"level is {self.level}; it must lie in (0, 1), such as 0.95")

    @property
    def least_p(self) -> float:
        """The smallest p-value that so many draws can give: one draw more than none, both tails."""
        return 2 / (self.draws + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much one arm beats another, in points, on the same documents."""

    value: float
    low: float
    high: float
    n_documents: int
    n_probes: int
    p: float
    """Two-sided, of no gain at all, from the same draws; never below `Resampling.least_p`."""
    detectable: float
    """The smallest true gain that `POWER` of such measurements would show, in points."""
    reliable: bool
    """Whether every set behind it has at least `MIN_DOCUMENTS` documents."""
    p_holm: float | None = None
    """`p`, corrected for the other sets of the comparison; none where there is no correction."""

    @property
    def n_documents_needed(self) -> int | None:
        """About how many documents would show a gain of this size; none for no gain."""
        return self.n_documents_for(abs(self.value)) if self.value else None

    def n_documents_for(self, points: float) -> int:
        """About how many documents would show a gain of `points`, in `POWER` of measurements.

        What can be detected shrinks with the square root of the number of documents; never
        fewer than `MIN_DOCUMENTS`.
        """
        n_needed = math.ceil(self.n_documents * (self.detectable / points) ** 2)
        return max(MIN_DOCUMENTS, n_needed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """A table with its statistic, whole and redrawn."""

    table: Table
    value: float
    """Mean over seeds and prompts of the whole set's statistic, in points."""
    draws: FloatArray
    """The same of each draw; draws of two arms on one set belong together, one by one."""


def sample(tables: Sequence[Table], how: Resampling) -> list[Sampled]:
    """The tables of one set, resampled by the same draws.

    Draws are a function of the seed, the set's name and its number of documents.
    Memory is 8 bytes for each draw and document.
    """
    first = tables[0]
    for table in tables:
        assert (table.set, table.documents) == (first.set, first.documents), (
            f"arms are compared on the same documents; {first.set} and {table.set} differ"
        )
    n_documents = len(first.documents)
    generator = np.random.default_rng(derive(how.seed, "bootstrap", first.set))
    shares = np.full(n_documents, 1 / n_documents)
    weights = generator.multinomial(n_documents, shares, size=how.draws).astype(np.float64)
    return [
        Sampled(table=table, value=float(table.points.mean()), draws=_redrawn(table, weights))
        for table in tables
    ]


def summary(sets: Sequence[Sampled], how: Resampling) -> Score:
    """The score of one arm: the mean over `sets`, or the one set's own."""
    metrics = {arm.table.metric for arm in sets}
    low, high = _range([arm.draws for arm in sets], how)
    return Score(
        metric=metrics.pop() if len(metrics) == 1 else "mean_f1",
        value=math.fsum(arm.value for arm in sets) / len(sets),
        low=low,
        high=high,
        n=sum(arm.table.n_probes for arm in sets),
        unscored=sum(arm.table.unscored for arm in sets),
    )


def difference(arm: Sequence[Sampled], over: Sequence[Sampled], how: Resampling) -> Gain:
    """What `arm` gains over `over`, set by set on the same draws, as the mean over the sets.

    Args:
        arm: One entry per set.
        over: The other arm's entries for the same sets, in the same order and by the same draws.
        how: The settings by which both were sampled.
    """
    pairs = list(zip(arm, over, strict=True))
    draws_by_set = [mine.draws - other.draws for mine, other in pairs]
    low, high = _range(draws_by_set, how)
    return Gain(
        value=math.fsum(mine.value - other.value for mine, other in pairs) / len(pairs),
        low=low,
        high=high,
        n_documents=sum(len(mine.table.documents) for mine in arm),
        n_probes=sum(mine.table.n_probes for mine in arm),
        p=_p_value(draws_by_set, how),
        detectable=_detectable((high - low) / 2, how),
        reliable=is_reliable(arm),
    )


def is_reliable(sets: Sequence[Sampled]) -> bool:
    """Whether every set has enough documents for its interval to be believed."""
    return all(len(arm.table.documents) >= MIN_DOCUMENTS for arm in sets)


def interval(table: Table, how: Resampling) -> Score:
    """The score of one arm on one set."""
    return summary(sample([table], how), how)


def paired(arm: Table, over: Table, how: Resampling) -> Gain:
    """What `arm` gains over `over` on one set; for equal arms exactly 0 from 0 to 0."""
    mine, other = sample([arm, over], how)
    return difference([mine], [other], how)


def _redrawn(table: Table, weights: FloatArray) -> FloatArray:
    flat = table.sums.reshape(len(table.documents), -1)
    sums = (weights @ flat).reshape(len(weights), *table.sums.shape[1:])
    redrawn: FloatArray = table.statistic(sums).mean(axis=(1, 2))
    return redrawn


def _range(draws_by_set: Sequence[FloatArray], how: Resampling) -> tuple[float, float]:
    mean = np.stack(draws_by_set).mean(axis=0)
    tail = (1 - how.level) / 2
    low, high = np.quantile(mean, [tail, 1 - tail])
    return float(low), float(high)


def _p_value(draws_by_set: Sequence[FloatArray], how: Resampling) -> float:
    """Twice the share of draws on the rarer side of 0, one draw added so that it is never 0.

    It falls below 1 - level about where the percentile interval leaves 0 out, so both say the same.
    """
    mean = np.stack(draws_by_set).mean(axis=0)
    rarer = min(int((mean <= _ROUNDING).sum()), int((mean >= -_ROUNDING).sum()))
    return min(1.0, (rarer + 1) * how.least_p)


def _detectable(half_width: float, how: Resampling) -> float:
    """The half of an interval is 1.96 standard errors; a gain shown with `POWER` needs 2.80."""
    errors = NormalDist().inv_cdf((1 + how.level) / 2)
    return half_width * (errors + NormalDist().inv_cdf(POWER)) / errors
