"""Whose turn is it: shards on their way to workers, results on their way into their order.

    shards ──take──▶ workers ──put──▶ done ──▶ results, in the order of the shards
                └◀──died──┘

It knows no process and no cluster.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias

from katsuo.errors import WorkerError
from katsuo.protocols import Done, Duty, Narrows, Work

TRIES: Final = 3
"""Of one shard before it is narrowed, or given up. A worker may die by another hand: of a full
memory, or of a person."""
AHEAD: Final = 4
"""Shards handed out and not yet taken back, for each worker."""
Given: TypeAlias = tuple[int, Work]
"""A shard behind its place among all."""


@dataclass(slots=True, kw_only=True)
class Turns(Generic[Work, Done]):
    """The shards of one duty."""

    duty: Duty[Work, Done]
    shards: Iterator[Work]
    n_workers: int
    done: dict[int, Done] = field(default_factory=dict)
    """Results that wait for their turn."""
    again: deque[Given[Work]] = field(default_factory=deque)
    """Shards whose worker died."""
    deaths: Counter[int] = field(default_factory=Counter)
    n_taken: int = 0
    n_given: int = 0

    def take(self) -> Given[Work] | None:
        """A shard for an idle worker; None where there is none, or no room."""
        if self.again:
            return self.again.popleft()
        if self.n_taken >= self.n_given + AHEAD * self.n_workers:
            return None
        for shard in self.shards:
            self.n_taken += 1
            return self.n_taken - 1, shard
        return None

    def put(self, given: Given[Work], made: Done) -> None:
        """Take in the result of a shard."""
        self.done[given[0]] = made

    def ready(self) -> Iterator[Done]:
        """The results whose turn it is."""
        while self.n_given in self.done:
            made = self.done.pop(self.n_given)
            self.n_given += 1
            yield made

    def died(self, given: Given[Work], how: str) -> None:
        """See to it that the shard of a worker that died is tried again.

        Raises:
            WorkerError: If it was tried often enough, and its duty cannot narrow it further.
        """
        place, shard = given
        self.deaths[place] += 1
        if self.deaths[place] < TRIES:
            self.again.append(given)
            return
        closer = self.duty.closer(shard) if isinstance(self.duty, Narrows) else None
        if closer is None:
            raise WorkerError(
                f"{self.duty.named(shard)}: {self.deaths[place]} workers died at it, the last one "
                f"{how}; what is finished stays. Mend or leave out what is in it, or take fewer "
                "execution.workers if memory is short, and run the same command again"
            )
        self.again.append((place, closer))
