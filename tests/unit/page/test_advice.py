"""Tests of the advice: each sentence has a number behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from katsuo.page.advice import advice

GOOD: Mapping[str, Any] = {
    "gains": {"tasks-zero_shot": {"value": 12.0, "low": 6.0, "high": 18.0, "n": 120}},
    "arms": {},
    "funnel": [{"stage": "curate", "arrived": 900, "passed": 800, "dropped": {"stale": 100}}],
    "n_tasks": 800,
}


def gain(value: float, low: float, high: float, n: int = 120, **more: object) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, **more}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "Use the adapter in 4-adapters/tasks", id="a-gain"),
        pytest.param(
            {"gains": {"tasks-zero_shot": gain(-3.0, -5.0, -1.0)}}, "Do not use", id="a-loss"
        ),
        pytest.param({"gains": {}}, "Name held-out questions under evaluate.sets", id="unmeasured"),
        pytest.param(
            {"gains": {"tasks-zero_shot": gain(2.0, -3.0, 7.0, n_documents_needed=750)}},
            "about 750 would show it (this run had 120)",
            id="open-and-counted",
        ),
        pytest.param(
            {"gains": {"tasks-zero_shot": gain(2.0, -0.1, 2.2, n_documents_needed=40)}},
            "Evaluate on more documents before deciding: the interval",
            id="open-though-the-count-says-enough",
        ),
        pytest.param(
            {"gains": {"tasks-zero_shot": gain(9.0, 3.0, 12.0, n=4)}},
            "Add evaluation documents: at least 10",
            id="too-few-documents",
        ),
    ],
)
def test_the_first_advice_is_the_verdicts(changes: Mapping[str, Any], said: str) -> None:
    (only,) = advice({**GOOD, **changes})
    assert said in only


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {
                "gains": {
                    "tasks-zero_shot": gain(4.0, 1.0, 7.0),
                    "tapt-zero_shot": gain(3.5, 1.0, 6.0),
                    "tasks-tapt": gain(0.5, -1.0, 2.0),
                }
            },
            "Consider the adapter in 4-adapters/tapt",
            id="reading-does-as-well",
        ),
        pytest.param({"n_tasks": 37}, "37 are few to learn from", id="few-tasks"),
        pytest.param(
            {
                "funnel": [
                    {"stage": "curate", "arrived": 9, "passed": 2, "dropped": {"a": 2, "b": 5}}
                ]
            },
            "it dropped 77.8\xa0%, most often as b (5)",
            id="a-leak",
        ),
        pytest.param(
            {"arms": {"tasks": {"one": {"f1": {"value": 40.0, "n": 103, "unscored": 20}}}}},
            "20 of 103 in one (tasks)",
            id="unscored",
        ),
    ],
)
def test_what_else_deserves_a_look_comes_second(changes: Mapping[str, Any], said: str) -> None:
    first, second = advice({**GOOD, **changes})
    assert first.startswith("Use the adapter")
    assert said in second


@pytest.mark.parametrize(
    ("arm", "folder"),
    [
        pytest.param("tasks", "4-adapters/tasks", id="a-run"),
        pytest.param("leases/tasks", "leases/4-adapters/tasks", id="a-study"),
    ],
)
def test_a_rejected_adapter_is_not_to_be_used_whatever_it_gained(arm: str, folder: str) -> None:
    harm = {arm: {"rejected": True, "reasons": ["It fell."]}}
    (only,) = advice({**GOOD, "harm": harm})
    assert only.startswith(f"Do not use the adapter in {folder}: it lost")


def test_what_the_recipe_itself_limits_is_no_leak() -> None:
    wanted = {"stage": "ingest", "arrived": 900, "passed": 90,
              "dropped": {"over-limit": 800, "passage-too-short": 10}}  # fmt: skip
    assert not [line for line in advice({**GOOD, "funnel": [wanted]}) if "ingest" in line]


def test_an_adapter_that_lost_on_a_set_is_not_to_be_used_for_it() -> None:
    by_set = {"claims": gain(-9.0, -19.0, 1.0), "spans": gain(30.0, 20.0, 40.0)}
    use, but = advice({**GOOD, "gains": {"tasks-zero_shot": gain(12.0, 6, 18, by_set=by_set)}})
    assert use.startswith("Use the adapter")
    assert "questions like those of claims before" in but
