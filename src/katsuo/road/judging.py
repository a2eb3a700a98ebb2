"""Verdicts of filters that read nothing but the task: given once, so that others can change.

A cell holds the verdicts of one filter, with its settings, on the drafts of one shard; ids and no
text. A task is judged alone, so tasks that stand for the first time are judged then and added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo import filters
from katsuo.protocols import Filter, Measured
from katsuo.road.trip import Trip, key_of
from katsuo.stages.curate import judge
from katsuo.store.files import read_json, sha256, write_json
from katsuo.store.runs import Cell
from katsuo.types import KEEP, Dropped, Span, Task, Verdict

_KEPT: Final[list[Any]] = ["", None, []]
"""The verdict `KEEP` as a cell holds it: the most frequent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembering:
    """A filter that asks its cell first."""

    part: Filter
    cell: Cell

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        known = _known(self.cell)
        if any(task.id not in known for task in tasks):
            with self.cell.alone():
                known = _known(self.cell)
                missing = [task for task in tasks if task.id not in known]
                found = self.part.judge(missing)
                known |= {task.id: _said(v) for task, v in zip(missing, found, strict=True)}
                write_json(_path(self.cell), known, indent=None)
        return [_verdict(known[task.id]) for task in tasks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A filter of a recipe, with its settings as keys hold them."""

    name: str
    part: Filter
    settings: Any
    measured: bool = False
    """Whether a reader measures for it."""

    @classmethod
    def of(cls, name: str, part: Filter, settings: Any) -> Told:  # noqa: ANN401
        """The filter `part`."""
        return cls(name=name, part=part, settings=settings, measured=isinstance(part, Measured))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """The filters that look at one task alone: the recipe's, and those of the user's task types."""

    usual: list[Told]
    own: dict[str, list[Told]]
    """Name of a task type -> its filters, in place of the usual ones."""

    @classmethod
    def of(
        cls, usual: list[Told], own: Mapping[str, Sequence[tuple[str, dict[str, Any]]]]
    ) -> Alone:
        """The filters `usual`, and by the name of a task type those that its checks name."""
        # Nobody's checks let an evaluation question pass.
        kept = [one for one in usual if one.name == "unleaked"]
        found = {
            whose: [
                *(
                    Told.of(name, part, [name, chosen])
                    for name, chosen in checks
                    if isinstance(part := filters.build(name, chosen), Filter)
                ),
                *kept,
            ]
            for whose, checks in own.items()
        }
        return cls(usual=usual, own=found)

    @property
    def all(self) -> list[tuple[str, Filter]]:
        """Every filter, under a name of its own."""
        usual = [(one.name, one.part) for one in self.usual]
        return usual + [
            (f"{whose}/{one.name}", one.part) for whose, some in self.own.items() for one in some
        ]

    def judged(
        self,
        trip: Trip,
        part: Path,
        tasks: Sequence[Task],
        measured: Callable[[Filter, Sequence[Task]], Sequence[Task]],
    ) -> tuple[list[Task], list[Dropped]]:
        """What the filters keep of the shard `part` and what they drop, in the order of `tasks`."""
        drafts = sha256(part)
        usual = _remembering(trip, drafts, self.usual)
        if not self.own:
            return judge(tasks, usual, measured)
        groups: dict[str, list[Task]] = {}
        for task in tasks:
            groups.setdefault(task.name if task.name in self.own else "", []).append(task)
        kept: dict[str, Task] = {}
        gone: dict[str, Dropped] = {}
        for whose, group in groups.items():
            parts = _remembering(trip, drafts, self.own[whose]) if whose else usual
            good, lines = judge(group, parts, measured)
            kept |= {task.id: task for task in good}
            gone |= {line.item_id: line for line in lines}
        ids = [task.id for task in tasks]
        return [kept[id_] for id_ in ids if id_ in kept], [gone[id_] for id_ in ids if id_ in gone]


def edition_of(part: object) -> int:
    """How often what a filter drops was changed, from 1; part of keys where it is more."""
    return int(getattr(part, "edition", 1))


def _remembering(trip: Trip, drafts: str, told: Sequence[Told]) -> list[tuple[str, Filter]]:
    """The filters for the shard whose sha256 is `drafts`.

    Those that no reader measures for ask their cells first; of the others the scores are held.
    """
    found: list[tuple[str, Filter]] = []
    for one in told:
        if one.measured:
            found.append((one.name, one.part))
        else:
            edition = edition_of(one.part)
            later = [edition] if edition > 1 else []
            cell = trip.run.cell("judge", key_of("judge", drafts, one.settings, *later))
            found.append((one.name, Remembering(part=one.part, cell=cell)))
    return found


def _path(cell: Cell) -> Path:
    return cell.folder / "cell.json"


def _known(cell: Cell) -> dict[str, Any]:
    return read_json(_path(cell)) or {}


def _said(verdict: Verdict) -> list[Any]:
    spans = [[span.start, span.end] for span in verdict.evidence]
    return [verdict.reason, verdict.score, spans]


def _verdict(said: list[Any]) -> Verdict:
    if said == _KEPT:
        return KEEP
    reason, score, spans = said
    evidence = tuple(Span(start=start, end=end) for start, end in spans)
    return Verdict(keep=not reason, reason=reason, score=score, evidence=evidence)
