from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring import generated
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Table
from katsuo.scoring.ratios import Ratio, ratio

HOW = Resampling(draws=200)


def table(parts: list[int], of: str = "exqa") -> Table:
    """A share over documents, each with ten items of which so many count."""
    counted = [(f"{i:03}", part, 10) for i, part in enumerate(parts)]
    found = generated.shares("kept", of, counted)
    assert found is not None
    return found


def of(mine: Table, over: Table) -> Ratio:
    found = ratio(mine, over, HOW)
    assert found is not None
    return found


def test_a_ratio_is_of_the_two_values() -> None:
    assert of(table([8, 4, 6]), table([4, 2, 3])).value == pytest.approx(2.0)


def test_on_the_same_documents_both_meet_the_same_draws() -> None:
    found = of(table([8, 4, 6]), table([4, 2, 3]))
    assert found.low == pytest.approx(2.0)
    assert found.high == pytest.approx(2.0)


def test_on_other_documents_each_has_its_own_draws() -> None:
    found = of(table([9, 1, 5, 3]), table([9, 1, 5, 3, 2]))
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


def test_over_nothing_there_is_no_factor_and_whatever_there_is_reaches_the_goal() -> None:
    found = of(table([1, 2]), table([0, 0]))
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.reaches(3)


def test_nothing_over_nothing_is_no_ratio() -> None:
    assert ratio(table([0, 0]), table([0, 0]), HOW) is None


def test_where_the_other_is_nearly_nothing_there_is_no_upper_end() -> None:
    found = of(table([5, 5, 5]), table([1, 0, 0]))
    assert found.low is not None
    assert found.high is None


def test_a_factor_scales_the_value_and_both_ends() -> None:
    assert Ratio(value=2.0, low=1.0, high=None).times(3) == Ratio(value=6.0, low=3.0, high=None)


@given(st.lists(st.integers(1, 10), min_size=2, max_size=8))
def test_anything_over_itself_is_one(parts: list[int]) -> None:
    found = of(table(parts), table(parts))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
