"""Laws of scoring: what must not change a number, and what must."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from katsuo.scoring import choice, intervals
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Prediction, tables
from katsuo.scoring.text import exact_match, normalised, token_f1

LABELS = ("yes", "no", "maybe")
HOW = Resampling(draws=40)
NATS = st.floats(-50, 0, allow_nan=False)


@st.composite
def predictions(draw: st.DrawFn) -> list[Prediction]:
    """The closed predictions of one arm: some documents, one or two prompts."""
    n_probes = draw(st.integers(1, 12))
    prompts = ["p1", "p2"][: draw(st.integers(1, 2))]
    rows = []
    for i in range(n_probes):
        document = str(draw(st.integers(0, 4)))
        gold = draw(st.sampled_from(LABELS))
        for prompt in prompts:
            nats = draw(st.one_of(st.just(()), st.tuples(NATS, NATS, NATS)))
            index = choice.best(nats)
            rows.append(
                Prediction(
                    arm="arm",
                    set="set",
                    probe_id=str(i),
                    document_id=document,
                    prompt_id=prompt,
                    seed=0,
                    prompt="?",
                    choices=LABELS,
                    nats=nats,
                    n_tokens=(1, 2, 3) if nats else (),
                    prediction=None if index is None else LABELS[index],
                    gold=(gold,),
                )
            )
    return rows


@given(predictions(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_scores_and_intervals_ignore_the_order_of_predictions(
    rows: list[Prediction], chance: object
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    for metric, table in tables(rows, LABELS).items():
        again = tables(shuffled, LABELS)[metric]
        assert intervals.interval(again, HOW) == intervals.interval(table, HOW)


@given(predictions())
@settings(deadline=None)
def test_an_arm_gains_exactly_nothing_over_itself(rows: list[Prediction]) -> None:
    for table in tables(rows, LABELS).values():
        gain = intervals.paired(table, table, HOW)
        assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


@given(predictions())
@settings(deadline=None)
def test_points_lie_between_0_and_100_and_the_interval_is_ordered(rows: list[Prediction]) -> None:
    for table in tables(rows, LABELS).values():
        score = intervals.interval(table, HOW)
        assert 0 <= score.value <= 100
        assert 0 <= score.low <= score.high <= 100


@given(
    st.lists(
        st.tuples(NATS, st.integers(1, 9)), min_size=1, max_size=8, unique_by=lambda it: it[0]
    ).flatmap(lambda ranked: st.tuples(st.just(ranked), st.permutations(ranked)))
)
def test_ranking_ignores_the_order_of_choices_but_for_ties(
    both: tuple[list[tuple[float, int]], list[tuple[float, int]]],
) -> None:
    chosen = []
    for ranked in both:
        index = choice.best([nats for nats, _ in ranked])
        assert index is not None
        chosen.append(ranked[index])
    assert chosen[0] == chosen[1]


@given(st.lists(st.tuples(NATS, NATS), min_size=1, max_size=6), st.floats(-20, 20))
def test_calibration_ignores_a_constant_liking_for_a_word(
    rows: list[tuple[float, float]], liking: float
) -> None:
    liked = [(first + liking, second) for first, second in rows]
    plain_prior, liked_prior = choice.prior(rows), choice.prior(liked)
    for plain, changed in zip(rows, liked, strict=True):
        expected = choice.calibrated(plain, plain_prior)
        found = choice.calibrated(changed, liked_prior)
        assert all(abs(a - b) < 1e-6 for a, b in zip(expected, found, strict=True))


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=3))
def test_a_match_is_never_worth_more_than_its_f1(prediction: str, golds: list[str]) -> None:
    assert 0 <= exact_match(prediction, golds) <= token_f1(prediction, golds) <= 1


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=3))
def test_another_gold_answer_never_hurts(prediction: str, golds: list[str]) -> None:
    answerable = [gold for gold in golds if normalised(gold)]
    for i in range(1, len(answerable)):
        assert token_f1(prediction, answerable[:i]) <= token_f1(prediction, answerable)
