"""Verdicts of filters that read nothing but the task: given once, so that others can change.

A cell holds the verdicts of one filter, with its settings, on the drafts of one shard; ids and no
text. A task is judged alone, so tasks that stand for the first time are judged then and added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katsuo.protocols import Filter, Measured
from katsuo.road.trip import Trip, key_of
from katsuo.store.files import read_json, write_json
from katsuo.store.runs import Cell
from katsuo.types import Span, Task, Verdict


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


def remembering(trip: Trip, drafts: str, told: Sequence[Told]) -> list[tuple[str, Filter]]:
    """The filters for the shard whose sha256 is `drafts`.

    Those that no reader measures for ask their cells first; of the others the scores are held.
    """
    found: list[tuple[str, Filter]] = []
    for one in told:
        if isinstance(one.part, Measured):
            found.append((one.name, one.part))
        else:
            cell = trip.run.cell("judge", key_of("judge", drafts, one.settings))
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
    reason, score, spans = said
    evidence = tuple(Span(start=start, end=end) for start, end in spans)
    return Verdict(keep=not reason, reason=reason, score=score, evidence=evidence)
