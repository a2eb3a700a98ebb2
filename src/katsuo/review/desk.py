"""Everything of one run that its pages are made from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from katsuo.errors import DataError
from katsuo.protocols import Filter
from katsuo.review import index, showing
from katsuo.review.listing import row
from katsuo.review.reading import Entry, entry
from katsuo.review.showing import Shown
from katsuo.road.curating import checks
from katsuo.road.deciding import Decided, asked, faults, ruled
from katsuo.road.judging import Alone
from katsuo.road.trip import Trip
from katsuo.scoring.coverage import placed
from katsuo.store.decisions import FILE, KEEP, Decision, Decisions
from katsuo.store.runs import Run
from katsuo.types import Dropped, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The texts of one entry, ready for a page."""

    passage: Shown | None
    instruction: Shown | None
    response: Shown | None
    scores: list[tuple[str, float]]


class Desk:
    """One run on the desk of a person who reviews it."""

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self._index = index.built(self.run)
        self._stamp = self._stamped()
        self._decided: tuple[Any, str] = ((), "")

    @property
    def run(self) -> Run:
        """The run."""
        return self._trip.run

    @property
    def decisions(self) -> Decisions:
        """What was decided so far."""
        return Decisions(folder=self.run.folder)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The index, made anew if the run was."""
        stamp = self._stamped()
        if stamp != self._stamp or not self._index.is_file():
            self._index, self._stamp = index.built(self.run), stamp
        with index.opened(self._index, self.run.folder / FILE) as database:
            yield database

    def draft(self, id_: str) -> Task | None:
        """The draft that can be decided on under this id."""
        with self.opened() as database:
            found = row(database, id_)
            return None if found is None else self.entry(database, found).draft

    def entry(self, database: sqlite3.Connection, found: sqlite3.Row) -> Entry:
        """A row of the list in full."""
        passage = database.execute(
            "SELECT * FROM passages WHERE id = ?", [found["passage"]]
        ).fetchone()
        return entry(self.run, found, passage)

    def shown(self, found: Entry, decision: Decision | None) -> Look:
        """The texts of `found`: evidence marked, and found now where no stage has looked for it."""
        if found.draft is None or decision is None:
            passage = None if found.passage is None else showing.plain(found.passage.text)
            said = showing.plain(found.row["asks"])
            return Look(passage=passage, instruction=None, response=said, scores=[])
        task = found.curated
        if task is None or decision.is_edit:
            task = self._looked_at(found.draft, decision)
        whole = found.passage.text if found.passage is not None else task.context
        spans = placed(whole, task.context, task.evidence)
        if task.surrogates or task.context not in whole:
            whole, spans = task.context, task.evidence
        return Look(
            passage=showing.marked(whole, [(span.start, span.end) for span in spans]),
            instruction=showing.asking(task.instruction, task.context),
            response=showing.plain(task.response),
            scores=sorted(task.scores.items()),
        )

    def faults(self, draft: Task, decision: Decision) -> list[tuple[str, str]]:
        """What the filters have against a person's words."""
        (task,) = Decided(by_task={draft.id: decision}).spoken([draft])
        return faults(task, self._filters(draft))

    @property
    def unasked(self) -> list[str]:
        """Filters that ask a model, so that no page asks them."""
        return [one.name for one in self._alone.usual if one.measured]

    def counts(self, database: sqlite3.Connection) -> dict[str, int]:
        """How many rows have which fate, and how many were decided on."""
        facts = dict(database.execute("SELECT name, value FROM facts WHERE name <> 'key'"))
        (decided,) = database.execute(
            "SELECT COUNT(*) FROM decided.decisions WHERE verdict <> '' OR instruction IS NOT NULL"
        ).fetchone()
        return {**{name: int(value) for name, value in facts.items()}, "decided": decided}

    def waiting(self) -> bool:
        """Whether there are decisions that `curate` has not applied."""
        paths = [self.run.folder / name for name in (FILE, f"{FILE}-wal")]
        stamp = tuple(
            (path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file()
        )
        if stamp != self._decided[0]:
            self._decided = (stamp, Decided.of(self.run).key)
        applied = self.run.stage("curate").manifest.get("review", {}).get("digest", "")
        return bool(self._decided[1] != applied)

    def _looked_at(self, draft: Task, decision: Decision) -> Task:
        """A draft with what the filters note of it, whether or not they keep it."""
        keep = replace(decision, verdict=KEEP)
        found = ruled(draft, keep, self._filters(draft))
        return draft if isinstance(found, Dropped) else found

    def _filters(self, draft: Task) -> list[tuple[str, Filter]]:
        return asked(self._alone, draft)

    @cached_property
    def _alone(self) -> Alone:
        return checks(self._trip)

    def _stamped(self) -> tuple[Any, ...]:
        """Changes when a stage is made anew."""
        found = []
        for verb in ("ingest", "generate", "curate"):
            path = self.run.stage(verb).folder / "manifest.json"
            if not path.is_file():
                raise DataError(
                    f"{path.parent}: is being made anew; open this page when it is done"
                )
            state = path.stat()
            found.append((state.st_mtime_ns, state.st_ino))
        return tuple(found)
