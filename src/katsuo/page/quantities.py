"""How is a number written for a reader?

Points carry one decimal and a sign where they are a difference; a true minus
sign is used, so that columns of numbers line up.
"""

from __future__ import annotations

import math
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
NO_NUMBER: Final = "\N{EM DASH}"
"""Stands where nothing was measured."""

_MIB_PER_GIB: Final = 1024


def finite(value: object) -> float | None:
    """`value` as a number, or None where it is absent, not a number or infinite.

    >>> finite(3), finite(float("nan")), finite("3"), finite(True)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def points(value: object) -> str:
    """`value` in points, one decimal.

    >>> points(41.25), points(None) == NO_NUMBER
    ('41.2', True)
    """
    number = finite(value)
    if number is None:
        return NO_NUMBER
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(number, 1) + 0.0:.1f}".replace("-", MINUS)


def signed(value: object) -> str:
    """A difference in points, with its sign.

    >>> signed(12.34), signed(-0.01)
    ('+12.3', '0.0')
    """
    number = finite(value)
    written = points(number)
    return f"+{written}" if number is not None and round(number, 1) > 0 else written


def count(value: int) -> str:
    """A count with thousands separated.

    >>> count(12345)
    '12,345'
    """
    return f"{value:,}"


def share(part: float, whole: float) -> str:
    r"""`part` of `whole` in percent; of nothing, nothing.

    >>> share(1, 8), share(0, 0) == NO_NUMBER
    ('12.5\xa0%', True)
    """
    return f"{100 * part / whole:.1f}\N{NO-BREAK SPACE}%" if whole else NO_NUMBER


def duration(seconds: float) -> str:
    """A time as a person says it.

    >>> duration(0.25), duration(59.6), duration(125), duration(7260)
    ('0.2 s', '1 min 0 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def memory(mib: float) -> str:
    """An amount of memory in the unit that suits it.

    >>> memory(512), memory(3072)
    ('512 MiB', '3.0 GiB')
    """
    return f"{mib:.0f} MiB" if mib < _MIB_PER_GIB else f"{mib / _MIB_PER_GIB:.1f} GiB"
