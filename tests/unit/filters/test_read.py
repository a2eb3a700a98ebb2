"""Filters that decide by what a reader measured."""

from __future__ import annotations

import math
from typing import Any

import pytest

from katsuo import filters
from katsuo.errors import RecipeError
from katsuo.filters.agreed import Agreed
from katsuo.filters.likely import Likely
from katsuo.filters.needed import Needed
from katsuo.protocols import Filter, Measured
from katsuo.types import KEEP, Origin, Task, TaskType, Verdict, drop


def task(**scores: float) -> Task:
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context="A passage.",
        type=TaskType.QA,
        instruction="A passage. What?",
        response="That.",
        origin=Origin(generator="g", format="f", seed=0),
        scores=scores,
    )


@pytest.mark.parametrize(
    ("part", "made", "verdict"),
    [
        (Agreed(), task(agreed=0.5), Verdict(keep=True, score=0.5)),
        (Agreed(), task(agreed=0.49), drop("reader-disagrees", score=0.49)),
        (Agreed(min_score=0), task(agreed=0.0), Verdict(keep=True, score=0.0)),
        (Agreed(), task(), KEEP),
        (Needed(), task(needed=0.5), Verdict(keep=True, score=0.5)),
        (Needed(), task(needed=0.49), drop("passage-not-needed", score=0.49)),
        (Needed(min_nats=math.log(4)), task(needed=0.7), drop("passage-not-needed", score=0.7)),
        (Needed(), task(agreed=0.0), KEEP),
        (Likely(min_score=0.5), task(likely=0.5), Verdict(keep=True, score=0.5)),
        (Likely(min_score=0.5), task(likely=0.49), drop("response-unlikely", score=0.49)),
        (Likely(), task(agreed=0.0), KEEP),
    ],
)
def test_a_threshold_decides_over_a_measured_score(
    part: Filter, made: Task, verdict: Verdict
) -> None:
    assert part.judge([made]) == [verdict]


@pytest.mark.parametrize("name", ["agreed", "needed", "likely"])
def test_they_say_what_has_to_be_measured_and_by_whom(name: str) -> None:
    part = filters.build(name, {"reader": "fake"})
    assert isinstance(part, Measured)
    assert (part.measures, part.reader) == (name, "fake")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("agreed", {"min_score": 1.5}, "must lie in"),
        ("agreed", {"samples": 0}, "must be >= 1"),
        ("agreed", {"reader": 3}, "must be a text"),
        ("needed", {"min_nats": math.inf}, "must be finite"),
        ("likely", {"min_score": -0.1}, "must lie in"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        filters.build(name, settings)
