"""Tests of the curve over training-set sizes."""

from __future__ import annotations

import re
from typing import Any

from katsuo.page.sizes import size_chart, sizes


def scored(value: float) -> dict[str, Any]:
    return {"one": {"f1": {"value": value, "low": value - 3, "high": value + 3}}}


def report(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- any part of a report
    arms = {"tasks_400": 47.0, "zero_shot": 35.0, "tasks_50": 39.0, "tasks": 52.0, "tasks@a": 1.0}
    return {
        "arms": {arm: scored(value) for arm, value in arms.items()},
        "recipe": {},
        "n_tasks": 3000,
        **changes,
    }


def test_sizes_go_from_small_to_large_and_the_whole_set_is_the_last() -> None:
    found = [(size.n_tasks, size.estimate.value) for size in sizes(report())]
    assert found == [(50, 39.0), (400, 47.0), (3000, 52.0)]


def test_the_whole_set_of_a_study_is_no_single_number() -> None:
    found = sizes(report(recipe={"domains": {"a": {}}}))
    assert [size.n_tasks for size in found] == [50, 400]


def test_a_whole_set_smaller_than_a_size_is_left_out() -> None:
    assert [size.n_tasks for size in sizes(report(n_tasks=300))] == [50, 400]


def test_points_stand_further_right_and_higher_and_have_whiskers() -> None:
    svg = str(size_chart(report()))
    places = re.findall(r'class="dot" cx="([\d.]+)%" cy="([\d.]+)"', svg)
    across, down = zip(*((float(x), float(y)) for x, y in places), strict=True)
    assert list(across) == sorted(across)
    assert list(down) == sorted(down, reverse=True)
    assert svg.count('class="whisker"') == 3
    assert "as it was 35.0" in svg


def test_one_size_is_no_curve_and_none_is_none() -> None:
    assert size_chart(report(arms={"tasks_50": scored(1.0), "zero_shot": scored(2.0)})) == ""
    assert size_chart(report(arms={})) == ""
