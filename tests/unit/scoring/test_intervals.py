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
    assert (gain.value, gain.low, gain.high) == (100.0, 100.0, 100.0)
    assert (gain.n_documents, gain.n_probes, gain.reliable) == (10, 10, True)
    assert (gain.p, gain.detectable) == (HOW.least_p, 0.0)


def test_no_p_value_is_below_what_the_draws_can_tell() -> None:
    assert Resampling(draws=2000).least_p == pytest.approx(2 / 2001)
    assert Resampling(draws=1).least_p == 1.0


def test_an_arm_against_itself_has_the_p_value_1() -> None:
    table = spans(HALF)
    assert intervals.paired(table, table, HOW).p == 1.0


def test_a_p_value_is_the_same_for_gain_and_loss_and_agrees_with_the_interval() -> None:
    for n_better in (1, 3, 5, 7, 9):
        right = [i < 20 for i in range(40)]
        better = [is_right or 20 <= i < 20 + n_better for i, is_right in enumerate(right)]
        gain = intervals.paired(spans(better), spans(right), Resampling())
        loss = intervals.paired(spans(right), spans(better), Resampling())
        assert gain.p == loss.p
        assert (gain.p < 0.05) == (gain.low > 0)


def test_without_an_effect_p_values_are_about_uniform() -> None:
    chance = random.Random(7)
    p_values = []
    for i in range(300):
        one, other = (
            spans([chance.random() < 0.5 for _ in range(80)], name=f"{i}") for _ in range(2)
        )
        p_values.append(intervals.paired(one, other, Resampling(draws=200)).p)
    for level in (0.1, 0.5):
        assert sum(p < level for p in p_values) / 300 == pytest.approx(level, abs=0.08)


def test_a_detectable_gain_is_shown_in_four_measurements_of_five() -> None:
    chance = random.Random(3)
    found = []
    for i in range(150):
        # 14 points between them: 2.8 standard errors of 5 points
        better, over = (
            spans([chance.random() < share for _ in range(200)], name=f"{i}")
            for share in (0.57, 0.43)
        )
        found.append(intervals.paired(better, over, Resampling(draws=300)))
    assert sum(gain.detectable for gain in found) / 150 == pytest.approx(14, abs=0.5)
    assert sum(gain.low > 0 for gain in found) / 150 == pytest.approx(0.8, abs=0.08)


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
        # 3 points can be detected with 100 documents: 100 * (3 / 1.5)^2
        pytest.param(1.5, 400, id="small-gain"),
        pytest.param(-6.0, 25, id="a-loss-counts-as-well"),
        pytest.param(50.0, 10, id="never-fewer-than-are-reliable"),
        pytest.param(0.0, None, id="no-gain"),
    ],
)
def test_a_gain_says_how_many_documents_would_show_it(value: float, needed: int | None) -> None:
    gain = Gain(
        value=value,
        low=value - 2,
        high=value + 2,
        n_documents=100,
        n_probes=100,
        p=0.3,
        detectable=3.0,
        reliable=True,
    )
    assert gain.n_documents_needed == needed
    assert gain.n_documents_for(3.0) == 100


def seeded(by_seed: dict[int, list[bool]]) -> Table:
    """One arm tuned with several seeds."""
    parts = [spans(right) for right in by_seed.values()]
    sums = np.concatenate([part.sums for part in parts], axis=1)
    return replace(parts[0], seeds=tuple(by_seed), sums=sums)


def test_an_arm_of_three_seeds_is_compared_with_one_that_was_never_tuned() -> None:
    wrong = [False] * 40
    tuned = seeded({1: HALF, 2: [True] * 40, 3: wrong})
    before = seeded({0: HALF})
    gain = intervals.paired(tuned, before, HOW)
    assert gain.value == pytest.approx(0.0)
    # The average of the three seeds is what is compared, document by document: here it is
    # the same 50 points as before, in other documents.
    average = replace(before, sums=tuned.sums.mean(axis=1, keepdims=True))
    same = intervals.paired(average, before, HOW)
    assert (gain.low, gain.high, gain.p) == pytest.approx((same.low, same.high, same.p))


def test_seeds_that_all_agree_change_no_interval() -> None:
    once, thrice = seeded({4: HALF}), seeded({1: HALF, 2: HALF, 3: HALF})
    over = seeded({0: [True, *HALF[1:-1], True]})
    one, three = (intervals.paired(arm, over, HOW) for arm in (once, thrice))
    assert (one.value, one.low, one.high) == pytest.approx((three.value, three.low, three.high))


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
