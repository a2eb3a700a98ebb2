"""Which tasks does a run hold, so that any page of them is found at once?

    1-contexts, 2-tasks, 3-curated ──once──▶ .review-index.sqlite ──▶ a page of rows

The index holds what a list shows and filters by, and where each row lies in the Parquet files,
which keep the texts. It is made anew when a stage has been, and may be deleted at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq
from filelock import FileLock

from katsuo.errors import RecipeError
from katsuo.road.labelling import labelled_of
from katsuo.road.lineage import drafts_of
from katsuo.road.trip import key_of
from katsuo.store import tables
from katsuo.store.decisions import draft_digest
from katsuo.store.runs import Run, StageFolder

FILE: Final = ".review-index.sqlite"
KEPT: Final = "kept"
DROPPED: Final = "dropped"
UNREAD: Final = "no task"
"""Of a draft that could not be read as a task."""
FATES: Final = (KEPT, DROPPED, UNREAD)

_EDITION: Final = 1
_SHOWN_CHARS: Final = 200
"""How much of an instruction and of a response a list may show."""
_SCHEMA: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE passages (
    id TEXT PRIMARY KEY, document_id TEXT, source TEXT, start INTEGER, "end" INTEGER,
    page INTEGER, heading TEXT, part INTEGER, row INTEGER
) WITHOUT ROWID;
CREATE TABLE rows (
    place INTEGER PRIMARY KEY, id TEXT, document_id TEXT, source TEXT, passage TEXT, kind TEXT,
    score REAL, fate TEXT, "by" TEXT, reason TEXT, asks TEXT, answers TEXT, draft TEXT,
    part INTEGER, row INTEGER, kept_part INTEGER, kept_row INTEGER
);
"""
_INDICES: Final = """
CREATE UNIQUE INDEX by_id ON rows (id);
CREATE INDEX by_source ON rows (source, place);
CREATE INDEX by_kind ON rows (kind, place);
CREATE INDEX by_reason ON rows (reason, place);
CREATE INDEX by_fate ON rows (fate, place);
ANALYZE;
"""
_PASSAGE: Final = "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROW: Final = f"INSERT INTO rows VALUES ({', '.join('?' * 17)})"


class _Curated(NamedTuple):
    """Where a curated task lies, and its score."""

    score: float | None
    part: int
    row: int


def key(run: Run) -> str:
    """What an index of `run` hangs on.

    Raises:
        RecipeError: If the run has not been curated.
    """
    keys = [run.stage(verb).manifest.get("key") for verb in ("ingest", "generate", "curate")]
    if not all(keys):
        raise RecipeError(
            f"{run.folder}: has not been curated, so there is nothing to review; "
            f"run: katsuo curate {run.named}"
        )
    return key_of("review index", _EDITION, *keys)


def built(run: Run) -> Path:
    """The index of `run`, made if there is none of the stages as they are now.

    Whoever asks while another makes it waits for that one.

    Raises:
        RecipeError: If the run has not been curated.
    """
    path = run.folder / FILE
    # One at a time: two tabs, or two people's pages, find the stages made anew at once.
    with FileLock(run.folder / f"{FILE}.lock"):
        wanted = key(run)
        if _key_of(path) != wanted:
            _make(run, path, wanted)
    return path


