# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from katsuo.models import decoding
from katsuo.protocols import Sampling

pytestmark = pytest.mark.train

SHARES = st.lists(st.floats(0.01, 1), min_size=1, max_size=600)


def nucleus(shares: list[float], top_p: float) -> tuple[Any, Any]:
    """Of one row: the shares of the words inside, and they."""
    probs = torch.tensor([shares], dtype=torch.float64)
    kept, words = decoding.nucleus(probs, torch.tensor([[top_p]], dtype=torch.float64))
    return kept[kept > 0], words[kept > 0]


def drawn(logits: list[float], sampling: Sampling, chance: random.Random) -> int:
    (word,) = decoding.drawn(torch.tensor([logits]), [sampling], [chance])
    return word


@pytest.mark.parametrize(
    ("top_p", "words"),
    [
        pytest.param(0.4, [2], id="one-word-is-enough"),
        pytest.param(0.5, [2], id="just-enough"),
        pytest.param(0.51, [2, 0], id="the-word-that-reaches-it-belongs"),
        pytest.param(0.99, [2, 0, 3, 1], id="all"),
        pytest.param(1.0, [0, 1, 2, 3], id="no-nucleus"),
    ],
)
def test_the_nucleus_holds_the_fewest_words_that_reach_the_mass(
    top_p: float, words: list[int]
) -> None:
    assert nucleus([0.25, 0.0625, 0.5, 0.1875], top_p)[1].tolist() == words


@given(shares=SHARES, top_p=st.floats(0.05, 0.99))
def test_a_nucleus_reaches_its_mass_and_would_not_without_its_last_word(
    shares: list[float], top_p: float
) -> None:
    probs = torch.tensor(shares, dtype=torch.float64)
    probs /= probs.sum()
    kept, words = nucleus(probs.tolist(), top_p)
    assert torch.equal(probs[words], kept)
    assert len(set(words.tolist())) == len(words)
    assert float(kept.sum()) >= top_p - 1e-9
    assert float(kept[:-1].sum()) < top_p + 1e-9


def test_words_are_drawn_as_often_as_they_are_likely() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    chance = random.Random(3)
    sampling = Sampling(temperature=1.0, top_p=0.9)
    found = Counter(drawn(logits, sampling, chance) for _ in range(4000))
    assert set(found) == {0, 1, 2}
    assert [found[i] / 4000 for i in range(3)] == pytest.approx(
        [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95], abs=0.03
    )


def test_greedy_takes_the_likeliest_and_asks_no_chance() -> None:
    chance = random.Random(1)
    before = chance.getstate()
    assert drawn([0.1, 0.7, 0.3], Sampling(temperature=0), chance) == 1
    assert chance.getstate() == before


@given(logits=st.lists(st.floats(-8, 8), min_size=1, max_size=50), seed=st.integers(0, 99))
def test_each_word_costs_one_number(logits: list[float], seed: int) -> None:
    chance, twin = random.Random(seed), random.Random(seed)
    word = drawn(logits, Sampling(temperature=0.5), chance)
    assert 0 <= word < len(logits)
    twin.random()
    assert chance.getstate() == twin.getstate()


@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.floats(-8, 8), min_size=300, max_size=300), st.sampled_from([0.0, 0.5, 1.0])
        ),
        min_size=1,
        max_size=5,
    ),
    top_p=st.sampled_from([0.3, 0.95, 1.0]),
)
def test_a_row_draws_the_same_word_beside_any_others(
    rows: list[tuple[list[float], float]], top_p: float
) -> None:
    samplings = [Sampling(temperature=heat, top_p=top_p) for _, heat in rows]
    logits = torch.tensor([row for row, _ in rows])
    together = decoding.drawn(logits, samplings, [random.Random(i) for i in range(len(rows))])
    alone = [
        drawn(row, sampling, random.Random(i))
        for i, ((row, _), sampling) in enumerate(zip(rows, samplings, strict=True))
    ]
    assert together == alone
