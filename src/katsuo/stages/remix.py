"""Which tasks do annotated datasets give, through meta-templates?

    rows ──read──▶ records ──draw templates──▶ fill ──▶ tasks | Dropped

The sources take turns, one row or some each, so that a cap on a task type is shared
out evenly among the sources that can fill it. Rows should come in an order of
chance; a source whose cap is full is read no further, and the rows that
nobody read have not arrived.

A template that says what to answer when the passage does not tell is at times given the passage
of another row: of the last ones of its source the one that shares most words with the
question, so that to see the difference one has to read.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol, TypeAlias

from katsuo import seeds, wire
from katsuo.errors import DataError, RecipeError
from katsuo.templates.compiler import Filled, Row, Source, Template
from katsuo.templates.records import Record
from katsuo.types import EXCERPT_CHARS, Dropped, Flaw, Origin, Task, TaskType, digest

_LOOKED_BACK: Final = 64
"""Rows whose passages may stand in for another's."""
_LONG_WORD: Final = re.compile(r"\w{5,}")
"""Shorter ones ("with") say little about what a question asks."""

Open: TypeAlias = frozenset[TaskType]
"""The types whose caps are not full."""
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
    turns: Mapping[str, int] = field(default_factory=dict)
    """Folder of a source -> rows that it gives when its turn comes; 1 where nobody says."""
    tasks_per_row: int = 1
    """Most tasks of one row; templates of different types are drawn first."""
    unanswerable: float = 1 / 3
    """Share of the tasks of templates with an answer for that case whose passage is another's."""
    max_context_chars: int = 2400
    """Longest passage; a longer one is dropped, never cut."""

    def __post_init__(self) -> None:
        for name in ("cap_per_source", "cap_per_type", "tasks_per_row", "max_context_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"remix.{name} is {value}; it must be >= 1")
        if not 0 <= self.unanswerable <= 1:
            raise RecipeError(f"remix.unanswerable is {self.unanswerable}; it must lie in [0, 1]")
        for name, n_rows in self.turns.items():
            if n_rows < 1:
                raise RecipeError(f"remix.turns.{name} is {n_rows}; it must be >= 1")
        for kind, cap in self.caps.items():
            if cap < 0:
                raise RecipeError(f"remix.caps.{kind} is {cap}; it must be >= 0")

    def cap(self, kind: TaskType) -> float:
        """Most tasks of `kind`; infinite where there is no cap."""
        general = float("inf") if self.cap_per_type is None else self.cap_per_type
        return self.caps.get(kind, general)


class Foresees(Protocol):
    """Knows what rows give by themselves before their turn comes."""

    def row(self, source: Source, number: int, open_types: Open) -> Prepared | None:
        """What the row with this number gives; None where nobody has looked at it.

        Args:
            source: Whose row.
            number: From 0, in the order of its rows.
            open_types: What will be drawn for from now on.
        """
        ...

    def over(self, source: Source) -> None:
        """Hear that no further row of `source` is wanted."""
        ...


def remix(
    sources: Iterable[tuple[Source, Iterable[Row]]],
    settings: RemixSettings,
    foreseen: Foresees | None = None,
) -> Iterator[Task | Dropped]:
    """The tasks of all sources, in turns, and what was turned away.

    A source that cannot be read, or lacks a column that its templates name, ends with a ledger
    line of the reason `UNREADABLE`; the others go on. What is foreseen changes nothing but the
    time that it takes.
    """
    tally = _Tally(settings=settings, caps={kind: settings.cap(kind) for kind in TaskType})
    waiting = [
        (_turns(source, rows, tally, foreseen), settings.turns.get(source.data, 1))
        for source, rows in sources
    ]
    while waiting:
        still = []
        for turns, n_rows in waiting:
            rows_of = list(islice(turns, n_rows))
            for outcomes in rows_of:
                yield from outcomes
            if len(rows_of) == n_rows:
                still.append((turns, n_rows))
        waiting = still


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    """What a row is about, to be put in the place of another."""

    document_id: str
    text: str
    folded: str
    """The text without case."""
    words: frozenset[str]

    @classmethod
    def of(cls, record: Record) -> _Passage:
        return cls(
            document_id=record.document_id,
            text=record.context,
            folded=record.context.casefold(),
            words=_words(record.context),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What one template makes of a row by itself."""

    template: int
    """Its place among those of the source."""
    made: Task | Dropped
    moves: bool = False
    """Whether chance wants another passage in place of the row's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a row gives by itself: before caps, exact twins and the passages of other rows."""

    open_types: Open
    """What was drawn for: with other types open it would be something else."""
    line: Dropped | None = None
    """Why it gives nothing."""
    outcomes: tuple[_Outcome, ...] = ()
    passage: _Passage | None = None
    """For later rows, where templates of the source may want another's."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What has been made so far, against the caps."""

    settings: RemixSettings
    caps: Mapping[TaskType, float]
    """Most tasks of each type; infinite where there is no cap."""
    by_source: Counter[str] = field(default_factory=Counter)
    by_type: Counter[TaskType] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)
    """Ids of all tasks, for exact duplicates."""
    passages: dict[str, deque[_Passage]] = field(default_factory=dict)
    """Source -> the passages of its last rows."""

    def count(self, source: Source, task: Task) -> None:
        self.by_source[source.name] += 1
        self.by_type[task.type] += 1
        self.seen.add(int(task.id, 16))

    def open(self, kind: TaskType) -> bool:
        return self.by_type[kind] < self.caps[kind]

    @property
    def open_types(self) -> Open:
        return frozenset(filter(self.open, TaskType))

    def room(self, source: Source) -> bool:
        """Whether the source may give another task."""
        cap = self.settings.cap_per_source
        within = cap is None or self.by_source[source.name] < cap
        return within and any(map(self.open, source.by_type))


def _turns(
    source: Source, rows: Iterable[Row], tally: _Tally, foreseen: Foresees | None
) -> Iterator[list[Task | Dropped]]:
    """What each row gives, until the source is full."""
    try:
        for number, row in enumerate(rows if tally.room(source) else ()):
            if number == 0:
                source.check(row)
            known = None if foreseen is None else foreseen.row(source, number, tally.open_types)
            yield list(_of_row(source, row, tally, known))
            if not tally.room(source):
                break
    except DataError as error:
        yield [_dropped(source.name, source.name, UNREADABLE, str(error))]
    if foreseen is not None:
        foreseen.over(source)


def prepare(source: Source, row: Row, settings: RemixSettings, open_types: Open) -> Prepared:
    """What `row` gives by itself while `open_types` have room; it hangs on no other row."""
    record = source.read(row, settings.seed)
    if isinstance(record, Flaw):
        line = _dropped(source.id_of(row), source.name, record.reason, "")
        return Prepared(open_types=open_types, line=line)
    if len(record.context) > settings.max_context_chars:
        line = _dropped(record.id, source.name, "context-too-long", record.context)
        return Prepared(open_types=open_types, line=line)
    drawn, fits = _draw(source, record, settings, open_types)
    reason = "type-cap-full" if fits else "no-template-fits"
    keeps = any(template.unanswerable for template in source.templates)
    return Prepared(
        open_types=open_types,
        line=None if drawn else _dropped(record.id, source.name, reason, record.context),
        outcomes=tuple(_outcome(source, template, record, settings) for template in drawn),
        passage=_Passage.of(record) if keeps else None,
    )


def _of_row(
    source: Source, row: Row, tally: _Tally, known: Prepared | None
) -> Iterator[Task | Dropped]:
    """The tasks of one row; one ledger line at least where it gives none."""
    open_types = tally.open_types
    if known is None or known.open_types != open_types:
        known = prepare(source, row, tally.settings, open_types)
    if known.line is not None:
        yield known.line
    for outcome in known.outcomes:
        template = source.templates[outcome.template]
        if not (tally.open(template.type) and tally.room(source)):
            return
        made = _moved(source, template, row, tally) if outcome.moves else None
        made = _first(made or outcome.made, tally)
        if isinstance(made, Task):
            tally.count(source, made)
        yield made
    if known.passage is not None:
        last = tally.passages.setdefault(source.name, deque(maxlen=_LOOKED_BACK))
        last.append(known.passage)


def _draw(
    source: Source, record: Record, settings: RemixSettings, open_types: Open
) -> tuple[list[Template], bool]:
    """Templates in an order of chance, the first of each type before the second of any.

    No more than are wanted are looked at. The second value says whether any fits at all.
    """
    chance = seeds.stream(settings.seed, "templates", record.id)
    groups = [list(group) for kind, group in source.by_type.items() if kind in open_types]
    chance.shuffle(groups)
    for group in groups:
        chance.shuffle(group)
    drawn: list[Template] = []
    waiting = [(template for template in group if template.fits(record)) for group in groups]
    while waiting and len(drawn) < settings.tasks_per_row:
        firsts = [(next(fitting, None), fitting) for fitting in waiting]
        drawn += [template for template, _ in firsts if template is not None]
        waiting = [fitting for template, fitting in firsts if template is not None]
    fits = bool(drawn) or any(template.fits(record) for template in source.templates)
    return drawn[: settings.tasks_per_row], fits


def _outcome(
    source: Source, template: Template, record: Record, settings: RemixSettings
) -> _Outcome:
    """The task of a template about the row's own passage."""
    place = source.templates.index(template)
    filled = template.fill(record)
    if isinstance(filled, Flaw):
        by = f"{source.name}/{template.name}"
        return _Outcome(template=place, made=_dropped(record.id, by, filled.reason, record.context))
    chance = seeds.stream(settings.seed, "unanswerable", record.id, template.name)
    return _Outcome(
        template=place,
        made=_task(source, template, record, _Said(filled=filled), settings),
        moves=bool(template.unanswerable) and chance.random() < settings.unanswerable,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A template filled in, and the passage that it is about where it is another row's."""

    filled: Filled
    about: _Passage | None = None


def _moved(source: Source, template: Template, row: Row, tally: _Tally) -> Task | Dropped | None:
    """The task about another row's passage; None where there is none, and it stays as it was."""
    record = source.read(row, tally.settings.seed)
    filled = template.fill(record) if isinstance(record, Record) else record
    assert isinstance(record, Record)
    assert isinstance(filled, Filled)
    other = _other(source, template, record, filled, tally)
    if other is None:
        return None
    moved = template.fill(record, instead=other.text)
    if isinstance(moved, Flaw):
        return None
    return _task(source, template, record, _Said(filled=moved, about=other), tally.settings)


def _task(
    source: Source, template: Template, record: Record, said: _Said, settings: RemixSettings
) -> Task | Dropped:
    by = f"{source.name}/{template.name}"
    filled = said.filled
    document_id, passage = record.document_id, record.context
    if said.about is not None:
        document_id, passage = said.about.document_id, said.about.text
    draft = wire.Draft(instruction=filled.instruction, response=filled.response)
    written = wire.render(draft, passage)
    if isinstance(written, Flaw):
        return _dropped(record.id, by, written.reason, filled.instruction)
    answered = passage == record.context or template.type.labelled
    return Task(
        id=digest(template.type, passage, filled.instruction, filled.response),
        document_id=document_id,
        context_id=digest(document_id, passage),
        context=passage,
        type=template.type,
        instruction=filled.instruction,
        response=filled.response,
        labels=filled.choices if template.type.labelled else (),
        answerable=template.answerable and answered,
        voice=template.voice,
        origin=Origin(
            generator=by,
            format=wire.BONITO_V1,
            seed=seeds.derive(settings.seed, by, record.id),
        ),
    )


def _first(made: Task | Dropped, tally: _Tally) -> Task | Dropped:
    """The task itself, or the line of one that was there before."""
    if isinstance(made, Task) and int(made.id, 16) in tally.seen:
        return _dropped(made.id, made.origin.generator, "duplicate", made.instruction)
    return made


def _other(
    source: Source, template: Template, record: Record, filled: Filled, tally: _Tally
) -> _Passage | None:
    """A passage of an earlier row that does not answer."""
    asked = _words(filled.instruction.replace(record.context, " "))
    answer = filled.response.casefold()
    found = [
        (len(asked & passage.words), place)
        for place, passage in enumerate(tally.passages.get(source.name, ()))
        if passage.document_id != record.document_id
        and (template.choices is not None or answer not in passage.folded)
    ]
    return tally.passages[source.name][max(found)[1]] if found else None


def _words(text: str) -> frozenset[str]:
    return frozenset(_LONG_WORD.findall(text.casefold()))


def _dropped(item_id: str, by: str, reason: str, excerpt: str) -> Dropped:
    return Dropped(
        item_id=item_id, stage="remix", by=by, reason=reason, excerpt=excerpt[:EXCERPT_CHARS]
    )
