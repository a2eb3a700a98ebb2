"""What are the drafts of a contestant worth, type by type, and how much more than another's?

    drafts, readings ──slices──▶ tables by passage's document ──bootstrap──▶ figures with intervals

A slice is a task type on held-out passages, a type on the new domains, the new domains, or all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contestants import Written
from held_out import NEW_DOMAINS, Passages, label_of

from katsuo import filters
from katsuo.filters.grounded import Grounded
from katsuo.filters.well_formed import WellFormed
from katsuo.protocols import Filter, Selector
from katsuo.scoring import agreement, intervals
from katsuo.scoring.agreement import Reading
from katsuo.scoring.generated import copied, distinct, evenness, openings, outside, shares, touched
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Table
from katsuo.scoring.ratios import Ratio, ratio, sampled
from katsuo.sections import Recipe
from katsuo.stages.curate import judge, select, signature_of
from katsuo.types import Context, Span, Task, TaskType

ALL: Final = "all"
PARSED: Final = "parsed"
WELL_FORMED: Final = "well formed"
IN_CONTEXT: Final = "answer in context"
AGREED: Final = "reader agrees"
CALIBRATED: Final = "reader agrees, calibrated"
EVEN: Final = "label entropy"
COPIED: Final = "question copied"
ANSWER_COPIED: Final = "answer copied"
COVERED: Final = "passage covered"
KEPT: Final = "kept"
MEASURES: Final[Mapping[str, str]] = {
    PARSED: "share of the drafts that are tasks",
    WELL_FORMED: "share of the tasks that the filter well_formed keeps",
    IN_CONTEXT: "share of the extractive tasks whose answer stands in the passage",
    AGREED: "share of the tasks read whose answer the reader gives too; closed tasks whose answer "
    "is no known choice, and texts, cannot be read",
    CALIBRATED: "the same, each choice of the reader above its average of the slice",
    EVEN: "entropy of the labels, in points of that of annotated tasks about the same passages",
    COPIED: "share of the question's words that stand in the passage in runs of three or more",
    ANSWER_COPIED: "the same of the answer",
    COVERED: "share of the sentences of a passage that its tasks rest on; passages without a task "
    "are left out",
    KEPT: "tasks that the default curation keeps, for 100 passages asked for a type each",
}
"""Measure -> what it is, in points."""
COMPARED: Final = (PARSED, WELL_FORMED, IN_CONTEXT, AGREED, COVERED, KEPT)
"""Measures of which differences and ratios are stated."""
PER_MINUTE: Final = "kept per CPU-minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One draft with all that is known of it."""

    context: Context
    type: TaskType
    task: Task | None
    kept: bool
    """Whether the default curation keeps it."""
    evidence: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Drafts that are told about together."""

    name: str
    drafts: Sequence[Drafted]
    readings: Sequence[Reading]
    cpu_minutes: float | None
    """None where the drafts were written in one call with others."""

    @property
    def tasks(self) -> list[Task]:
        """The drafts that are tasks."""
        return [draft.task for draft in self.drafts if draft.task is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraised:
    """A slice, measured."""

    slice: Slice
    tables: Mapping[str, Table]

    def facts(self, how: Resampling) -> dict[str, Any]:
        """All figures, in values that JSON knows."""
        tasks = self.slice.tasks
        asked = [outside(task.instruction, task.context) for task in tasks]
        minutes, kept = self.slice.cpu_minutes, sum(draft.kept for draft in self.slice.drafts)
        return {
            "drafts": len(self.slice.drafts),
            "tasks": len(tasks),
            "kept": kept,
            "read": len(self.slice.readings),
            "cpu_minutes": None if minutes is None else round(minutes, 3),
            PER_MINUTE: self._per_minute(how),
            "by chance the reader agrees": _points(agreement.chance(self.slice.readings)),
            "distinct-1": _rounded(distinct(asked, 1)),
            "distinct-2": _rounded(distinct(asked, 2)),
            "openings": [[opening, round(share, 3)] for opening, share in openings(asked)]
            if asked
            else [],
            "measures": {name: score(table, how) for name, table in self.tables.items()},
        }

    @property
    def drafts_per_minute(self) -> float | None:
        """Drafts in a CPU-minute; none where nobody measured, or too short to be measured."""
        return len(self.slice.drafts) / self.slice.cpu_minutes if self.slice.cpu_minutes else None

    def _per_minute(self, how: Resampling) -> dict[str, float] | None:
        speed = self.drafts_per_minute
        if speed is None:
            return None
        kept = intervals.interval(self.tables[KEPT], how)
        ends = {"value": kept.value, "low": kept.low, "high": kept.high}
        return {name: round(points * speed / 100, 2) for name, points in ends.items()}


def appraised(
    written: Sequence[Written], read: Sequence[Sequence[Reading]], passages: Passages
) -> dict[str, Appraised]:
    """Every slice of a contestant's drafts by name; `all` comes first."""
    found: dict[str, Appraised] = {}
    for part in _slices(written, read):
        tables = {table.metric: table for table in _tables(part, passages) if table is not None}
        found[part.name] = Appraised(slice=part, tables=tables)
    return found


