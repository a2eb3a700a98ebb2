"""Shards in this process, one after the other: engines use every core by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Work = TypeVar("Work")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Implements `Executor`."""

    def map(self, work: Callable[[Work], Done], shards: Iterable[Work]) -> Iterator[Done]:
        """Run `work` on every shard, in order."""
        return map(work, shards)
