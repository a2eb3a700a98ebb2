"""Shards in this process, one after the other: engines use every core by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from katsuo.protocols import Done, Duty, Hear, Work


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Implements `Executor`."""

    def map(self, duty: Duty[Work, Done], shards: Iterable[Work], hear: Hear) -> Iterator[Done]:
        """Do `duty` with every shard, in order."""
        return map(duty.open(hear), shards)
