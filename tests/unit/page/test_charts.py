"""Tests of the drawings: numbers stand where they should, and every text is escaped."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.page.charts import Group, Row, bar, whiskers
from katsuo.page.curves import MAX_POINTS, Curve, curves
from katsuo.page.groups import gain_groups, score_groups
from katsuo.page.scales import Scale

NUMBERS = st.floats(-100, 100, allow_nan=False)


def row(value: float, low: float | None = None, high: float | None = None) -> Row:
    return Row(label="one", value=value, low=low, high=high, tone="good", number=f"{value}")


def drawn(*rows: Row, zero: bool = False) -> str:
    group = Group(title="set", note="", rows=rows)
    return str(whiskers([group], title="chart", unit="points", zero=zero))


def places(svg: str, name: str) -> list[float]:
    """The percentages at which the elements of class `name` begin."""
    found = re.findall(rf'class="{name}" (?:x1|cx)="([\d.]+)%"', svg)
    return [float(place) for place in found]


@given(st.lists(NUMBERS, max_size=8), st.booleans())
def test_a_scale_holds_its_numbers_between_round_ends(values: list[float], zero: bool) -> None:
    scale = Scale.around(values, zero=zero)
    for value in values:
        assert scale.low - 1e-6 <= value <= scale.high + 1e-6
        assert 0 <= scale.fraction(value) <= 1
    assert 2 <= len(scale.ticks) <= 12
    assert len({scale.label(tick) for tick in scale.ticks}) == len(scale.ticks)
    assert not zero or 0.0 in scale.ticks


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        pytest.param([-3.2, 11.8], (-5.0, 0.0, 5.0, 10.0, 15.0), id="both-sides-of-zero"),
        pytest.param([-8.0, -2.0], (-8.0, -6.0, -4.0, -2.0, 0.0), id="losses-only"),
        pytest.param([0.0], (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6), id="no-change-at-all"),
    ],
)
def test_differences_get_round_ticks_and_zero(values: list[float], ticks: tuple[float]) -> None:
    assert Scale.around(values, zero=True).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("scale", "label"),
    [
        pytest.param(Scale(low=0, high=10, step=5), "5", id="whole"),
        pytest.param(Scale(low=0, high=1, step=0.2), "5.0", id="tenths"),
        pytest.param(Scale(low=0, high=10, step=2.5), "5.0", id="halves"),
        pytest.param(Scale(low=0, high=1, step=0.25), "5.00", id="quarters"),
    ],
)
def test_ticks_have_the_decimals_their_step_needs(scale: Scale, label: str) -> None:
    assert scale.label(5.0) == label


def test_a_loss_stands_left_of_zero_and_a_gain_right_of_it() -> None:
    svg = drawn(row(-4.6, -8.9, -0.4), row(12.3, 6.1, 18.0), zero=True)
    (zero,) = places(svg, "zero")
    loss, gain = places(svg, "dot")
    assert loss < zero < gain
    assert [start < dot for start, dot in zip(places(svg, "whisker"), (loss, gain), strict=True)]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_nothing_is_drawn_outside_the_axis(estimates: list[tuple[float, float, float]]) -> None:
    rows = (row(value, low, high) for low, value, high in map(sorted, estimates))
    svg = drawn(*rows, zero=True)
    held = [float(place) for place in re.findall(r' (?:x1|x2|cx)="(-?[\d.]+)%"', svg)]
    assert all(28.0 <= place <= 78.0 for place in held)


def test_an_estimate_without_an_interval_is_a_dot_alone() -> None:
    svg = drawn(row(40.0))
    assert 'class="dot"' in svg
    assert 'class="whisker"' not in svg


def test_names_are_escaped_and_long_ones_cut() -> None:
    hostile = Row(label="</text><script>" * 4, value=1.0, tone="good", number="1.0")
    svg = str(whiskers([Group(title="<b>", note="", rows=(hostile,))], title="<i>", unit="<u>"))
    assert not re.search(r"<(script|b|i|u)>", svg)
    assert "\N{HORIZONTAL ELLIPSIS}" in svg


@pytest.mark.parametrize(
    ("part", "whole", "width"),
    [
        pytest.param(1, 4, "25.00%", id="a-quarter"),
        pytest.param(0, 0, "0.00%", id="of-nothing"),
        pytest.param(5, 4, "100.00%", id="never-over-the-end"),
    ],
)
def test_a_bar_fills_its_part(part: int, whole: int, width: str) -> None:
    assert f'class="fill" width="{width}"' in bar(part, whole)


def test_arms_keep_their_order_and_a_mean_over_sets_comes_last() -> None:
    arms = {
        "mine": {"one": {"f1": {"value": 5.0}}, "two": {"f1": {"value": 7.0}}},
        "tasks": {"one": {"f1": {"value": 20.0}}, "two": {"f1": {"value": 40.0}}},
        "zero_shot": {"one": {"f1": {"value": 10.0}}, "two": {"f1": {"value": 20.0}}},
    }
    groups = score_groups(arms)
    assert [group.title for group in groups] == ["one", "two", "Mean"]
    assert [row.label for row in groups[0].rows] == ["as it was", "your tasks", "mine"]
    assert [row.value for row in groups[-1].rows] == [15.0, 30.0, 6.0]


def test_an_arm_that_missed_a_set_has_no_mean() -> None:
    arms = {
        "zero_shot": {"one": {"f1": {"value": 1.0}}, "two": {"f1": {"value": 2.0}}},
        "tasks": {"one": {"f1": {"value": 3.0}}},
    }
    assert [row.label for row in score_groups(arms)[-1].rows] == ["as it was"]


@pytest.mark.parametrize(
    ("low", "high", "tone"),
    [
        pytest.param(1.0, 3.0, "good", id="above-zero"),
        pytest.param(-3.0, -1.0, "bad", id="below-zero"),
        pytest.param(-1.0, 3.0, "open", id="around-zero"),
    ],
)
def test_the_colour_of_a_gain_is_its_verdict(low: float, high: float, tone: str) -> None:
    gain = {"value": (low + high) / 2, "low": low, "high": high, "n": 50}
    ((only,),) = [group.rows for group in gain_groups({"tasks-tapt": gain})]
    assert only.tone == tone


def test_a_long_loss_curve_is_thinned_and_keeps_its_mean() -> None:
    losses = [[step, 1.0 + step % 2] for step in range(10_000)]
    curve = Curve.of("tasks", "arm-tasks", losses)
    assert len(curve.spots) == MAX_POINTS
    assert sum(loss for _, loss in curve.spots) / MAX_POINTS == pytest.approx(1.5, abs=0.01)


def test_losses_that_are_no_numbers_are_left_out() -> None:
    curve = Curve.of("tasks", "arm-tasks", [[1, 2.0], [2, None], [3, float("inf")], [4, 1.0]])
    assert curve.spots == ((1.0, 2.0), (4.0, 1.0))


def test_a_single_step_is_drawn() -> None:
    svg = str(curves([Curve.of("tasks", "arm-tasks", [[1, 2.0]])], title="loss"))
    assert re.search(r'points="([\d.,]+) \1"', svg)