def compared(
    mine: Mapping[str, Appraised], over: Mapping[str, Appraised], how: Resampling
) -> dict[str, Any]:
    """Differences and ratios, slice by slice, of every measure that both have."""
    return {
        name: {
            **{
                measure: _compared(mine[name].tables[measure], over[name].tables[measure], how)
                for measure in COMPARED
                if measure in mine[name].tables and measure in over[name].tables
            },
            **_speeds(mine[name], over[name], how),
        }
        for name in mine
    }


def _compared(mine: Table, over: Table, how: Resampling) -> dict[str, Any]:
    first, second = sampled(mine, over, how)
    gain = intervals.difference([first], [second], how)
    ends = {"value": gain.value, "low": gain.low, "high": gain.high}
    return {
        "difference": {name: round(points, 2) for name, points in ends.items()},
        "ratio": factor(ratio(mine, over, how)),
    }


def _speeds(mine: Appraised, over: Appraised, how: Resampling) -> dict[str, Any]:
    """The ratio of what is kept in a CPU-minute; the minutes are taken as they are."""
    first, second = mine.drafts_per_minute, over.drafts_per_minute
    if not first or not second:
        return {}
    found = ratio(mine.tables[KEPT], over.tables[KEPT], how)
    return {PER_MINUTE: {"ratio": factor(found.times(first / second) if found else None)}}


def factor(found: Ratio | None) -> dict[str, Any] | None:
    """A ratio in values that JSON knows."""
    if found is None:
        return None
    ends = {"value": found.value, "low": found.low, "high": found.high}
    return {name: None if end is None else round(end, 3) for name, end in ends.items()}


def _slices(written: Sequence[Written], read: Sequence[Sequence[Reading]]) -> Iterator[Slice]:
    drafted = _drafted(written)
    minutes = [block.cpu_seconds / 60 for block in written]
    yield Slice(
        name=ALL,
        drafts=[draft for block in drafted for draft in block],
        readings=[reading for block in read for reading in block],
        cpu_minutes=sum(minutes),
    )
    for block, drafts, found, spent in zip(written, drafted, read, minutes, strict=True):
        name = block.drafts[0].block if block.drafts else ""
        if drafts:
            yield Slice(name=name, drafts=drafts, readings=found, cpu_minutes=spent)
        if name == NEW_DOMAINS:
            yield from _by_type(name, drafts, found)


def _by_type(name: str, drafts: Sequence[Drafted], readings: Sequence[Reading]) -> Iterator[Slice]:
    for kind in dict.fromkeys(draft.type for draft in drafts):
        own = [draft for draft in drafts if draft.type is kind]
        ids = {draft.task.id for draft in own if draft.task is not None}
        found = [reading for reading in readings if reading.task_id in ids]
        yield Slice(name=f"{kind}, {name}", drafts=own, readings=found, cpu_minutes=None)


