"""Tests of the headline: it claims what the interval allows, and no more."""

from __future__ import annotations

import pytest

from katsuo.page.estimates import Verdict
from katsuo.page.headline import headline

M = "\N{MINUS SIGN}"


def gain(value: float, low: float, high: float, n: int = 40, **more: object) -> dict[str, object]:
    return {"value": value, "low": low, "high": high, "n": n, **more}


@pytest.mark.parametrize(
    ("main", "verdict", "sentence"),
    [
        pytest.param(
            gain(12.34, 6.1, 18.0),
            Verdict.RAISED,
            "Tasks made from your text raised F1 by +12.3 points (95 % interval +6.1 to +18.0) "
            "over the model as it was.",
            id="positive",
        ),
        pytest.param(
            gain(-3.1, -5.0, -1.2),
            Verdict.LOWERED,
            f"Tasks made from your text lowered F1: it changed by {M}3.1 points (95 % interval "
            f"{M}5.0 to {M}1.2) against the model as it was.",
            id="negative",
        ),
        pytest.param(
            gain(1.2, -2.0, 4.4),
            Verdict.OPEN,
            "It is not shown that tasks made from your text changed F1: +1.2 points were "
            f"measured, and the 95 % interval, {M}2.0 to +4.4, includes 0.",
            id="overlapping-zero",
        ),
        pytest.param(
            gain(1.2, 0.04, 2.4),
            Verdict.OPEN,
            "It is not shown that tasks made from your text changed F1: +1.2 points were "
            "measured, and the 95 % interval, 0.0 to +2.4, includes 0.",
            id="zero-as-printed-counts-as-zero",
        ),
        pytest.param(
            gain(0.0, 0.0, 0.0),
            Verdict.OPEN,
            "It is not shown that tasks made from your text changed F1: 0.0 points were "
            "measured, and the 95 % interval, 0.0 to 0.0, includes 0.",
            id="the-same-model",
        ),
        pytest.param(
            gain(12.3, 6.1, 18.0, n=6),
            Verdict.UNRELIABLE,
            "Too few documents to tell: over 6 evaluation documents F1 changed by +12.3 points, "
            "and an interval (+6.1 to +18.0) from fewer than 10 documents cannot be trusted.",
            id="unreliable",
        ),
        pytest.param(
            gain(12.3, 6.1, 18.0, n=900, n_documents=1),
            Verdict.UNRELIABLE,
            "Too few documents to tell: over 1 evaluation document F1 changed by +12.3 points, "
            "and an interval (+6.1 to +18.0) from fewer than 10 documents cannot be trusted.",
            id="many-probes-of-one-document",
        ),
        pytest.param(
            gain(12.3, 6.1, 18.0, reliable=False),
            Verdict.UNRELIABLE,
            "Too few documents to tell: F1 changed by +12.3 points (+6.1 to +18.0), but a set "
            "with fewer than 10 documents is among those measured.",
            id="one-small-set-among-others",
        ),
        pytest.param(
            {"value": 12.3},
            Verdict.UNRELIABLE,
            "The result cannot be relied on: F1 changed by +12.3 points against the model as it "
            "was, and this number has no interval.",
            id="no-interval",
        ),
        pytest.param(
            {"value": float("nan"), "low": 0.0, "high": 1.0, "n": 40},
            Verdict.UNMEASURED,
            "Nothing is proven yet: this run has no scores that compare a model adapted on the "
            "tasks with the model as it was.",
            id="no-number",
        ),
    ],
)
def test_the_sentence_follows_the_interval(
    main: dict[str, object], verdict: Verdict, sentence: str
) -> None:
    made = headline({"tasks-zero_shot": main})
    assert (made.verdict, made.sentence) == (verdict, sentence)


@pytest.mark.parametrize(
    ("tapt", "clause"),
    [
        pytest.param(
            gain(-0.8, -1.5, -0.1),
            f"plain reading of the same text changed it by {M}0.8 points ({M}1.5 to {M}0.1).",
            id="loss",
        ),
        pytest.param(
            gain(0.4, -0.9, 1.6),
            f"changed it by +0.4 points ({M}0.9 to +1.6, which includes 0).",
            id="open",
        ),
        pytest.param(gain(0.4, 0.2, 1.6, n=3), "changed it by +0.4 points.", id="unreliable"),
    ],
)
def test_plain_reading_is_told_with_the_same_care(tapt: dict[str, object], clause: str) -> None:
    made = headline({"tasks-zero_shot": gain(12.3, 6.1, 18.0), "tapt-zero_shot": tapt})
    assert made.sentence.endswith(clause)


