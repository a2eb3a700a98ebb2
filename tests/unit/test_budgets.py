from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.budgets import Budget, novelties, shares
from katsuo.types import Context

TEXT = "the pilot boards a vessel at the outer buoy unless the wind is from the north"
WORDS = TEXT.split()


def passage(text: str, document: str = "d") -> Context:
    return Context(id=text[:8], document_id=document, text=text, start=0, end=len(text))


budgets = st.builds(
    Budget, per_100_words=st.floats(0.001, 1e6), at_most=st.integers(min_value=0, max_value=64)
)


@given(budgets, st.integers(1, 10_000), st.floats(0, 1))
def test_every_text_gets_a_draft_and_none_more_than_the_most(
    budget: Budget, n_words: int, novelty: float
) -> None:
    n_drafts = budget.drafts(n_words, novelty)
    assert min(1, budget.at_most) <= n_drafts <= budget.at_most


@given(budgets, st.integers(1, 5000), st.integers(0, 5000), st.floats(0, 1), st.floats(0, 1))
def test_longer_and_newer_passages_get_no_less(
    budget: Budget, n_words: int, more: int, one: float, other: float
) -> None:
    old, new = sorted((one, other))
    assert budget.drafts(n_words, old) <= budget.drafts(n_words + more, new)


@pytest.mark.parametrize(
    ("n_words", "novelty", "n_drafts"),
    [(0, 1.0, 0), (5, 1.0, 1), (149, 1.0, 1), (150, 1.0, 2), (300, 0.4, 1), (9000, 1.0, 8)],
)
def test_a_hundred_new_words_are_worth_a_draft(n_words: int, novelty: float, n_drafts: int) -> None:
    assert Budget().drafts(n_words, novelty) == n_drafts


def test_what_an_earlier_passage_of_the_document_said_is_not_new() -> None:
    again = " ".join(WORDS)
    found = novelties([passage(again), passage(f"{again} then all others wait"), passage(again)])
    assert found[0] == 1
    assert found[1] == pytest.approx(4 / 20)
    assert found[2] == 0


def test_another_document_may_say_the_same() -> None:
    text = " ".join(WORDS)
    assert novelties([passage(text, "one"), passage(text, "two")]) == [1, 1]


def test_common_phrases_are_no_repetition() -> None:
    assert novelties([passage("of the harbour master a"), passage("of the harbour master b")]) == [
        1,
        1,
    ]


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join)


@given(st.lists(st.tuples(texts, st.sampled_from("ab")), max_size=8))
def test_what_is_asked_of_a_document_is_the_same_beside_any_other(
    drawn: list[tuple[str, str]],
) -> None:
    contexts = [passage(text, document) for text, document in drawn]
    together = shares(contexts, Budget(per_100_words=20))
    for document in "ab":
        alone = shares([one for one in contexts if one.document_id == document],
                       Budget(per_100_words=20))  # fmt: skip
        pairs = zip(contexts, together, strict=True)
        assert [n for one, n in pairs if one.document_id == document] == alone
