"""When may a server be asked next, and how long is one waited for that is in trouble?

    threads ──enter──▶ one request after the other, so many a minute ──▶ server
                            ▲                                              │
                            └── hold: nobody for so many seconds ◀── Retry-After

Threads share one `Pace`. It counts requests as they are sent, those that are
sent again among them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from katsuo.seeds import derive

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 16.0
"""Waits double from the first to the longest; a server that is back is asked soon."""
_JITTER: Final = 0.5
"""Share of a wait that chance may take off, so that threads do not come back as one."""

Wait = Callable[[float], bool]
"""Waits for so many seconds, or until all is over; says whether it is."""


class Closed(Exception):  # noqa: N818 -- no error: nobody wants the answer any more
    """Raised in a thread that waits where nobody takes its answer any more."""


class Pace:
    """Requests one after the other, at most `per_minute` of them in any minute; for threads.

    Args:
        per_minute: Requests in a minute, evenly spaced; None for as many as come.
        now: The time, in seconds.
    """

    def __init__(
        self, per_minute: float | None = None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._between = 60 / per_minute if per_minute else 0.0
        self._now = now
        self._lock = threading.Lock()
        self._next = -float("inf")
        self._held = -float("inf")

    def now(self) -> float:
        """The time by which it goes, in seconds."""
        return self._now()

    def enter(self, wait: Wait) -> None:
        """Return when the next request may be sent.

        Raises:
            Closed: If `wait` says that all is over.
        """
        while (seconds := self._turn()) > 0:
            self.rest(seconds, wait)

    def _turn(self) -> float:
        """Seconds until a turn may be free; 0 takes it."""
        with self._lock:
            now = self._now()
            begins = max(self._next, self._held)
            if begins > now:
                return begins - now
            self._next = now + self._between
            return 0.0

    def hold(self, seconds: float) -> None:
        """Send nothing for so many seconds, whoever asks."""
        with self._lock:
            self._held = max(self._held, self._now() + seconds)

    def rest(self, seconds: float, wait: Wait) -> None:
        """Let so many seconds pass.

        Raises:
            Closed: If `wait` says that all is over.
        """
        if wait(seconds):
            raise Closed


def wait_seconds(number: int, seed: int) -> float:
    """How long to wait after the failure `number` (from 0) of a request with this seed.

    >>> [0.25 * 2**n <= wait_seconds(n, seed=7) <= 0.5 * 2**n for n in range(3)]
    [True, True, True]
    """
    longest = min(FIRST_WAIT_SECONDS * 2 ** min(number, 16), LONGEST_WAIT_SECONDS)
    chance = derive(seed, "wait", str(number)) / 2**64
    return longest * (1 - _JITTER * chance)


def asked_seconds(headers: Mapping[str, str], today: datetime | None = None) -> float:
    """The wait that a server's `Retry-After` asks for, in seconds or as a date; 0 without one.

    >>> asked_seconds({"retry-after": "3"})
    3.0
    """
    in_ms, stated = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    for text, unit in ((in_ms, 0.001), (stated, 1.0)):
        if text.strip().replace(".", "", 1).isdecimal():
            return float(text) * unit
    try:
        date = parsedate_to_datetime(stated)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (today or datetime.now(UTC))).total_seconds())
