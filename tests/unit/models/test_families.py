from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.models.families import Admission, families

PROMPTS = st.lists(st.lists(st.integers(0, 1), max_size=6), max_size=12)


@pytest.mark.parametrize(
    ("prompts", "found"),
    [
        pytest.param([], [], id="none"),
        pytest.param([[1, 2, 3], [1, 2, 4], [1, 2, 3]], [[0, 1, 2]], id="alike"),
        pytest.param([[1, 2, 3], [2, 2, 3], [1, 2, 3]], [[0], [1], [2]], id="neighbours-only"),
        pytest.param([[1, 2, 3], [1, 3, 3]], [[0], [1]], id="too-little"),
        pytest.param([[1, 2, 3, 4, 5, 6], [1, 2, 9]], [[0], [1]], id="less-than-half"),
    ],
)
def test_neighbours_that_begin_alike_are_a_family(
    prompts: list[list[int]], found: list[list[int]]
) -> None:
    assert families(prompts, least=2) == found


@given(PROMPTS, st.integers(1, 4))
def test_every_prompt_is_in_one_family_and_in_its_place(
    prompts: list[list[int]], least: int
) -> None:
    found = families(prompts, least=least)
    assert [number for family in found for number in family] == list(range(len(prompts)))
    for leader, *siblings in found:
        for number in siblings:
            assert prompts[number][:least] == prompts[leader][:least]


def test_siblings_wait_until_their_leader_was_read() -> None:
    queue = Admission([[0, 1, 2], [3]])
    assert [queue.take(), queue.take(), queue.take()] == [0, 3, None]
    assert queue.leads(0)
    assert not queue.leads(3)
    assert len(queue) == 2
    queue.was_read(0)
    assert [queue.take(), queue.take(), queue.take()] == [1, 2, None]
    assert len(queue) == 0


def test_siblings_enter_before_other_leaders() -> None:
    queue = Admission([[0, 1], [2], [3]])
    assert queue.take() == 0
    queue.was_read(0)
    assert [queue.take(), queue.take()] == [1, 2]


@given(st.lists(st.integers(1, 4), max_size=8))
def test_every_request_is_taken_once(sizes: list[int]) -> None:
    numbers = iter(range(sum(sizes)))
    queue = Admission([[next(numbers) for _ in range(size)] for size in sizes])
    taken: list[int] = []
    while queue:
        while (number := queue.take()) is not None:
            taken.append(number)
        for number in taken:
            queue.was_read(number)
    assert sorted(taken) == list(range(sum(sizes)))
