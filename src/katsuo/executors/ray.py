"""Shards on a Ray cluster: actors hold the engines, a shard is what is sent to one.

    shards ──one at a time──▶ actor 1 ─┐
                            ▶ actor 2 ─┴─▶ what they said, and results in the order of the shards

Rows never enter the object store: actors read and write files that all nodes see. An actor that is
lost, with its node or alone, is replaced and its shard tried again, as `turns` counts.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from katsuo.errors import RecipeError, mendable
from katsuo.executors.turns import Given, Turns
from katsuo.executors.worker import Failed, Made
from katsuo.privacy import switch_telemetry_off
from katsuo.protocols import Done, Duty, Hear, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RayExecutor:
    """Implements `Executor`."""

    workers: int = 2
    """Actors."""
    address: str | None = None
    """Of the cluster; without one it is started here, and stopped again."""
    cpus: float = 1.0
    """Cores that Ray sets aside for an actor, and threads of its libraries."""
    gpus: float = 0.0
    """The same of GPUs; below 1 several actors share one."""
    memory_mib: int | None = None
    """Memory that Ray sets aside for an actor."""

    def __post_init__(self) -> None:
        if importlib.util.find_spec("ray") is None:
            raise RecipeError(
                "execution.executor is ray, which is not installed; install it with: "
                "pip install 'katsuo[ray]', or say executor: processes"
            )
        switch_telemetry_off()

    def map(self, duty: Duty[Work, Done], shards: Iterable[Work], hear: Hear) -> Iterator[Done]:
        """Do `duty` with every shard; results come in the order of the shards."""
        turns = Turns(duty=duty, shards=iter(shards), n_workers=self.workers)
        first = turns.take()
        if first is None:  # no cluster for nothing
            return
        turns.again.append(first)
        with self._cluster():
            crew = _Crew(turns=turns, hear=hear, options=self._options)
            try:
                yield from crew.results()
            finally:
                crew.leave()

    @contextmanager
    def _cluster(self) -> Iterator[None]:
        """A connection to the cluster for as long as the block lasts; one that is open stays."""
        import ray

        if ray.is_initialized():
            yield
            return
        here: dict[str, Any] = {
            "num_cpus": max(os.cpu_count() or 1, math.ceil(self.workers * self.cpus)),
            "include_dashboard": False,
            # What this process can import, its actors can: they run on this machine.
            "runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
        }
        try:
            ray.init(
                address=self.address or "local",
                logging_level="error",
                **({} if self.address else here),
            )
        except (ConnectionError, ValueError) as error:
            raise RecipeError(
                f"execution.address is {self.address!r}: no Ray cluster answers there "
                f"({error}); start one with: ray start --head, or leave the address out"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()

    @property
    def _options(self) -> dict[str, Any]:
        memory = {} if self.memory_mib is None else {"memory": self.memory_mib * 2**20}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_restarts": 0, **memory}


class _Hand:
    """What an actor is: a duty, open."""

    def __init__(self, duty: Duty[Any, Any], folder: str) -> None:
        os.chdir(folder)  # paths of a recipe may be relative
        self._duty, self._said = duty, list[Any]()
        self._work: Callable[[Any], Any] | None = None

    def work(self, shard: object) -> tuple[list[Any], Made | Failed]:
        """What was said about a shard, and its result or an error of the user's."""
        self._said.clear()
        try:
            work = self._work = self._work or self._duty.open(self._said.append)
            return self._said, Made(what=work(shard))
        except Exception as error:  # a bug is raised again; the rest is told
            fault = mendable(error)
            if fault is None:
                raise
            return self._said, Failed.of(fault)


@dataclass(slots=True, kw_only=True)
class _Crew(Generic[Work, Done]):
    """The actors, by their slots, and what is on its way from them."""

    turns: Turns[Work, Done]
    hear: Hear
    options: dict[str, Any]
    actors: dict[int, Any] = field(default_factory=dict)
    busy: dict[Any, tuple[int, Given[Work]]] = field(default_factory=dict)
    """Promise of a result -> who works, and at what."""

    def results(self) -> Iterator[Done]:
        """The results of all shards, in their order."""
        import ray

        while True:
            yield from self.turns.ready()
            self._hand_out()
            if not self.busy:
                return
            done, _ = ray.wait(list(self.busy), num_returns=1)
            for promise in done:
                self._heard(promise)

    def _hand_out(self) -> None:
        """Give every idle actor a shard, as long as there is room."""
        at_work = {slot for slot, _ in self.busy.values()}
        for slot in sorted(set(range(self.turns.n_workers)) - at_work):
            given = self.turns.take()
            if given is None:
                return
            if slot not in self.actors:
                self.actors[slot] = self._engaged()
            self.busy[self.actors[slot].work.remote(given[1])] = (slot, given)

    def _engaged(self) -> Any:  # noqa: ANN401 -- a handle without a type
        import ray

        return ray.remote(_Hand).options(**self.options).remote(self.turns.duty, str(Path.cwd()))

    def _heard(self, promise: object) -> None:
        import ray

        slot, given = self.busy.pop(promise)
        try:
            said, message = ray.get(promise)
        except ray.exceptions.RayError as error:  # lost, or an exception that is no user's
            ray.kill(self.actors.pop(slot))
            self.turns.died(given, f"with {type(error).__name__}")
            return
        for one in said:
            self.hear(one)
        if isinstance(message, Failed):
            raise message.error
        self.turns.put(given, message.what)

    def leave(self) -> None:
        """End all actors, whatever they do."""
        import ray

        for actor in self.actors.values():
            ray.kill(actor)
