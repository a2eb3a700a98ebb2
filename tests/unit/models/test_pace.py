"""Laws of the order in which a server is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.ahead import ahead
from katsuo.models.pace import LONGEST_WAIT_SECONDS, Closed, Pace, asked_seconds, wait_seconds

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class Clock:
    """Time that passes when somebody waits, and never else."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False


@given(
    per_minute=st.floats(0.5, 600),
    rests=st.lists(st.floats(0, 90), min_size=1, max_size=60),
)
def test_no_minute_has_more_requests_than_allowed(per_minute: float, rests: list[float]) -> None:
    clock = Clock()
    pace = Pace(per_minute, now=clock.now)
    sent = []
    for rest in rests:
        clock.wait(rest)
        pace.enter(clock.wait)
        sent.append(clock.now())
    for begin in sent:
        within = sum(begin <= time < begin + 59.999 for time in sent)
        assert within <= ceil(per_minute)


def test_without_a_limit_nobody_waits() -> None:
    clock = Clock()
    pace = Pace(now=clock.now)
    for _ in range(100):
        pace.enter(clock.wait)
    assert clock.now() == 0


@given(holds=st.lists(st.floats(0, 100), min_size=1, max_size=9))
def test_nobody_goes_before_the_longest_hold_is_over(holds: list[float]) -> None:
    clock = Clock()
    pace = Pace(now=clock.now)
    for seconds in holds:
        pace.hold(seconds)
    pace.enter(clock.wait)
    assert clock.now() >= max(holds)


@given(number=st.integers(0, 10**6), seed=st.integers(0, 2**64 - 1))
def test_waits_are_bounded_and_come_out_the_same(number: int, seed: int) -> None:
    seconds = wait_seconds(number, seed)
    assert 0 < seconds <= LONGEST_WAIT_SECONDS
    assert seconds == wait_seconds(number, seed)


def test_requests_that_failed_together_do_not_come_back_together() -> None:
    assert len({wait_seconds(0, seed) for seed in range(8)}) == 8


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": "0.5"}, 0.5, id="part-of-a-second"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "Fri, 27 Nov 2026 12:00:30 GMT"}, 30, id="date"),
        pytest.param({"retry-after": "Fri, 27 Nov 2026 11:00:00 GMT"}, 0, id="past"),
        pytest.param({"retry-after": "-4"}, 0, id="negative"),
        pytest.param({"retry-after": "nan"}, 0, id="no-number"),
        pytest.param({"retry-after": "soon"}, 0, id="word"),
        pytest.param({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, 0, id="no-date"),
        pytest.param({"retry-after": "9" * 5000}, float("inf"), id="for-ever"),
    ],
)
def test_a_wait_is_read_however_it_is_written(headers: dict[str, str], seconds: float) -> None:
    assert asked_seconds(headers, NOON) == seconds


def test_who_waits_where_nobody_takes_the_answer_ends_at_once() -> None:
    pace, over = Pace(), Event()
    pace.hold(10_000)

    def work(number: int) -> int:
        if number:
            pace.enter(over.wait)
        return number

    answers = ahead(work, range(4), workers=2, most=3, over=over)
    assert next(answers) == 0
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    assert over.is_set()
    with pytest.raises(Closed):
        pace.enter(over.wait)
