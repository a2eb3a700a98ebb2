"""Tests of the arms' names, order and looks."""

from __future__ import annotations

from itertools import permutations

import pytest

from katsuo.page.arms import ordered, tone
from katsuo.page.figures import gain_figures, score_figures
from katsuo.page.groups import mean_of, overview_groups, score_groups

ARMS = {"tasks_400", "tasks@b", "tasks_50", "remix_only", "mine", "zero_shot", "tasks", "tapt"}
IN_ORDER = ["zero_shot", "tapt", "tasks", "mine", "remix_only", "tasks_50", "tasks_400", "tasks@b"]


def scored(*arms: str, sets: tuple[str, ...] = ("one", "two")) -> dict[str, dict[str, object]]:
    f1 = {"value": 40.0, "low": 35.0, "high": 45.0, "n": 50}
    return {arm: {name: {"f1": f1} for name in sets} for arm in arms}


def test_arms_stand_in_a_fixed_order_whatever_order_they_were_run_in() -> None:
    for arms in list(permutations(sorted(ARMS)))[::997]:
        assert ordered(arms) == IN_ORDER


def test_each_other_family_begins_with_its_name() -> None:
    group = score_groups(scored(*ARMS))[0]
    assert [row.apart for row in group.rows if row.apart] == [
        "controls", "fewer tasks", "tasks of one source, asked everywhere",
    ]  # fmt: skip
    assert group.rows[4].apart == "controls"


@pytest.mark.parametrize(
    ("arm", "is_control"),
    [
        pytest.param("remix_only", True, id="human-written"),
        pytest.param("tasks_elsewhere", True, id="other-text"),
        pytest.param("tapt", False, id="reading-is-a-method"),
        pytest.param("tasks", False, id="tasks"),
    ],
)
def test_controls_look_different(arm: str, is_control: bool) -> None:
    assert ("control" in tone(arm).split()) is is_control


def test_a_few_arms_share_one_drawing_and_many_get_one_for_each_set() -> None:
    few, many = score_figures(scored("zero_shot", "tapt", "tasks")), score_figures(scored(*ARMS))
    assert (len(few.more), len(many.more)) == (0, 2)
    assert "Mean" in many.first
    assert ">two</text>" not in many.first
    assert ">two</text>" in many.more[1]
    assert score_figures(scored(*ARMS, sets=("one",))).more == ()


def test_seeds_are_drawn_where_there_are_several() -> None:
    arms = scored("zero_shot", "tasks")
    arms["tasks"]["one"] = {"f1": {"value": 40.0}, "by_seed": {"1": 38.0, "2": 42.0}}
    arms["zero_shot"]["one"] = {"f1": {"value": 30.0}, "by_seed": {"0": 30.0}}
    zero, tasks = score_groups(arms)[0].rows
    assert (zero.seeds, tasks.seeds) == ((), (38.0, 42.0))
    figures = score_figures(arms)
    assert figures.has_seeds
    assert figures.first.count('class="seed"') == 2


def test_the_overview_has_every_arm_over_the_baseline_and_tasks_over_every_arm() -> None:
    gain = {"value": 1.0, "low": 0.5, "high": 1.5, "n": 50}
    names = ["tapt-zero_shot", "tasks-zero_shot", "tasks_50-zero_shot", "tasks-tapt"]
    groups = overview_groups(dict.fromkeys(names, gain), ["zero_shot", "tapt", "tasks", "tasks_50"])
    assert [[row.label for row in group.rows] for group in groups] == [
        ["plain reading", "your tasks", "50 tasks"],
        ["plain reading"],
    ]


def test_without_gains_there_is_no_figure() -> None:
    assert gain_figures({}, ["zero_shot"]).first == ""


def test_the_mean_of_a_single_set_keeps_its_interval() -> None:
    one = mean_of(scored("tasks", sets=("one",))["tasks"], ["one"])
    assert one is not None
    assert (one.low, one.high) == (35.0, 45.0)
