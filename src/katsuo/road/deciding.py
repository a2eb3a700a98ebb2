"""What becomes of drafts that a person has decided on?

    drop    a ledger line by `review`; no filter is asked
    edit    the new words are judged by the filters as any draft is, and evidence is looked for anew
    keep    filters note what they find and drop nothing, and no selector turns it away

Two things a person's `keep` does not override: `unleaked`, since questions of the exam must not be
learned, and rewriters, since they take personal details away. Filters that ask a model are not
asked about these drafts: their scores are held by the draft's own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from katsuo.errors import RecipeError
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter
from katsuo.road.judging import Alone
from katsuo.stages.curate import dropped_by, judge
from katsuo.store.decisions import DROP, FILE, KEEP, Decision, Decisions, draft_digest, stated
from katsuo.store.runs import Run
from katsuo.types import EDITED, KEPT, Dropped, Task, drop

BY: Final = "review"
"""Who drops by hand, in the ledger."""
REASON: Final = "dropped-by-hand"

Judged = tuple[list[Task], list[Dropped]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided about the drafts of a run."""

    by_task: Mapping[str, Decision]
    elsewhere: str = ""
    """Digest of what `3-curated` was made with, where the file of it is not here: a run that was
    fetched brings its stages and leaves the review where it is."""

    @classmethod
    def of(cls, run: Run) -> Decided:
        """What stands in the run folder; nothing where nobody has reviewed it."""
        decisions = Decisions(folder=run.folder)
        applied = run.stage("curate").manifest.get("review", {}).get("digest", "")
        elsewhere = "" if decisions.path.is_file() else applied
        return cls(by_task=decisions.standing(), elsewhere=elsewhere)

    @property
    def key(self) -> str:
        """For the key of the stage; empty where nothing was decided, so that keys stay."""
        return stated(self.by_task) if self.by_task else self.elsewhere

    def check_here(self, run: Run) -> None:
        """Check that nobody's decisions are undone because their file is somewhere else.

        Raises:
            RecipeError: If the tasks hold decisions whose file is not in the run folder.
        """
        if self.elsewhere:
            folder = run.stage("curate").folder
            raise RecipeError(
                f"{folder}: was made with decisions by hand, and their file, {FILE}, is not in "
                f"{run.folder}; copy it from the folder that was reviewed, or delete "
                f"{folder.name} to curate without them"
            )

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest: how many of which, and the digest of all."""
        if not self.by_task:
            return {}
        said = Counter(one.verdict or "edit" for one in self.by_task.values())
        return {"review": {**dict(sorted(said.items())), "digest": self.key}}

    def spoken(self, drafts: Sequence[Task]) -> list[Task]:
        """`drafts` in the words that a person gave them, marked with what was decided."""
        return [_spoken(draft, self._about(draft)) for draft in drafts]

    def judged(
        self, drafts: Sequence[Task], alone: Alone, usual: Callable[[Sequence[Task]], Judged]
    ) -> Judged:
        """What stays of `drafts` and what goes, both in their order.

        Args:
            drafts: Of one shard, as they were written.
            alone: The filters that are asked about what was decided.
            usual: Judges the drafts that nobody decided on.
        """
        decided = {draft.id: one for draft in drafts if (one := self._about(draft)) is not None}
        if not decided:
            return usual(drafts)
        kept, lines = usual([draft for draft in drafts if draft.id not in decided])
        found: dict[str, Task | Dropped] = {task.id: task for task in kept}
        found |= {line.item_id: line for line in lines}
        for draft in drafts:
            if draft.id in decided:
                found[draft.id] = ruled(draft, decided[draft.id], asked(alone, draft))
        ordered = [found[draft.id] for draft in drafts]
        return (
            [one for one in ordered if isinstance(one, Task)],
            [one for one in ordered if isinstance(one, Dropped)],
        )

    def _about(self, draft: Task) -> Decision | None:
        decision = self.by_task.get(draft.id)
        if decision is None or decision.draft != draft_digest(draft):
            return None  # the draft has been written anew, in other words, since
        return decision


def asked(alone: Alone, task: Task) -> list[tuple[str, Filter]]:
    """The filters that are asked about the words of a person: all that ask no model."""
    told = alone.own.get(task.name, alone.usual) if task.name else alone.usual
    return [(one.name, one.part) for one in told if not one.measured]


def ruled(draft: Task, decision: Decision, filters: Sequence[tuple[str, Filter]]) -> Task | Dropped:
    """What becomes of one draft that a person decided on."""
    task = _spoken(draft, decision)
    if decision.verdict == DROP:
        return dropped_by(draft, BY, drop(REASON))
    if decision.verdict == KEEP:
        return _overruled(task, filters)
    kept, lines = judge([task], filters)
    return kept[0] if kept else lines[0]


def faults(task: Task, filters: Sequence[tuple[str, Filter]]) -> list[tuple[str, str]]:
    """All reasons that `filters` have against a task, each with the filter's name."""
    lines = [line for one in filters for line in judge([task], [one])[1]]
    return [(line.by, line.reason) for line in lines]


def _overruled(task: Task, filters: Sequence[tuple[str, Filter]]) -> Task | Dropped:
    """`task` with what filters note of it, whatever they think of it."""
    for one in filters:
        kept, lines = judge([task], [one])
        if kept:
            task = kept[0]
        elif isinstance(one[1], Unleaked):
            return lines[0]
    return task


def _spoken(draft: Task, decision: Decision | None) -> Task:
    if decision is None or decision.is_open:
        return draft
    marks = [EDITED] if decision.is_edit else []
    marks += [KEPT] if decision.verdict == KEEP else []
    if decision.instruction is None or decision.response is None:
        return replace(draft, review=" ".join(marks))
    return replace(
        draft,
        instruction=decision.instruction,
        response=decision.response,
        evidence=(),
        scores={},
        review=" ".join(marks),
    )
