from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring import generated, intervals
from katsuo.scoring.generated import Label
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Table
from katsuo.types import Span

PASSAGE = "The heron waits. It does not hurry! Who saw it?"


def value(table: object) -> float:
    assert isinstance(table, Table)
    return intervals.interval(table, Resampling(draws=50)).value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(f"{PASSAGE}\n\nWho  waits?", "Who waits?", id="behind"),
        pytest.param(f"Say who.\n{PASSAGE} \n", "Say who.", id="before"),
        pytest.param("Who waits?", "Who waits?", id="no-passage"),
        pytest.param(PASSAGE, "", id="nothing-but-the-passage"),
    ],
)
def test_outside_is_what_is_said_beside_the_passage(text: str, said: str) -> None:
    assert generated.outside(text, f"\n{PASSAGE}\n") == said


@pytest.mark.parametrize(
    ("n", "share"),
    [
        pytest.param(1, 3 / 6, id="words"),  # who, saw, it; twice each
        pytest.param(2, 2 / 4, id="pairs-do-not-cross-texts"),
        pytest.param(4, None, id="no-run-is-so-long"),
    ],
)
def test_distinct_is_the_share_of_runs_that_are_new(n: int, share: float | None) -> None:
    assert generated.distinct(["Who saw it?", "who saw it"], n) == share


def test_openings_are_compared_without_case_and_signs() -> None:
    texts = ["Who saw the heron?", "who saw: the boat", "What is it?", "Why"]
    assert generated.openings(texts, 2) == [("who saw the", 0.5), ("what is it", 0.25)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("It does not hurry", (4, 4), id="copied-whole"),
        pytest.param("It does hurry", (0, 3), id="words-but-no-run"),
        pytest.param("Why: it does not?", (3, 4), id="a-run-of-three-counts"),
        pytest.param("not hurry who saw", (4, 4), id="runs-cross-sentences"),
        pytest.param("", (0, 0), id="nothing-said"),
    ],
)
def test_words_in_runs_of_three_are_copied(text: str, found: tuple[int, int]) -> None:
    assert generated.copied(text, PASSAGE) == found


@pytest.mark.parametrize(
    ("spans", "n"),
    [
        pytest.param([(4, 9)], 1, id="inside-one"),
        pytest.param([(10, 20)], 2, id="across-a-cut"),
        pytest.param([(0, 3), (4, 9)], 1, id="twice-in-one"),
        pytest.param([], 0, id="none"),
        pytest.param([(9, 9)], 0, id="an-empty-span-touches-nothing-behind-it"),
    ],
)
def test_a_sentence_is_touched_when_a_span_shares_a_character(
    spans: list[tuple[int, int]], n: int
) -> None:
    found = [Span(start=start, end=end) for start, end in spans if start < end]
    assert generated.touched(PASSAGE, found) == (n, 3)


def test_a_share_weighs_documents_by_their_whole() -> None:
    table = generated.shares("parse", "exqa", [("a", 1, 1), ("b", 0, 2), ("b", 1, 1), ("c", 0, 0)])
    assert table is not None
    assert value(table) == 50.0
    assert table.documents == ("a", "b")  # a document without a whole could make a share of 0 / 0


def test_nothing_counted_is_no_share() -> None:
    assert generated.shares("parse", "exqa", [("a", 0, 0)]) is None


def test_labels_of_one_vocabulary_meet_whatever_their_order_and_case() -> None:
    assert generated.label(["Yes", "No"], 0) == generated.label(["no.", "yes."], 1)


def test_a_label_by_place_says_nothing_of_its_words() -> None:
    one = generated.label(["a cat", "a dog"], 1, by_place=True)
    assert one == generated.label(["1870", "1871"], 1, by_place=True)


def evenness(labels: list[Label], source: list[Label]) -> float:
    table = generated.evenness("entropy", "ynqa", enumerate_documents(labels), source)
    return value(table)


def enumerate_documents(labels: list[Label]) -> list[tuple[str, Label]]:
    return [(f"{i:03}", label) for i, label in enumerate(labels)]


YES, NO, MAYBE = ("yes/no", "yes"), ("yes/no", "no"), ("yes/no", "maybe")
TRUE, FALSE = ("true/false", "true"), ("true/false", "false")


@pytest.mark.parametrize(
    ("labels", "points"),
    [
        pytest.param([YES, NO] * 5, 100.0, id="as-even-as-the-source"),
        pytest.param([YES] * 10, 0.0, id="one-label"),
        # H(3/4) = 0.5623 nats of 0.6931
        pytest.param([YES, YES, YES, NO], 81.13, id="three-to-one"),
        pytest.param([YES, NO, MAYBE, MAYBE], 100.0, id="a-stray-label-counts-for-nothing"),
        pytest.param([TRUE, FALSE, YES, NO], 100.0, id="two-vocabularies-are-no-more-even"),
        pytest.param([TRUE, TRUE, YES, NO], 50.0, id="vocabularies-are-weighed-by-use"),
    ],
)
def test_labels_are_as_even_as_their_entropy_in_the_sources(
    labels: list[Label], points: float
) -> None:
    assert evenness(labels, [YES, NO, TRUE, FALSE]) == pytest.approx(points, abs=0.01)


def test_a_generator_more_even_than_its_source_gets_no_more_than_all_points() -> None:
    assert evenness([YES, NO], [YES, YES, YES, NO]) == 100.0


def test_a_source_of_one_label_has_no_evenness_to_reach() -> None:
    assert generated.evenness("entropy", "ynqa", [("a", YES)], [YES, YES]) is None
    assert generated.evenness("entropy", "ynqa", [("a", YES)], []) is None


@given(st.lists(st.integers(1, 30), min_size=2, max_size=6))
def test_points_are_the_ratio_of_shannon_entropies(counts: list[int]) -> None:
    labels = [("v", str(i)) for i, n in enumerate(counts) for _ in range(n)]
    flat = [("v", str(i)) for i in range(len(counts))]
    total = sum(counts)
    nats = -sum(n / total * math.log(n / total) for n in counts)
    assert evenness(labels, flat) == pytest.approx(100 * nats / math.log(len(counts)))
