"""Is one answer right too often?

A generator likes some labels better than others ("yes" to four questions in
five), and a model tuned on its tasks learns the liking before it learns to
read. Tasks of the labels in excess are left out, the best-scored kept; none is
doubled.

    signatures of a closed type ─label─▶ role ─▶ at most max_ratio times the rarest role
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from katsuo.errors import RecipeError
from katsuo.protocols import Signature
from katsuo.scoring.roles import role_of
from katsuo.types import KEEP, TaskType, Verdict, digest, drop

_BALANCED: Final = frozenset(
    {TaskType.YNQA, TaskType.NLI, TaskType.TE, TaskType.PARAPHRASE_ID, TaskType.SENTIMENT,
     TaskType.WSD}
)  # fmt: skip
"""Types whose labels mean the same from task to task; a multiple choice has others each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """Keep the labels of each closed type within a ratio of each other."""

    max_ratio: float = 1.25
    """Most tasks of a role for each task of the rarest role that counts."""
    least_share: float = 0.05
    """A role with a smaller share of its type is a stray word: it neither counts nor goes."""

    def __post_init__(self) -> None:
        if self.max_ratio < 1:
            raise RecipeError(f"curate.balanced.max_ratio is {self.max_ratio}; it must be >= 1")
        if not 0 <= self.least_share < 1:
            raise RecipeError(
                f"curate.balanced.least_share is {self.least_share}; it must lie in [0, 1)"
            )

    def select(self, rows: Iterable[Signature]) -> Iterator[tuple[str, Verdict]]:
        """A verdict for every id; the order in which they come does not matter."""
        by_type: defaultdict[str, list[Signature]] = defaultdict(list)
        for row in rows:
            if row.type in _BALANCED or row.labels:
                by_type[row.type].append(row)
            else:
                yield row.id, KEEP
        for group in by_type.values():
            yield from self._judged(group)

    def _judged(self, group: list[Signature]) -> Iterator[tuple[str, Verdict]]:
        counts = Counter(_role(row) for row in group)
        common = [n for n in counts.values() if n >= self.least_share * len(group)]
        most = int(min(common) * self.max_ratio) if len(common) > 1 else len(group)
        taken: Counter[str] = Counter()
        # Equal scores are taken in an order of chance that no generator can know.
        for row in sorted(group, key=lambda row: (-row.score, digest("balanced", row.id))):
            role = _role(row)
            taken[role] += 1
            yield row.id, KEEP if taken[role] <= most else drop("label-in-excess")


def _role(row: Signature) -> str:
    """What a task's label says; a label of the user's own says itself."""
    label = row.text.rpartition("\n")[2]
    return label if row.labels else role_of(label)
