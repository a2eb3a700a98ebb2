from __future__ import annotations

import math

import pytest

from katsuo.scoring import choice


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([-3.0, -1.0, -2.0], 1, id="highest"),
        pytest.param([-1.0, -1.0], 0, id="first-of-equals"),
        pytest.param([-math.inf, -5.0], 1, id="impossible-choices-lose"),
        pytest.param([-math.inf, -math.inf], None, id="all-impossible"),
        pytest.param([math.nan, -1.0], None, id="not-a-number"),
        pytest.param([], None, id="nothing-ranked"),
    ],
)
def test_the_likeliest_choice_is_best(scores: list[float], expected: int | None) -> None:
    assert choice.best(scores) == expected


def test_long_choices_are_not_punished_per_token() -> None:
    nats, n_tokens = (-4.0, -3.0), (4, 1)
    assert choice.best(nats) == 1
    assert choice.best(choice.per_token(nats, n_tokens)) == 0


def test_a_liking_for_a_word_is_no_vote_once_calibrated() -> None:
    likes_the_first = [(-1.0, -2.0), (-1.0, -4.0)]
    priors = choice.prior(likes_the_first)
    assert priors == [-1.0, -3.0]
    assert [choice.best(nats) for nats in likes_the_first] == [0, 0]
    assert [choice.best(choice.calibrated(nats, priors)) for nats in likes_the_first] == [1, 0]


def test_priors_leave_out_what_is_not_finite_or_was_not_ranked() -> None:
    assert choice.prior([(-1.0, -math.inf), (), (-3.0, -math.inf)]) == [-2.0, 0.0]


def test_macro_f1_is_the_value_worked_out_by_hand() -> None:
    golds = ["yes", "yes", "yes", "no", "no", "maybe"]
    predicted = ["yes", "yes", "no", "no", "maybe", None]
    counts = choice.class_counts(golds, predicted, ["yes", "no", "maybe"])
    assert counts.tolist() == [[2, 0, 1], [1, 1, 1], [0, 1, 1]]
    # yes 2*2/(2*2+0+1) = 0.8, no 2/(2+1+1) = 0.5, maybe 0
    assert choice.macro_f1(counts) == pytest.approx(100 * 1.3 / 3)


def test_labels_that_do_not_occur_in_the_gold_are_no_class() -> None:
    counts = choice.class_counts(["yes", "no"], ["maybe", "no"], ["yes", "no", "maybe"])
    assert choice.macro_f1(counts) == pytest.approx(50.0)


def test_no_gold_at_all_is_no_points() -> None:
    assert choice.macro_f1(choice.class_counts([], [], ["yes", "no"])) == 0.0
