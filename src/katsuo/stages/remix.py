"""Which tasks do annotated datasets give, through meta-templates?

    rows ──read──▶ records ──draw templates──▶ fill ──▶ tasks | Dropped

The sources take turns, one row each, so that a cap on a task type is shared
out evenly among the sources that can fill it. Rows should come in an order of
chance; a source whose cap is full is read no further, and the rows that
nobody read have not arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from katsuo import seeds, wire
from katsuo.errors import DataError, RecipeError
from katsuo.templates.compiler import Row, Source, Template
from katsuo.templates.records import Record
from katsuo.types import EXCERPT_CHARS, Dropped, Flaw, Origin, Task, TaskType, digest

UNREADABLE: Final = "source-unreadable"
"""The reason of a source that was left out from some row on; the excerpt says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixSettings:
    """How many tasks, of what, and by which chance."""

    seed: int = 0
    cap_per_source: int | None = None
    """Most tasks of one source; without it every row is used."""
    cap_per_type: int | None = None
    """Most tasks of one task type, over all sources."""
    caps: Mapping[TaskType, int] = field(default_factory=dict)
    """Most tasks of single types, in place of `cap_per_type`; 0 leaves a type out."""
    tasks_per_row: int = 1
    """Most tasks of one row; templates of different types are drawn first."""
    max_context_chars: int = 2400
    """Longest passage; a longer one is dropped, never cut."""

    def __post_init__(self) -> None:
        for name in ("cap_per_source", "cap_per_type", "tasks_per_row", "max_context_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"remix.{name} is {value}; it must be >= 1")
        for kind, cap in self.caps.items():
            if cap < 0:
                raise RecipeError(f"remix.caps.{kind} is {cap}; it must be >= 0")

    def cap(self, kind: TaskType) -> float:
        """Most tasks of `kind`; infinite where there is no cap."""
        general = float("inf") if self.cap_per_type is None else self.cap_per_type
        return self.caps.get(kind, general)


def remix(
    sources: Iterable[tuple[Source, Iterable[Row]]], settings: RemixSettings
) -> Iterator[Task | Dropped]:
    """The tasks of all sources, in turns, and what was turned away.

    A source that cannot be read, or lacks a column that its templates name, ends with a ledger
    line of the reason `UNREADABLE`; the others go on.
    """
    tally = _Tally(settings=settings)
    turns = [_turns(source, rows, tally) for source, rows in sources]
    while turns:
        still = []
        for source_turns in turns:
            outcomes = next(source_turns, None)
            if outcomes is not None:
                yield from outcomes
                still.append(source_turns)
        turns = still


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What has been made so far, against the caps."""

    settings: RemixSettings
    by_source: Counter[str] = field(default_factory=Counter)
    by_type: Counter[TaskType] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    """Ids of all tasks, for exact duplicates."""

    def count(self, source: Source, task: Task) -> None:
        self.by_source[source.name] += 1
        self.by_type[task.type] += 1
        self.seen.add(task.id)

    def open(self, kind: TaskType) -> bool:
        return self.by_type[kind] < self.settings.cap(kind)

    def room(self, source: Source) -> bool:
        """Whether the source may give another task."""
        cap = self.settings.cap_per_source
        within = cap is None or self.by_source[source.name] < cap
        return within and any(self.open(template.type) for template in source.templates)


def _turns(source: Source, rows: Iterable[Row], tally: _Tally) -> Iterator[list[Task | Dropped]]:
    """What each row gives, until the source is full."""
    checked = False
    if not tally.room(source):
        return
    try:
        for row in rows:
            if not checked:
                source.check(row)
                checked = True
            yield list(_of_row(source, row, tally))
            if not tally.room(source):
                return
    except DataError as error:
        yield [_dropped(source.name, source.name, UNREADABLE, str(error))]


def _of_row(source: Source, row: Row, tally: _Tally) -> Iterator[Task | Dropped]:
    """The tasks of one row; one ledger line at least where it gives none."""
    record = source.read(row, tally.settings.seed)
    if isinstance(record, Flaw):
        yield _dropped(source.id_of(row), source.name, record.reason, "")
        return
    if len(record.context) > tally.settings.max_context_chars:
        yield _dropped(record.id, source.name, "context-too-long", record.context)
        return
    fitting = [template for template in source.templates if template.fits(record)]
    drawn = _draw([template for template in fitting if tally.open(template.type)], record, tally)
    if not drawn:
        reason = "type-cap-full" if fitting else "no-template-fits"
        yield _dropped(record.id, source.name, reason, record.context)
    for template in drawn:
        if not (tally.open(template.type) and tally.room(source)):
            return
        outcome = _task(source, template, record, tally)
        if isinstance(outcome, Task):
            tally.count(source, outcome)
        yield outcome


def _draw(fitting: list[Template], record: Record, tally: _Tally) -> list[Template]:
    """Templates in an order of chance, the first of each type before the second of any."""
    seeds.stream(tally.settings.seed, "templates", record.id).shuffle(fitting)
    nth: Counter[TaskType] = Counter()
    ranked = []
    for template in fitting:
        ranked.append((nth[template.type], template))
        nth[template.type] += 1
    # Sorting is stable: templates of one rank stay in their order of chance.
    ranked.sort(key=lambda pair: pair[0])
    return [template for _, template in ranked[: tally.settings.tasks_per_row]]


def _task(source: Source, template: Template, record: Record, tally: _Tally) -> Task | Dropped:
    by = f"{source.name}/{template.name}"
    filled = template.fill(record)
    if isinstance(filled, Flaw):
        return _dropped(record.id, by, filled.reason, record.context)
    draft = wire.Draft(instruction=filled.instruction, response=filled.response)
    written = wire.render(draft, record.context)
    if isinstance(written, Flaw):
        return _dropped(record.id, by, written.reason, filled.instruction)
    id_ = digest(template.type, record.context, filled.instruction, filled.response)
    if id_ in tally.seen:
        return _dropped(id_, by, "duplicate", filled.instruction)
    return Task(
        id=id_,
        document_id=record.document_id,
        context_id=digest(record.document_id, record.context),
        context=record.context,
        type=template.type,
        instruction=filled.instruction,
        response=filled.response,
        labels=filled.choices if template.type.labelled else (),
        answerable=template.answerable,
        voice=template.voice,
        origin=Origin(
            generator=by,
            format=wire.BONITO_V1,
            seed=seeds.derive(tally.settings.seed, by, record.id),
        ),
    )


def _dropped(item_id: str, by: str, reason: str, excerpt: str) -> Dropped:
    return Dropped(
        item_id=item_id, stage="remix", by=by, reason=reason, excerpt=excerpt[:EXCERPT_CHARS]
    )
