"""Tests of how a report's verdicts on harm are read."""

from __future__ import annotations

from typing import Any

import pytest

from katsuo.page.harms import by_arm, rejections, views

FELL = {"value": -9.0, "low": -12.0, "high": -6.0, "n": 50}


def verdict(*, rejected: bool, **more: object) -> dict[str, Any]:
    return {"rejected": rejected, "reasons": ["It fell."] if rejected else [], **more}


@pytest.mark.parametrize(
    ("raw", "arms"),
    [
        pytest.param(None, [], id="not-measured"),
        pytest.param({}, [], id="nothing-checked"),
        pytest.param({"arm": "mine", "rejected": False}, ["mine"], id="one-verdict"),
        pytest.param({"a/tasks": verdict(rejected=True)}, ["a/tasks"], id="by-arm"),
    ],
)
def test_verdicts_are_found_by_arm_or_alone(raw: object, arms: list[str]) -> None:
    assert list(by_arm(raw)) == arms


def test_rejected_models_come_first_with_their_reasons() -> None:
    raw = {"tasks": verdict(rejected=False), "mine": verdict(rejected=True)}
    assert [view.arm for view in views(raw)] == ["mine", "tasks"]
    assert rejections(raw) == {"mine": ("It fell.",)}


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        pytest.param(
            {"perplexity_before": 20.0, "perplexity_after": None, "perplexity_ratio": None},
            ("Perplexity of general text", "20.00 before, no number after"),
            id="no-perplexity-after",
        ),
        pytest.param({"template_intact": False}, ("Chat template", "broken"), id="template"),
        pytest.param(
            {"thinking_kept": False}, ("Thinking before the answer", "lost"), id="thinking"
        ),
        pytest.param(
            {"thinking_kept": True, "thinking": {"before": 15, "after": 14, "n": 16}},
            ("Thinking before the answer", "kept: 15 of 16 answers before, 14 after"),
            id="thinking-counted",
        ),
    ],
)
def test_what_was_checked_is_said(more: dict[str, object], fact: tuple[str, str]) -> None:
    (view,) = views({"tasks": verdict(rejected=True, **more)})
    assert view.facts == (fact,)


def test_changes_are_drawn_with_the_mean_above_the_sets() -> None:
    sets = {name: {"change": FELL} for name in ("general_a", "general_b")}
    (view,) = views({"tasks": verdict(rejected=True, sets=sets, mean=FELL)})
    assert view.chart.index("mean of them") < view.chart.index(">a<")
    (alone,) = views({"tasks": verdict(rejected=True)})
    assert alone.chart == ""
