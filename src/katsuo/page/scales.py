"""Where on an axis does a number stand?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps a reader can add up in the head, times a power of ten."""
_SPAN_IF_FLAT: Final = 1.0
"""Width of an axis around numbers that are all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from `low` to `high`, in the numbers' own unit."""

    low: float
    high: float
    step: float
    """Distance of the ticks."""

    @classmethod
    def around(cls, values: Iterable[float], *, zero: bool = False, about: int = 5) -> Scale:
        """The axis with round ends that holds all `values`, and 0 if `zero`; about `about` ticks.

        >>> Scale.around([-3.2, 11.8], zero=True).ticks
        (-5.0, 0.0, 5.0, 10.0, 15.0)
        """
        held = [*values, *([0.0] if zero else [])] or [0.0, _SPAN_IF_FLAT]
        low, high = min(held), max(held)
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = low - _SPAN_IF_FLAT / 2, high + _SPAN_IF_FLAT / 2
        step = _nice((high - low) / about)
        return cls(low=math.floor(low / step) * step, high=math.ceil(high / step) * step, step=step)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers along the axis, both ends among them."""
        n_steps = round((self.high - self.low) / self.step)
        return tuple(round(self.low + i * self.step, 10) + 0.0 for i in range(n_steps + 1))

    def fraction(self, value: float) -> float:
        """How far along the axis `value` stands, from 0 to 1; outside is moved to the end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def label(self, tick: float) -> str:
        """A tick as text, with as many decimals as the step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if round(self.step, decimals) != round(self.step, decimals + 1):
            decimals += 1
        return f"{tick:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _nice(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
