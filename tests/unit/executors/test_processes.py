from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from katsuo.errors import DataError, DiskError, WorkerError
from katsuo.executors.processes import ProcessExecutor
from katsuo.executors.turns import AHEAD, TRIES
from katsuo.executors.worker import cores_of
from katsuo.protocols import Executor


def silent(_: object) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_the_order_of_the_shards(
    duties: ModuleType, tmp_path: Path, workers: int
) -> None:
    executor: Executor = ProcessExecutor(workers=workers)
    duty = duties.Squaring(notes=tmp_path)
    assert list(executor.map(duty, range(40), silent)) == [i * i for i in range(40)]
    assert all(len(duty.noted(f"begun-{i}")) == 1 for i in range(40))
    assert len(duty.noted("opened")) <= workers
    assert not multiprocessing.active_children()


def test_without_shards_no_process_begins(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path)
    assert list(ProcessExecutor().map(duty, [], silent)) == []
    assert not duty.noted("opened")


def test_shards_are_taken_only_so_far_ahead_of_what_is_used(
    duties: ModuleType, tmp_path: Path
) -> None:
    taken: list[int] = []

    def shards() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    results = ProcessExecutor(workers=2).map(duties.Squaring(notes=tmp_path), shards(), silent)
    assert taken == []
    for number in range(5):
        assert next(results) == number * number
        assert len(taken) <= number + 2 * AHEAD
    results.close()  # type: ignore[attr-defined]  # a generator
    assert not multiprocessing.active_children()


def test_one_listener_hears_every_worker(duties: ModuleType, tmp_path: Path) -> None:
    heard: list[str] = []
    duty = duties.Squaring(notes=tmp_path)
    list(ProcessExecutor(workers=2).map(duty, range(8), heard.append))
    assert sorted(heard) == [f"{i} begun" for i in range(8)]


@pytest.mark.parametrize("dies", range(1, TRIES))
def test_a_shard_whose_worker_died_is_tried_again(
    duties: ModuleType, tmp_path: Path, dies: int
) -> None:
    duty = duties.Squaring(notes=tmp_path, dies_at=3, dies=dies)
    found = list(ProcessExecutor(workers=2).map(duty, range(8), silent))
    assert found == [i * i for i in range(8)]
    assert len(duty.noted("begun-3")) == dies + 1
    assert all(len(duty.noted(f"begun-{i}")) == 1 for i in range(8) if i != 3)


def test_a_shard_that_kills_every_worker_is_named(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, dies_at=3, dies=99)
    results = ProcessExecutor(workers=2).map(duty, range(100), silent)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(WorkerError, match=r"shard 3: 3 workers died at it, .* by signal 9"):
        list(results)
    assert len(duty.noted("begun-3")) == TRIES
    assert not multiprocessing.active_children()


def test_a_worker_that_is_killed_from_outside_loses_and_doubles_nothing(
    duties: ModuleType, tmp_path: Path
) -> None:
    killed: list[int] = []

    def hear(said: str) -> None:
        if said in ("5 begun", "11 begun"):
            victim = multiprocessing.active_children()[0].pid
            assert victim is not None
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    duty = duties.Squaring(notes=tmp_path)
    found = list(ProcessExecutor(workers=2).map(duty, range(30), hear))
    assert found == [i * i for i in range(30)]
    assert len(killed) >= 2


def test_an_error_of_the_users_comes_as_it_was_raised(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, refuses=2)
    with pytest.raises(DataError, match="shard 2: line 3: no number"):
        list(ProcessExecutor(workers=2).map(duty, range(8), silent))
    assert len(duty.noted("begun-2")) == 1
    assert not multiprocessing.active_children()


def test_a_full_disk_is_said_once_and_not_tried_again(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, full_at=2)
    with pytest.raises(DiskError, match=r"rows\.parquet: the disk is full; make room"):
        list(ProcessExecutor(workers=2).map(duty, range(8), silent))
    assert len(duty.noted("begun-2")) == 1
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system binds no cores")
def test_workers_share_the_cores(duties: ModuleType) -> None:
    each = max(1, len(os.sched_getaffinity(0)) // 2)
    found = list(ProcessExecutor(workers=2).map(duties.Surroundings(), range(4), silent))
    assert found == [(str(each), each)] * 4


@pytest.mark.parametrize("n_workers", [1, 2, 3, 64])
def test_every_worker_has_as_many_cores_and_none_twice(n_workers: int) -> None:
    given = [cores_of(slot, n_workers) for slot in range(n_workers)]
    assert len({len(cores) for cores in given}) == 1
    assert all(cores and len(set(cores)) == len(cores) for cores in given)
