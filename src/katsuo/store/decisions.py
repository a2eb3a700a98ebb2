"""What did a person decide about tasks, and what if two decide at once?

    review.sqlite    one row a task: keep or drop, other words, and a version

Whoever writes names the version that was read. If another one is there by then, nothing is
written and the writer is told, so no decision is lost unseen. A decision that is taken back
stays as a row without a verdict: versions only grow.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from katsuo.errors import DataError
from katsuo.types import Task, digest

FILE: Final = "review.sqlite"
"""In the run folder."""
OPEN: Final = ""
KEEP: Final = "keep"
DROP: Final = "drop"

_WAIT_SECONDS: Final = 60.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS decisions (
    task_id TEXT PRIMARY KEY,
    document_id TEXT NOT NULL,
    draft TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('', 'keep', 'drop')),
    instruction TEXT,
    response TEXT,
    version INTEGER NOT NULL,
    decided_at TEXT NOT NULL
) WITHOUT ROWID
"""
_PUT: Final = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_GET: Final = (
    "SELECT task_id, document_id, draft, verdict, instruction, response, version FROM decisions"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person said about one draft."""

    task_id: str
    document_id: str
    draft: str
    """Digest of the words that were decided on: a draft that says something else is another."""
    verdict: str = OPEN
    """`keep`, `drop`, or nothing: then the filters decide."""
    instruction: str | None = None
    """In the place of the draft's, where the person wrote another."""
    response: str | None = None
    version: int = 0
    """How often it was decided before; 0 for a task that nobody has decided."""

    @property
    def is_edit(self) -> bool:
        """Whether other words take the place of the draft's."""
        return self.instruction is not None

    @property
    def is_open(self) -> bool:
        """Whether everything is as if nobody had decided."""
        return not self.verdict and not self.is_edit


def draft_digest(task: Task) -> str:
    """The digest of what a draft says."""
    return digest("draft", task.instruction, task.response)


def undecided(task: Task) -> Decision:
    """What holds before anybody decides."""
    return Decision(task_id=task.id, document_id=task.document_id, draft=draft_digest(task))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The decisions of the run in `folder`; the file is made by the first one."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where they lie."""
        return self.folder / FILE

    def of(self, task: Task) -> Decision:
        """What stands for a task; open where its draft was another when it was decided."""
        blank = undecided(task)
        for found in self._read(" WHERE task_id = ?", (task.id,)):
            if found.draft == blank.draft:
                return found
            return Decision(
                task_id=task.id,
                document_id=task.document_id,
                draft=blank.draft,
                version=found.version,
            )
        return blank

    def standing(self) -> dict[str, Decision]:
        """Task id -> what was decided, for all that is not open."""
        return {one.task_id: one for one in self._read("", ()) if not one.is_open}

    def put(self, decision: Decision) -> bool:
        """Write `decision`, made by one who has read its version; False if it is out of date."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            row = database.execute(
                "SELECT version FROM decisions WHERE task_id = ?", (decision.task_id,)
            ).fetchone()
            if (row[0] if row else 0) != decision.version:
                database.execute("ROLLBACK")
                return False
            database.execute(_PUT, _row(decision))
            database.execute("COMMIT")
        return True

    def forget(self, document_ids: Iterable[str]) -> None:
        """Take out what was decided about tasks of these documents, so that no byte of it stays."""
        if not self.path.is_file():
            return
        with self._open() as database:
            gone = [(id_,) for id_ in document_ids]
            database.executemany("DELETE FROM decisions WHERE document_id = ?", gone)
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _read(self, where: str, values: tuple[str, ...]) -> list[Decision]:
        if not self.path.is_file():
            return []
        with self._open() as database:
            return [
                Decision(**dict(zip(Decision.__slots__, row, strict=True)))
                for row in database.execute(_GET + where, values)
            ]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work."""
        try:
            database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA secure_delete = ON")
                database.execute(_TABLE)
                yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise DataError(
                f"{self.path}: cannot be used as the file of decisions ({error}); "
                "see that no other program holds it, or move it away"
            ) from error


def stated(decisions: Mapping[str, Decision]) -> str:
    """A digest of what was decided, whenever and in whichever order."""
    said = sorted(
        [one.task_id, one.draft, one.verdict, one.instruction, one.response]
        for one in decisions.values()
    )
    return digest("decisions", json.dumps(said))


def _row(decision: Decision) -> tuple[str | int | None, ...]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        decision.task_id,
        decision.document_id,
        decision.draft,
        decision.verdict,
        decision.instruction,
        decision.response,
        decision.version + 1,
        now,
    )
