"""Shards in several processes of this machine, each with engines of its own.

    shards ──one at a time──▶ worker 1 ─┐
                            ▶ worker 2 ─┴─▶ results, put into the order of the shards

Processes are spawned, never forked: an engine does not outlive a fork. Work that finishes early
waits for its turn, and shards are handed out only so far ahead of the result that is taken next.
A worker that dies is replaced and its shard tried again.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic

from katsuo.executors.turns import Given, Turns
from katsuo.executors.worker import Failed, Made, Said, cores_of, serve
from katsuo.protocols import Done, Duty, Hear, Work

_FAREWELL_SECONDS: Final = 5.0
"""For an idle worker to leave by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExecutor:
    """Implements `Executor`."""

    workers: int = 2
    """Processes, each with its share of the cores."""

    def map(self, duty: Duty[Work, Done], shards: Iterable[Work], hear: Hear) -> Iterator[Done]:
        """Do `duty` with every shard; results come in the order of the shards."""
        turns = Turns(duty=duty, shards=iter(shards), n_workers=self.workers)
        crew = _Crew(turns=turns, hear=hear)
        try:
            yield from crew.results()
        finally:
            crew.leave()


@dataclass(slots=True, kw_only=True)
class _Worker(Generic[Work]):
    """A process, and the shard that it has in hand."""

    process: BaseProcess
    line: Connection
    at: Given[Work] | None = None


@dataclass(slots=True, kw_only=True)
class _Crew(Generic[Work, Done]):
    """The workers, by their slots."""

    turns: Turns[Work, Done]
    hear: Hear
    workers: dict[int, _Worker[Work]] = field(default_factory=dict)

    def results(self) -> Iterator[Done]:
        """The results of all shards, in their order."""
        while True:
            yield from self.turns.ready()
            self._hand_out()
            busy = [worker.line for worker in self.workers.values() if worker.at is not None]
            if not busy:
                return
            for line in wait(busy):
                self._heard(line)

    def _hand_out(self) -> None:
        """Give every idle worker a shard, as long as there is room."""
        for slot in range(self.turns.n_workers):
            worker = self.workers.get(slot)
            if worker is not None and worker.at is not None:
                continue
            given = self.turns.take()
            if given is None:
                return
            self._give(slot, given)

    def _give(self, slot: int, given: Given[Work]) -> None:
        worker = self.workers.get(slot)
        is_new = worker is None
        if worker is None:
            worker = self.workers[slot] = _engaged(cores_of(slot, self.turns.n_workers))
        worker.at = given
        try:
            if is_new:
                worker.line.send(self.turns.duty)
            worker.line.send(given[1])
        except ConnectionError:  # it died idle, or before it could begin
            self._died(slot)

    def _heard(self, line: object) -> None:
        """Take in what came over a line."""
        slot, worker = next(item for item in self.workers.items() if item[1].line is line)
        try:
            message = worker.line.recv()
        except (EOFError, ConnectionError):
            self._died(slot)
            return
        if isinstance(message, Said):
            self.hear(message.what)
            return
        if isinstance(message, Failed):
            raise message.error
        assert isinstance(message, Made)
        assert worker.at is not None
        given, worker.at = worker.at, None
        self.turns.put(given, message.what)

    def _died(self, slot: int) -> None:
        worker = self.workers.pop(slot)
        code = _left(worker)
        assert worker.at is not None
        self.turns.died(worker.at, _ended(code))

    def leave(self) -> None:
        """End all workers: idle ones by themselves, the others at once."""
        for worker in self.workers.values():
            worker.line.close()
            if worker.at is not None:
                worker.process.terminate()
        for worker in self.workers.values():
            _left(worker)


def _engaged(cores: Sequence[int]) -> _Worker[Any]:
    """A new worker that keeps to `cores`."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, cores), daemon=True)
    process.start()
    there.close()  # so that the line ends when the process does
    return _Worker(process=process, line=here)


def _left(worker: _Worker[Any]) -> int | None:
    """The exit code of a worker whose line has ended; one that stays is killed."""
    worker.line.close()
    worker.process.join(_FAREWELL_SECONDS)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    code = worker.process.exitcode
    worker.process.close()
    return code


def _ended(code: int | None) -> str:
    """How a process came to its end, in words."""
    if code is None or code >= 0:
        return f"with exit code {code}"
    return f"by signal {-code}" + (" (killed, often for want of memory)" if code == -9 else "")