@pytest.mark.parametrize(
    ("name", "control", "note"),
    [
        pytest.param("tasks-tapt", gain(13.0, 6.0, 19.0), "did more than reading", id="beats-tapt"),
        pytest.param("tasks-tapt", gain(1.0, -2.0, 3.0), "it is not shown that making", id="ties"),
        pytest.param("tasks-tapt", gain(-4.0, -6.0, -2.0), "so reading the text", id="loses"),
        pytest.param(
            "tasks-tasks_elsewhere", gain(4.0, 1.0, 7.0), "comes from your text", id="own-text"
        ),
        pytest.param(
            "tasks-tasks_elsewhere", gain(1.0, -1.0, 3.0), "whose text", id="anybodys-text"
        ),
        pytest.param(
            "tasks-tasks_elsewhere", gain(-3.0, -5.0, -1.0), "did better", id="other-text"
        ),
    ],
)
def test_controls_say_what_the_gain_is_due_to(
    name: str, control: dict[str, object], note: str
) -> None:
    (said,) = headline({"tasks-zero_shot": gain(12.3, 6.1, 18.0), name: control}).notes
    assert note in said


def test_an_unreliable_gain_is_not_explained() -> None:
    few = gain(12.3, 6.1, 18.0, n=4)
    assert headline({"tasks-zero_shot": few, "tasks-tapt": few}).notes == ()


@pytest.mark.parametrize(
    ("name", "control", "is_format"),
    [
        pytest.param("tasks-remix_only", gain(0.5, -1.0, 2.0), True, id="people-as-well"),
        pytest.param("tasks-remix_only", gain(-3.0, -5.0, -1.0), True, id="people-better"),
        pytest.param("tasks-tasks_elsewhere", gain(0.5, -1.0, 2.0), True, id="other-text-as-well"),
        pytest.param("tasks-tasks_elsewhere", gain(4.0, 1.0, 7.0), False, id="own-text-better"),
        pytest.param("tasks-tapt", gain(0.5, -1.0, 2.0), False, id="reading-knows-no-format"),
        pytest.param("tasks-few_shot", gain(0.5, -1.0, 2.0), False, id="examples-are-no-control"),
    ],
)
def test_a_control_that_does_as_well_makes_the_gain_doubtful(
    name: str, control: dict[str, object], is_format: bool
) -> None:
    (said,) = headline({"tasks-zero_shot": gain(12.3, 6.1, 18.0), name: control}).notes
    assert ("the gain may be mere answer format" in said) is is_format


def test_without_a_gain_no_control_explains_one() -> None:
    nothing = gain(0.2, -2.0, 2.4)
    (said,) = headline({"tasks-zero_shot": nothing, "tasks-remix_only": nothing}).notes
    assert "mere answer format" not in said


@pytest.mark.parametrize(
    ("over", "said"),
    [
        pytest.param(gain(6.0, 2.0, 9.0), "no matter of how answers are ranked", id="still-a-gain"),
        pytest.param(gain(0.4, -2.0, 3.0), "may do as well as training", id="no-gain-left"),
        pytest.param(gain(-4.0, -6.0, -2.0), "did more than training", id="worse"),
    ],
)
def test_the_best_ranking_of_the_model_as_it_was_is_the_harder_baseline(
    over: dict[str, object], said: str
) -> None:
    best = {**over, "by_set": {"one": {**over, "rule": "calibrated"}}}
    (note,) = headline({"tasks-zero_shot": gain(12.3, 6.1, 18.0)}, {"tasks": best}).notes
    assert said in note


def test_where_the_papers_rule_is_the_best_nothing_is_added() -> None:
    main = gain(12.3, 6.1, 18.0)
    best = {**main, "by_set": {"one": {**main, "rule": "macro_f1"}}}
    assert headline({"tasks-zero_shot": main}, {"tasks": best}).notes == ()


def test_a_run_that_may_have_missed_a_gain_says_so() -> None:
    (note,) = headline({"tasks-zero_shot": gain(1.2, -6.0, 8.4, detectable=10.3)}).notes
    assert "too small to be sure of seeing a gain of 5 points" in note


@pytest.mark.parametrize(
    ("by_set", "notes"),
    [
        ({"a": gain(20.0, 9.0, 30.0), "b": gain(-2.0, -6.0, 2.0)}, ()),
        (
            {"a": gain(20.0, 9.0, 30.0), "b": gain(-9.0, -19.0, 1.0)},
            (f"The mean hides a loss on b: {M}9.0 points ({M}19.0 to +1.0, which is not sure).",),
        ),
        (
            {"a": gain(-2.0, -3.0, -1.0), "b": gain(-9.0, -12.0, -6.0)},
            (
                f"The mean hides a loss on b: {M}9.0 points ({M}12.0 to {M}6.0).",
                f"The mean hides a loss on a: {M}2.0 points ({M}3.0 to {M}1.0).",
            ),
        ),
    ],
)
def test_a_mean_that_rose_does_not_hide_a_set_that_fell(
    by_set: dict[str, object], notes: tuple[str, ...]
) -> None:
    made = headline({"tasks-zero_shot": gain(12.3, 6.1, 18.0, by_set=by_set)})
    assert made.notes == notes
