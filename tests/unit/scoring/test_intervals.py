from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from katsuo.errors import RecipeError
from katsuo.scoring import intervals
from katsuo.scoring.intervals import Gain, Resampling
from katsuo.scoring.predictions import Prediction, Table, tables

HOW = Resampling(draws=500)


def spans(right: list[bool], *, name: str = "set", per_document: int = 1) -> Table:
    """A span set whose probe i is answered rightly or wrongly, some probes to a document."""
    rows = [
        Prediction(
            arm="arm",
            set=name,
            probe_id=f"{i:04}",
            document_id=f"{i // per_document:04}",
            prompt_id="p",
            seed=0,
            prompt="?",
            choices=(),
            nats=(),
            n_tokens=(),
            prediction="cat" if is_right else "dog",
            gold=("cat",),
        )
        for i, is_right in enumerate(right)
    ]
    return tables(rows, ())["squad_f1"]


HALF = [i % 2 == 0 for i in range(40)]


def test_the_value_is_that_of_the_whole_set_and_lies_in_its_interval() -> None:
    score = intervals.interval(spans(HALF), HOW)
    assert (score.metric, score.value, score.n, score.unscored) == ("squad_f1", 50.0, 40, 0)
    assert score.low < 50 < score.high


def test_the_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    score = intervals.interval(spans(HALF), Resampling())
    # 1.96 * sqrt(0.25 / 40) is 15.5 points to each side
    assert (score.high - score.low) / 2 == pytest.approx(15.5, abs=1.5)


def test_probes_of_a_document_stay_together() -> None:
    alone = intervals.interval(spans(sorted(HALF)), HOW)
    together = intervals.interval(spans(sorted(HALF), per_document=10), HOW)
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_perfect_arm_has_no_spread() -> None:
    score = intervals.interval(spans([True] * 12), HOW)
    assert (score.value, score.low, score.high) == (100.0, 100.0, 100.0)


def test_arms_are_compared_on_the_same_draws() -> None:
    better = spans([True, *HALF[1:-1], True])
    gain = intervals.paired(better, spans(HALF), HOW)
    alone = intervals.interval(better, HOW)
    assert gain.value == pytest.approx(2.5)
    assert gain.low >= 0
    assert gain.high - gain.low < alone.high - alone.low


def test_the_gain_of_all_over_nothing_is_certain() -> None:
    gain = intervals.paired(spans([True] * 10), spans([False] * 10), HOW)
    assert gain == Gain(
        value=100.0, low=100.0, high=100.0, n_documents=10, n_probes=10, reliable=True
    )


def test_another_seed_gives_other_draws_and_the_same_seed_the_same() -> None:
    table = spans(HALF)
    first, again, other = (
        intervals.sample([table], Resampling(draws=50, seed=seed))[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, other.draws)


def test_seeds_are_averaged_and_never_resampled() -> None:
    table = spans(HALF)
    bad_seed = np.zeros_like(table.sums)
    bad_seed[..., 1] = table.sums[..., 1]
    two = replace(table, seeds=(0, 1), sums=np.concatenate([table.sums, bad_seed], axis=1))
    one_score, two_scores = (intervals.interval(arm, HOW) for arm in (table, two))
    assert two_scores.value == pytest.approx(one_score.value / 2)
    assert two_scores.low == pytest.approx(one_score.low / 2)


def test_a_mean_over_sets_resamples_each_set_by_itself() -> None:
    arms = [intervals.sample([spans(HALF, name=name)], HOW)[0] for name in ("one", "two")]
    assert not np.array_equal(arms[0].draws, arms[1].draws)
    mean, alone = intervals.summary(arms, HOW), intervals.summary(arms[:1], HOW)
    assert (mean.value, mean.n, mean.metric) == (50.0, 80, "squad_f1")
    # independent sets: narrower by about the square root of 2
    assert (alone.high - alone.low) / (mean.high - mean.low) == pytest.approx(2**0.5, abs=0.3)


def test_a_mean_of_different_metrics_says_so() -> None:
    table = spans(HALF)
    mixed = [table, replace(table, set="other", metric="macro_f1")]
    arms = [intervals.sample([part], HOW)[0] for part in mixed]
    assert intervals.summary(arms, HOW).metric == "mean_f1"


@pytest.mark.parametrize(
    ("n_documents", "reliable"),
    [pytest.param(9, False, id="too-few"), pytest.param(10, True, id="enough")],
)
def test_few_documents_are_flagged(n_documents: int, reliable: bool) -> None:
    table = spans([True] * n_documents)
    assert intervals.paired(table, table, HOW).reliable is reliable


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        # half the width is 2 points at 100 documents: 100 * (2 / 1)^2
        pytest.param(1.0, 400, id="small-gain"),
        pytest.param(-4.0, 25, id="a-loss-counts-as-well"),
        pytest.param(50.0, 10, id="never-fewer-than-are-reliable"),
        pytest.param(0.0, None, id="no-gain"),
    ],
)
def test_a_gain_says_how_many_documents_would_show_it(value: float, needed: int | None) -> None:
    gain = Gain(
        value=value, low=value - 2, high=value + 2, n_documents=100, n_probes=100, reliable=True
    )
    assert gain.n_documents_needed == needed


def test_arms_on_different_documents_cannot_be_compared() -> None:
    with pytest.raises(AssertionError, match="same documents"):
        intervals.paired(spans(HALF), spans(HALF[:-1]), HOW)


@pytest.mark.parametrize(
    ("draws", "level"), [pytest.param(0, 0.95, id="draws"), pytest.param(10, 95.0, id="level")]
)
def test_settings_that_mean_nothing_are_refused(draws: int, level: float) -> None:
    with pytest.raises(RecipeError, match="must"):
        Resampling(draws=draws, level=level)


def test_intervals_cover_a_known_mean_about_as_often_as_they_say() -> None:
    chance = random.Random(5)
    covered = 0
    for i in range(200):
        documents = [chance.random() < 0.6 for _ in range(60)]
        both = [is_right for is_right in documents for _ in range(2)]
        table = spans(both, per_document=2, name=f"set-{i}")
        score = intervals.interval(table, Resampling(draws=300))
        covered += score.low <= 60 <= score.high
    assert 0.89 <= covered / 200 <= 0.99
