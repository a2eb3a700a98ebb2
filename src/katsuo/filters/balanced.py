"""Is one answer right too often?

A generator likes some labels better than others ("yes" to four questions in
five), and a model tuned on its tasks learns the liking before it learns to
read. Tasks of the labels in excess are left out, the best-scored kept; none is
doubled.

    signatures of a closed type ─label─▶ role ─▶ at most max_ratio times the rarest role,
                                                 or the shares that targets state for the type
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
    """Keep the labels of each closed type within a ratio of each other, or at stated shares."""

    max_ratio: float = 1.25
    """Most tasks of a role for each task of the rarest role that counts."""
    least_share: float = 0.05
    """A role with a smaller share of its type is a stray word: it neither counts nor goes."""

    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Type -> role -> its share of the kept tasks, above 0, together 1: `{ynqa: {yes: 0.5,
    no: 0.5}}`. As many tasks are kept as the scarcest role allows. Roles that no task has are
    left out of the reckoning; a role without a share goes, stray words stay."""
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The same of task types of the user's own, by name and label; a recipe states them there."""

    def __post_init__(self) -> None:
        for kind, shares in self.targets.items():
            _check(kind, shares)
        spelled = {kind: _spelled(shares) for kind, shares in self.targets.items()}
        object.__setattr__(self, "targets", spelled)
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
        for kind, group in by_type.items():
            yield from self._judged(group, self.targets.get(kind) or self.shares.get(kind, {}))

    def _most(self, counts: Counter[str], shares: Mapping[str, float]) -> dict[str, int]:
        """Role -> how many tasks of it may stay; strays among them."""
        strays = {r for r, n in counts.items() if n < self.least_share * counts.total()}
        asked = {role: share for role, share in shares.items() if counts[role]}
        if asked:
            whole = min(counts[role] / share for role, share in asked.items())
            kept = {role: math.floor(whole * share + 1e-9) for role, share in asked.items()}
            return {role: kept.get(role, n if role in strays else 0) for role, n in counts.items()}
        common = [n for role, n in counts.items() if role not in strays]
        most = int(min(common) * self.max_ratio) if len(common) > 1 else counts.total()
        return dict.fromkeys(counts, most)

    def _judged(
        self, group: list[Signature], shares: Mapping[str, float]
    ) -> Iterator[tuple[str, Verdict]]:
        most = self._most(Counter(_role(row) for row in group), shares)
        taken: Counter[str] = Counter()
        # Equal scores are taken in an order of chance that no generator can know.
        for row in sorted(group, key=lambda row: (-row.score, digest("balanced", row.id))):
            role = _role(row)
            taken[role] += 1
            yield row.id, KEEP if taken[role] <= most[role] else drop("label-in-excess")


def has_lasting_labels(kind: str) -> bool:
    """Whether labels of this task type mean the same from task to task."""
    return kind in _BALANCED


def _check(kind: str, shares: Mapping[str, float]) -> None:
    place = f"curate.balanced.targets.{kind}"
    if kind not in _BALANCED:
        raise RecipeError(f"{place}: no such type; known are {', '.join(sorted(_BALANCED))}")
    if not isinstance(shares, Mapping) or not shares:
        raise RecipeError(f"{place} is {shares!r}; write shares, such as {{yes: 0.5, no: 0.5}}")
    for role, share in _spelled(shares).items():
        if role_of(role) != role:
            raise RecipeError(f"{place}: {role} is called {role_of(role)} here; write that")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise RecipeError(f"{place}.{role} is {share!r}; it must lie in (0, 1]")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise RecipeError(f"{place}: shares add up to {sum(shares.values()):g}; they must add to 1")


def _spelled(shares: Mapping[str, float]) -> dict[str, float]:
    """`shares` with their roles as text: YAML reads `yes` and `no` as truths.

    Those are `true` and `false` once a recipe has been written out, as it is for every arm.
    """
    truths = {"true": "yes", "false": "no"}
    return {truths.get(str(role).lower(), str(role)): n for role, n in shares.items()}


def _role(row: Signature) -> str:
    """What a task's label says; a label of the user's own says itself."""
    label = row.text.rpartition("\n")[2]
    return label if row.labels else role_of(label)
