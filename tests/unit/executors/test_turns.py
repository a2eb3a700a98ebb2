from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import WorkerError
from katsuo.executors.turns import AHEAD, TRIES, Turns
from katsuo.protocols import Hear


@dataclass(frozen=True, slots=True)
class Doubling:
    """Implements `Duty`."""

    def named(self, shard: int, /) -> str:
        return f"shard {shard}"

    def open(self, say: Hear) -> Callable[[int], int]:
        return lambda shard: 2 * shard


def turns_of(n_shards: int, n_workers: int) -> Turns[int, int]:
    return Turns(duty=Doubling(), shards=iter(range(n_shards)), n_workers=n_workers)


@given(st.integers(0, 30), st.integers(1, 5), st.data())
def test_in_whatever_order_work_ends_or_workers_die_all_results_come_once_and_in_order(
    n_shards: int, n_workers: int, data: st.DataObject
) -> None:
    turns = turns_of(n_shards, n_workers)
    at_work: list[tuple[int, int]] = []
    results: list[int] = []
    while True:
        results += turns.ready()
        while len(at_work) < n_workers and (given_ := turns.take()) is not None:
            at_work.append(given_)
        if not at_work:
            break
        place, shard = at_work.pop(data.draw(st.integers(0, len(at_work) - 1)))
        if turns.deaths[place] < TRIES - 1 and data.draw(st.booleans()):
            turns.died((place, shard), "of chance")
        else:
            turns.put((place, shard), 2 * shard)
        assert turns.n_taken - len(results) <= AHEAD * n_workers + n_workers
    assert results == [2 * shard for shard in range(n_shards)]


def test_a_shard_is_given_up_after_its_last_try() -> None:
    turns = turns_of(4, 1)
    for _ in range(TRIES - 1):
        given_ = turns.take()
        assert given_ == (0, 0)
        turns.died(given_, "of hunger")
    given_ = turns.take()
    assert given_ is not None
    with pytest.raises(WorkerError, match="shard 0: 3 workers died at it, the last one of hunger"):
        turns.died(given_, "of hunger")