def _drafted(written: Sequence[Written]) -> list[list[Drafted]]:
    """All drafts by block, curated as one set."""
    tasks = [draft.task for block in written for draft in block.drafts if draft.task is not None]
    built = [(name, filters.build(name, chosen)) for name, chosen in Recipe().filters]
    kept, _ = judge(tasks, [(name, part) for name, part in built if isinstance(part, Filter)])
    gone = select(
        [signature_of(task) for task in kept],
        [(name, part) for name, part in built if isinstance(part, Selector)],
    )
    kept_ids = {task.id for task in kept} - gone.keys()
    spans = {
        task.id: verdict.evidence
        for task, verdict in zip(tasks, Grounded().judge(tasks), strict=True)
    }
    return [
        [
            Drafted(
                context=draft.context,
                type=draft.type,
                task=draft.task,
                kept=draft.task is not None and draft.task.id in kept_ids,
                evidence=spans[draft.task.id] if draft.task is not None else (),
            )
            for draft in block.drafts
        ]
        for block in written
    ]


def _tables(part: Slice, passages: Passages) -> Iterator[Table | None]:
    of, tasks = part.name, part.tasks
    yield shares(PARSED, of, ((d.context.document_id, d.task is not None, 1) for d in part.drafts))
    well = zip(tasks, WellFormed().judge(tasks), strict=True)
    yield shares(WELL_FORMED, of, ((task.document_id, verdict.keep, 1) for task, verdict in well))
    yield _in_context(of, tasks)
    for name, found in (
        (AGREED, part.readings),
        (CALIBRATED, agreement.calibrated(part.readings)),
    ):
        yield shares(name, of, ((one.document_id, one.agrees, 1) for one in found))
    yield _evenness(of, tasks, passages)
    asked = [(task, outside(task.instruction, task.context)) for task in tasks]
    yield shares(COPIED, of, ((t.document_id, *copied(text, t.context)) for t, text in asked))
    said = [(task.document_id, *copied(task.response, task.context)) for task in tasks]
    yield shares(ANSWER_COPIED, of, said)
    yield _coverage(of, part.drafts)
    yield shares(KEPT, of, ((d.context.document_id, d.kept, 1) for d in part.drafts))


def _in_context(of: str, tasks: Sequence[Task]) -> Table | None:
    extractive = [task for task in tasks if task.type.extractive]
    long = max((len(task.response) for task in extractive), default=0) + 1
    verdicts = Grounded(max_answer_words=long).judge(extractive)
    rows = zip(extractive, verdicts, strict=True)
    return shares(IN_CONTEXT, of, ((task.document_id, verdict.keep, 1) for task, verdict in rows))


def _evenness(of: str, tasks: Sequence[Task], passages: Passages) -> Table | None:
    """Of one type alone: labels of several types are no one distribution."""
    kinds = {task.type for task in tasks}
    if len(kinds) != 1:
        return None
    found = [(task.document_id, one) for task in tasks if (one := label_of(task)) is not None]
    return evenness(EVEN, of, found, passages.labels.get(kinds.pop(), ())[: len(found)])


def _coverage(of: str, drafts: Sequence[Drafted]) -> Table | None:
    spans: dict[str, list[Span]] = {}
    contexts: dict[str, Context] = {}
    for draft in drafts:
        if draft.task is not None:
            contexts[draft.context.id] = draft.context
            spans.setdefault(draft.context.id, []).extend(draft.evidence)
    found = (
        (context.document_id, *touched(context.text, spans[name]))
        for name, context in contexts.items()
    )
    return shares(COVERED, of, found)


def score(table: Table, how: Resampling) -> dict[str, float]:
    """A value with its interval, in points."""
    found = intervals.interval(table, how)
    ends = {"value": found.value, "low": found.low, "high": found.high}
    return {**{name: round(end, 2) for name, end in ends.items()}, "n": found.n}


def _points(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)


def reasons(written: Sequence[Written]) -> dict[str, int]:
    """Why drafts became no tasks, the commonest first."""
    total: Counter[str] = sum((block.reasons for block in written), Counter())
    return dict(total.most_common())
