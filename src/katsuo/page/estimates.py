"""What may be concluded from a measured number and its interval?

The verdict is taken on the numbers as printed, one decimal, so that words and
figures never contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from katsuo.page.quantities import finite, signed

MIN_DOCUMENTS: Final = 10
"""Fewer resampled documents than this give intervals that are too narrow to trust."""


FELL_BY: Final = 5.0
"""Points by which a set must have fallen to be named though its interval includes 0."""


class Verdict(StrEnum):
    """What a difference shows."""

    RAISED = "raised"
    LOWERED = "lowered"
    OPEN = "open"
    """The interval includes 0."""
    UNRELIABLE = "unreliable"
    """Too few documents, or no interval."""
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number in points, with its interval and what it rests on."""

    value: float
    low: float | None
    high: float | None
    n: int | None = None
    """Documents that the interval resampled, where they were counted; else probes."""
    n_needed: int | None = None
    """About how many documents would tell a difference of this size from none."""
    trusted: bool = True
    """False where the measurement itself called its interval unreliable."""

    @classmethod
    def of(cls, raw: object) -> Estimate | None:
        """The estimate that a part of the report states, or None where nothing was measured."""
        if not isinstance(raw, Mapping):
            value = finite(raw)
            return None if value is None else cls(value=value, low=None, high=None)
        return _of_mapping(raw)

    @property
    def reliable(self) -> bool:
        """Whether there is an interval, from enough documents."""
        has_interval = self.low is not None and self.high is not None
        return self.trusted and has_interval and (self.n is None or self.n >= MIN_DOCUMENTS)

    @property
    def verdict(self) -> Verdict:
        """What this number shows when it is a difference."""
        if self.low is None or self.high is None or not self.reliable:
            return Verdict.UNRELIABLE
        if round(self.low, 1) > 0:
            return Verdict.RAISED
        return Verdict.LOWERED if round(self.high, 1) < 0 else Verdict.OPEN

    @property
    def interval(self) -> str:
        """The interval of a difference, such as `+6.1 to +18.0`; empty where there is none."""
        return "" if self.low is None else f"{signed(self.low)} to {signed(self.high)}"


def fallen(raw: object) -> list[tuple[str, Estimate]]:
    """The sets on which a mean gain hides a loss, each with its difference, the largest loss first.

    Args:
        raw: A gain as the report states it, with `by_set`.
    """
    by_set = raw.get("by_set") if isinstance(raw, Mapping) else None
    found = [(name, Estimate.of(one)) for name, one in (by_set or {}).items()]
    lost = [
        (name, one)
        for name, one in found
        if one is not None and (one.verdict is Verdict.LOWERED or one.value <= -FELL_BY)
    ]
    return sorted(lost, key=lambda pair: pair[1].value)


def _of_mapping(raw: Mapping[str, Any]) -> Estimate | None:
    value, low, high = (finite(raw.get(key)) for key in ("value", "low", "high"))
    if value is None:
        return None
    has_interval = low is not None and high is not None
    return Estimate(
        value=value,
        low=low if has_interval else None,
        high=high if has_interval else None,
        n=raw.get("n_documents", raw.get("n")),
        n_needed=raw.get("n_documents_needed"),
        trusted=raw.get("reliable", True) is not False,
    )
