"""What do workers know of rows before their turn in a remix comes?

    driver ──stretches of rows, in the order of their turns──▶ workers
           ◀──what each row gives by itself───────────────────┘
    caps, exact twins, passages of other rows: the driver, row by row

What a row gives hangs on the types whose caps are not full. Workers are told those of the moment;
where one has filled up since, the driver looks at the row itself. So what is foreseen may be
wrong or missing, and the tasks are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from katsuo.errors import DataError
from katsuo.protocols import Hear
from katsuo.road.errands import executor
from katsuo.sections import Execution
from katsuo.stages.remix import Foresees, Open, Prepared, RemixSettings, prepare
from katsuo.templates.compiler import Source
from katsuo.templates.tables import Drawn, n_rows, place

_STRETCH_ROWS: Final = 256
"""Rows that are sent for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Some rows of a source, in its order of chance."""

    source: int
    """Its place among the sources."""
    first: int
    open_types: Open


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What each row of a stretch gives; nothing where its source cannot be read."""

    stretch: _Stretch
    rows: list[Prepared]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """Implements `Duty`: what rows give by themselves. A worker holds the sources that it read."""

    sources: Sequence[Source]
    folder: Path
    restricted: Path | None
    settings: RemixSettings

    def named(self, shard: _Stretch, /) -> str:
        """The source and its rows."""
        last = shard.first + _STRETCH_ROWS
        return f"{self.sources[shard.source].name}, rows {shard.first} to {last} of the remix"

    def open(self, say: Hear) -> Callable[[_Stretch], _Made]:
        """The work; what cannot be read is left to the driver, who says so in its turn."""
        seed = self.settings.seed

        @cache
        def drawn(number: int) -> Drawn:
            source = self.sources[number]
            return Drawn.of(self.of_source(source), source.splits, seed=seed)

        def work(shard: _Stretch) -> _Made:
            source = self.sources[shard.source]
            try:
                rows = drawn(shard.source).rows(shard.first, _STRETCH_ROWS)
                if rows:
                    source.check(rows[0])
            except DataError:
                return _Made(stretch=shard, rows=[])
            found = [prepare(source, row, self.settings, shard.open_types) for row in rows]
            return _Made(stretch=shard, rows=found)

        return work

    def of_source(self, source: Source) -> Path:
        """The folder of its files."""
        return place(source, self.folder, self.restricted)


@contextmanager
def foreseen(duty: Preparing, execution: Execution) -> Iterator[Foresees | None]:
    """What workers know of rows, as long as the block lasts; None where there are none."""
    if execution.executor == "local":
        yield None
        return
    known = Ahead(duty=duty)
    known.made = executor(execution).map(duty, known.stretches(), lambda _: None)
    try:
        yield known
    finally:
        close = getattr(known.made, "close", None)
        if close is not None:  # a generator, whose workers leave
            close()


@dataclass(slots=True, kw_only=True)
class Ahead:
    """Implements `Foresees`."""

    duty: Preparing
    made: Iterator[_Made] = field(default_factory=lambda: iter(()))
    open_types: Open = frozenset()
    held: dict[tuple[int, int], list[Prepared]] = field(default_factory=dict)
    """Place of a source and first row -> what is known from there on."""
    ended: set[int] = field(default_factory=set)
    coming: set[tuple[int, int]] = field(init=False)
    """What is still to be made."""
    turns: list[tuple[int, int]] = field(init=False)
    places: Mapping[int, int] = field(init=False)
    """By the identity of a source: two may have one name."""

    def __post_init__(self) -> None:
        sources, turns = self.duty.sources, self.duty.settings.turns
        self.places = {id(source): number for number, source in enumerate(sources)}
        each = [turns.get(source.data, 1) for source in sources]
        found = [
            (number, first)
            for number, source in enumerate(sources)
            for first in range(0, n_rows(self.duty.of_source(source), source.splits), _STRETCH_ROWS)
        ]
        self.turns = sorted(found, key=lambda at: (at[1] // each[at[0]], at[0]))
        self.coming = set(found)

    def stretches(self) -> Iterator[_Stretch]:
        """What workers are to look at, in the order in which it is wanted."""
        for at in self.turns:
            if at[0] in self.ended:
                self.coming.discard(at)
            else:
                yield _Stretch(source=at[0], first=at[1], open_types=self.open_types)

    def row(self, source: Source, number: int, open_types: Open) -> Prepared | None:
        """What a worker made of the row."""
        self.open_types = open_types
        within = number % _STRETCH_ROWS
        at = (self.places[id(source)], number - within)
        while at in self.coming and (made := next(self.made, None)) is not None:
            there = (made.stretch.source, made.stretch.first)
            self.coming.discard(there)
            if there[0] not in self.ended:
                self.held[there] = made.rows
        known = self.held.get(at, [])
        if within == _STRETCH_ROWS - 1:
            self.held.pop(at, None)
        return known[within] if within < len(known) else None

    def over(self, source: Source) -> None:
        """Forget what is known of the source, and ask for no more."""
        number = self.places[id(source)]
        self.ended.add(number)
        self.held = {at: rows for at, rows in self.held.items() if at[0] != number}
