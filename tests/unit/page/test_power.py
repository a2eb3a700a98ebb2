"""Tests of what a run could see, and of its p-values as text."""

from __future__ import annotations

from typing import Any

import pytest

from katsuo.page.power import p_values, power


def main(value: float, low: float, high: float, **more: object) -> dict[str, Any]:
    return {"tasks-zero_shot": {"value": value, "low": low, "high": high, **more}}


@pytest.mark.parametrize(
    ("gains", "too_small", "said"),
    [
        pytest.param(
            main(1.2, -6.0, 8.4, n_documents=60, detectable=10.0),
            True,
            "with 60 documents it shows a true gain of about 10.0 points or more in four runs of "
            "five; 5 points would need about 240 documents.",
            id="too-small-for-five-points",
        ),
        pytest.param(
            main(1.0, -1.0, 3.0, n_documents=100, detectable=2.9, n_documents_needed=841),
            True,
            "a gain of the size measured (+1.0 points) from none: with 100 documents",
            id="too-small-for-what-was-seen",
        ),
        pytest.param(
            main(9.0, 6.0, 12.0, n_documents=400, detectable=4.3),
            False,
            "With 400 documents this run shows a true gain of about 4.3 points",
            id="large-enough",
        ),
        pytest.param(main(9.0, 6.0, 12.0, n=400), False, "", id="not-told"),
        pytest.param({}, False, "", id="not-measured"),
    ],
)
def test_one_sentence_says_what_the_run_could_see(
    gains: dict[str, Any], too_small: bool, said: str
) -> None:
    found = power(gains)
    assert found.too_small is too_small
    assert said in found.sentence
    assert bool(said) == bool(found.sentence)


def test_p_values_are_listed_for_all_sets_and_each() -> None:
    one = {"value": 4.0, "low": 1.0, "high": 7.0, "p": 0.0123, "p_holm": 0.0246}
    two = {"value": -4.0, "low": -9.0, "high": 1.0, "p": 0.2, "p_holm": None}
    whole = {"value": 0.0, "low": -2.0, "high": 2.0, "p": 0.9}
    gains = {"tasks-tapt": {**whole, "by_set": {"one": one, "two": two}}}
    best = {"tasks": {**one, "by_set": {"one": {**one, "rule": "mean_rank"}}}}
    rows = [(row.set, row.p, row.p_holm, row.rule) for row in p_values(gains, best)]
    assert rows == [
        ("all sets", "0.900", "\N{EM DASH}", ""),
        ("one", "0.012", "0.025", ""),
        ("two", "0.200", "\N{EM DASH}", ""),
        ("one", "0.012", "0.025", "mean"),
    ]


def test_gains_without_a_p_value_are_not_listed() -> None:
    assert p_values(main(1.0, 0.5, 1.5), {}) == []
