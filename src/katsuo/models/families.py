"""Which requests begin alike, so that one reading of the beginning serves them all?

An engine with a prefix cache reads a passage once for all tasks about it, but only if one
request of the passage has been read before its siblings enter: those that enter together are
read together, each by itself (measured in benchmarks/results/sharing).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence


def families(prompts: Sequence[Sequence[int]], *, least: int) -> list[list[int]]:
    """Runs of neighbours that share their first `least` tokens and half of the first one's prompt.

    Args:
        prompts: Token ids of each prompt.
        least: Fewest tokens that are worth sharing, >= 1.

    Returns:
        Numbers of prompts, each in one family, in their order.
    """
    found: list[list[int]] = []
    for number, prompt in enumerate(prompts):
        if found:
            leader = prompts[found[-1][0]]
            if _shared(leader, prompt) >= max(least, len(leader) // 2):
                found[-1].append(number)
                continue
        found.append([number])
    return found


class Admission:
    """The order in which an engine should take requests: leaders, and siblings behind them."""

    def __init__(self, groups: Iterable[Sequence[int]]) -> None:
        self._leaders: deque[int] = deque()
        self._behind: dict[int, list[int]] = {}
        self._ready: deque[int] = deque()
        for leader, *siblings in groups:
            self._leaders.append(leader)
            if siblings:
                self._behind[leader] = siblings

    def __len__(self) -> int:
        """How many requests have not been taken."""
        held = sum(map(len, self._behind.values()))
        return len(self._ready) + len(self._leaders) + held

    def take(self) -> int | None:
        """The next request that may enter now, if there is one."""
        if self._ready:
            return self._ready.popleft()
        return self._leaders.popleft() if self._leaders else None

    def leads(self, number: int) -> bool:
        """Whether others wait until `number` has been read."""
        return number in self._behind

    def was_read(self, number: int) -> None:
        """Let in those that wait for `number`."""
        self._ready.extend(self._behind.pop(number, ()))


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens the two have in common."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))
