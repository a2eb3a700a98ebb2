from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.stages.mixture import is_held_out, mixed
from katsuo.types import TaskType

A, B, C = TaskType.EXQA, TaskType.YNQA, TaskType.NLI
ITEMS = [(kind, 10) for kind, n in ((A, 60), (B, 20), (C, 40)) for _ in range(n)]


def tokens(numbers: list[int]) -> dict[TaskType, int]:
    counts: Counter[TaskType] = Counter()
    for number in numbers:
        counts[ITEMS[number][0]] += ITEMS[number][1]
    return dict(counts)


@pytest.mark.parametrize(
    ("asked", "weights", "held"),
    [
        pytest.param(None, {}, {A: 600, B: 200, C: 400}, id="everything"),
        pytest.param(300, {}, {A: 100, B: 100, C: 100}, id="alike"),
        pytest.param(300, {A: 4.0}, {A: 200, B: 50, C: 50}, id="weighed"),
        pytest.param(900, {}, {A: 350, B: 200, C: 350}, id="a-short-type-leaves-to-others"),
        pytest.param(9000, {}, {A: 600, B: 200, C: 400}, id="more-than-there-is"),
        pytest.param(300, {C: 0.0}, {A: 150, B: 150}, id="left-out"),
        pytest.param(None, {A: 2.0}, {A: 400, B: 200, C: 200}, id="as-many-as-weights-allow"),
    ],
)
def test_every_type_has_its_share_of_the_tokens(
    asked: int | None, weights: dict[TaskType, float], held: dict[TaskType, int]
) -> None:
    assert tokens(mixed(ITEMS, tokens=asked, weights=weights, seed=1)) == held


def test_chance_decides_which_are_taken_and_the_order_stays() -> None:
    one, other = (mixed(ITEMS, tokens=300, weights={}, seed=seed) for seed in (1, 2))
    assert one != other
    assert one == sorted(one)
    assert one == mixed(ITEMS, tokens=300, weights={}, seed=1)


@given(
    st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 50)), max_size=40),
    st.integers(1, 2000),
    st.dictionaries(st.sampled_from([A, B, C]), st.floats(0, 5)),
)
def test_nothing_is_taken_twice_and_no_more_than_asked_but_an_item_a_type(
    items: list[tuple[TaskType, int]], asked: int, weights: dict[TaskType, float]
) -> None:
    taken = mixed(items, tokens=asked, weights=weights, seed=0)
    assert taken == sorted(set(taken))
    assert sum(items[n][1] for n in taken) <= asked + 3 * 50


def test_of_nothing_there_is_nothing() -> None:
    assert mixed([], tokens=10, weights={}, seed=0) == []
    assert mixed([], tokens=None, weights={A: 2.0}, seed=0) == []


@given(st.integers(0, 2**64 - 1), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_what_a_small_fraction_holds_out_a_larger_one_does_too(
    number: int, one: float, other: float
) -> None:
    least, most = sorted((one, other))
    document_id = f"{number:016x}"
    assert is_held_out(document_id, least) <= is_held_out(document_id, most)


def test_as_many_documents_are_held_out_as_the_fraction_says() -> None:
    assert sum(is_held_out(f"{number:016x}", 0.04) for number in range(1000)) == 40
