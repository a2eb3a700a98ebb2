"""How is a passage read once for all tasks about it?

    passage | type, task, end            passage | type, task, end | type, task, end
    passage | type, task, end     ──▶    └ read once ┘  └─ branches: neither sees the other ─┘

Examples that begin with the same tokens become one example: the shared tokens, and behind them
a branch each. A branch sees the shared tokens and itself, at the places that it would have
alone, so every target token is predicted from what it was predicted from before: losses and
gradients are the same, up to rounding, and the passage is paid for once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from katsuo.models.batches import Branch, Example

LEAST_SAVED: Final = 16
"""Tokens that joining must save; a shared mark or two are not worth a branch."""


def gathered(examples: Sequence[Example], *, longest: int) -> list[Example]:
    """`examples` with those that begin alike joined where that saves tokens, each at its first.

    Args:
        examples: Without branches.
        longest: Most tokens of a joined example.
    """
    order = sorted(range(len(examples)), key=lambda number: examples[number].ids)
    found: list[_Group] = []
    for number in order:
        if not (found and found[-1].takes(examples[number], longest)):
            found.append(_Group.of(number, examples[number]))
        else:
            found[-1].add(number, examples[number])
    found.sort(key=lambda group: min(group.numbers))
    return [group.joined() for group in found]


@dataclass(slots=True, kw_only=True)
class _Group:
    """Examples that begin alike."""

    members: list[Example] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    n_shared: int
    """Tokens that all of them begin with, at least one of each prompt's own left over."""

    @classmethod
    def of(cls, number: int, example: Example) -> _Group:
        return cls(members=[example], numbers=[number], n_shared=example.n_prompt - 1)

    def takes(self, example: Example, longest: int) -> bool:
        """Whether `example` is cheaper in this group than alone, and the whole not too long."""
        n_shared, n_members = self._shared(example), len(self.members)
        saved = n_shared * n_members - self.n_shared * (n_members - 1)
        n_tokens = sum(len(member.ids) for member in (*self.members, example))
        return saved >= LEAST_SAVED and n_tokens - n_shared * n_members <= longest

    def add(self, number: int, example: Example) -> None:
        self.n_shared = self._shared(example)
        self.members.append(example)
        self.numbers.append(number)

    def _shared(self, example: Example) -> int:
        most = min(self.n_shared, example.n_prompt - 1)
        pairs = zip(self.members[0].ids[: max(most, 0)], example.ids, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def joined(self) -> Example:
        if len(self.members) == 1:
            return self.members[0]
        members = [self.members[place] for place, _ in self._by_number()]
        ids = list(members[0].ids[: self.n_shared])
        branches: list[Branch] = []
        for member in members:
            start = len(ids)
            ids += member.ids[self.n_shared :]
            first = start + member.n_prompt - self.n_shared
            branches.append(Branch(start=start, first=first, end=len(ids)))
        return Example(ids=tuple(ids), n_prompt=branches[0].first, branches=tuple(branches))

    def _by_number(self) -> Iterator[tuple[int, int]]:
        return iter(sorted(enumerate(self.numbers), key=lambda pair: pair[1]))