@contextmanager
def opened(path: Path, beside: Path) -> Iterator[sqlite3.Connection]:
    """The index, read only; decisions in the file `beside`, if there is one, as `decided`."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        if beside.is_file():
            database.execute("ATTACH ? AS decided", (f"{beside.resolve().as_uri()}?mode=ro",))
        else:
            database.execute("ATTACH ':memory:' AS decided")
            database.execute(
                "CREATE TABLE decided.decisions (task_id TEXT PRIMARY KEY, draft TEXT, "
                "verdict TEXT, instruction TEXT)"
            )
        yield database
    finally:
        database.close()


def _make(run: Run, path: Path, wanted: str) -> None:
    unfinished = path.with_name(f"{FILE}.partial")
    unfinished.unlink(missing_ok=True)
    database = sqlite3.connect(unfinished, isolation_level=None)
    try:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        database.execute("BEGIN")
        _fill(database, run)
        database.execute("INSERT INTO facts SELECT fate, COUNT(*) FROM rows GROUP BY fate")
        database.execute("INSERT INTO facts VALUES ('key', ?)", (wanted,))
        database.execute("COMMIT")
        database.executescript(_INDICES)
    finally:
        database.close()
    unfinished.replace(path)


def _key_of(path: Path) -> str:
    if not path.is_file():
        return ""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        with suppress(sqlite3.DatabaseError):  # not one of ours: it is made anew
            row = database.execute("SELECT value FROM facts WHERE name = 'key'").fetchone()
            return str(row[0]) if row else ""
    finally:
        database.close()
    return ""


def _fill(database: sqlite3.Connection, run: Run) -> None:
    sources: dict[str, str] = {}
    passages: dict[str, str] = {}
    for part, row, found in _rows(run.stage("ingest"), _PASSAGE_COLUMNS):
        sources[found["document_id"]] = found["source"]
        passages[found["id"]] = found["document_id"]
        database.execute(_PASSAGE, (*(found[name] for name in _PASSAGE_COLUMNS), part, row))
    curated = {
        found["id"]: _Curated(score=_score(found["scores"]), part=part, row=row)
        for part, row, found in _rows(run.stage("curate"), ("id", "scores"))
    }
    gone = {line["item_id"]: line for line in _lines(run.stage("curate"))}
    drafts = _rows(run.stage("generate"), None)
    for place, (part, row, found) in enumerate(drafts, start=1):
        task = tables.task_of(found)
        there = curated.get(task.id)
        line = gone.get(task.id, {"by": "", "reason": ""})
        outside = task.instruction.replace(task.context.strip(), " ")
        database.execute(
            _ROW,
            (
                place, task.id, task.document_id, sources.get(task.document_id, ""),
                task.context_id, task.name or task.type.value, there.score if there else None,
                KEPT if there else DROPPED, line["by"], line["reason"], _begin(outside),
                _begin(task.response), draft_digest(task), part, row,
                there.part if there else None, there.row if there else None,
            ),
        )  # fmt: skip
    _fill_unread(database, run, passages, sources)


def _fill_unread(
    database: sqlite3.Connection, run: Run, passages: dict[str, str], sources: dict[str, str]
) -> None:
    """The drafts that are no tasks, behind the others; each knows its passage by its id."""
    lines = list(_lines(run.stage("generate")))
    (place,) = database.execute("SELECT COALESCE(MAX(place), 0) FROM rows").fetchone()
    about: dict[str, str] = {}
    if lines:
        wanted = {line["item_id"] for line in lines}
        manifest = run.stage("generate").manifest
        for id_ in passages:
            asked = drafts_of(manifest, id_) | labelled_of(manifest, id_)
            about |= dict.fromkeys(asked & wanted, id_)
    for number, line in enumerate(lines, start=place + 1):
        passage = about.get(line["item_id"], "")
        document = passages.get(passage, "")
        database.execute(
            "INSERT OR IGNORE INTO rows " + _ROW.split("rows ", 1)[1],
            (
                number, line["item_id"], document, sources.get(document, ""), passage, "", None,
                UNREAD, line["by"], line["reason"], _begin(line["excerpt"]), "", "", None, None,
                None, None,
            ),
        )  # fmt: skip


_PASSAGE_COLUMNS: Final = ("id", "document_id", "source", "start", "end", "page", "heading")


def _rows(
    stage: StageFolder, columns: tuple[str, ...] | None
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Number of the part, number of the row in it, and the row."""
    for part, path in enumerate(stage.parts()):
        with pq.ParquetFile(path) as file:
            row = 0
            for batch in file.iter_batches(tables.ROW_GROUP, columns=columns):
                for found in batch.to_pylist():
                    yield part, row, found
                    row += 1


def _lines(stage: StageFolder) -> Iterator[dict[str, Any]]:
    for path in stage.dropped_parts():
        yield from tables.read(path)


def _score(scores: list[tuple[str, float]] | None) -> float | None:
    if not scores:
        return None
    product = 1.0
    for _, value in scores:
        product *= value
    return product


def _begin(text: str) -> str:
    return " ".join(text[: 20 * _SHOWN_CHARS].split())[:_SHOWN_CHARS]
