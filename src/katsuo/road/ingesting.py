"""Files to contexts: one cell per file, then one pass that cuts the shards.

A cell holds the passages of one file, so an unchanged file is never read
again. The pass over all cells drops repeated passages and cuts shards at
documents: where a shard ends follows from the documents in it, so an edited
document moves the borders of its neighbourhood only.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from katsuo import engines, readers
from katsuo.errors import RecipeError
from katsuo.protocols import Hear
from katsuo.readers.apart import Apart
from katsuo.readers.refusals import shown
from katsuo.recipe import expand
from katsuo.road.errands import Errand, done
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.sections.making import SHARD_PASSAGES
from katsuo.stages.ingest import IngestSettings, Seen, contexts_of
from katsuo.store import tables
from katsuo.store.files import new_folder, sha256, write_json
from katsuo.store.runs import Cell, StageFolder
from katsuo.store.tombstones import forgotten
from katsuo.types import EXCERPT_CHARS, Context, Document, Dropped

_LEAST: Final = 3 / 8
"""Share of a full shard that a shard has before a document may end it: fewer fill no engine."""
_CUT_EVERY: Final = 4
"""One document in so many ends a shard that has its least."""

Row = dict[str, Any]
Cut = Callable[[Document], Iterator[Context | Dropped]]
"""A document to its passages."""


def ingest(trip: Trip) -> None:
    """Take the stage `ingest`."""
    recipe = trip.recipe
    cells = _keys(trip)
    target = engines.find(recipe.adapt.base)
    gone = forgotten(trip.run.home)
    # Without forgotten documents or other shards, keys are as they were before there could be any.
    size = recipe.ingest.shard_passages
    later = [each for each in (gone, {"shard": size} if size != SHARD_PASSAGES else None) if each]
    key = key_of("ingest", list(cells.values()), recipe.limit, *later)

    def work(folder: StageFolder) -> dict[str, Any]:
        seconds = _fill(trip, cells, target)
        counts = Counts(unit="passage")
        n_documents = assemble(trip, folder, list(cells.values()), counts)
        return {
            "settings": recipe.ingest.model_dump(mode="json"),
            "inputs": {shown(path): key for path, key in cells.items()},
            "counts": counts.facts,
            "n_documents": n_documents,
            "seconds": seconds,
        }

    trip.stage("ingest", key, work)


def files_of(trip: Trip) -> list[Cell]:
    """Where the passages of every file lie, or will."""
    keys = _keys(trip)
    return [trip.run.cell("ingest", key) for key in keys.values()]


def _keys(trip: Trip) -> dict[Path, str]:
    """Every file with the key of its cell."""
    asked = trip.recipe.ingest
    if not asked.paths:
        raise RecipeError("ingest.paths is empty; name the files and folders to read")
    files = readers.files(expand(asked.paths, "ingest.paths"))
    target = engines.find(trip.recipe.adapt.base)
    return {
        path: key_of("ingest", str(path), _sha256(path), asked.stated, target.sha256)
        for path in files
    }


def _fill(trip: Trip, cells: dict[Path, str], target: engines.Named) -> float:
    """Make every cell that is missing; seconds of all of them, earlier processes included."""
    duty = _Reading(errand=Errand.of(trip), target=target)
    seconds = 0.0
    files = list(cells.items())
    for number, cell in enumerate(done(trip, duty, files, partial(_known, trip))):
        seconds += cell.facts["seconds"]
        note = shown(files[number][0])
        trip.listen(
            Event(stage="ingest", done=number + 1, total=len(cells), unit="file", note=note)
        )
    return seconds


def _known(trip: Trip, file: tuple[Path, str]) -> Cell | None:
    cell = trip.run.cell("ingest", file[1])
    return cell if cell.done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Implements `Duty`: the passages of one file, whose cell has the key beside it."""

    errand: Errand
    target: engines.Named
    """The model whose tokens count."""

    def named(self, shard: tuple[Path, str], /) -> str:
        """The file."""
        return shown(shard[0])

    def open(self, say: Hear) -> Callable[[tuple[Path, str]], Cell]:
        """The work; the tokenizer is opened at the first file."""
        trip = self.errand.trip(say)
        asked = trip.recipe.ingest
        settings = IngestSettings(max_tokens=asked.max_tokens, min_words=asked.min_words)
        tokenizer = cache(lambda: engines.tokenizer_of(self.target))
        reader = Apart(asked.limits)

        def work(file: tuple[Path, str]) -> Cell:
            path, key = file
            cell = trip.run.cell("ingest", key)
            if not cell.done:
                items = reader.read(path, text_column=asked.text_column)
                cut = partial(contexts_of, settings=settings, tokenizer=tokenizer())
                _fill_cell(cell, items, trip, cut)
            return cell

        return work


def _fill_cell(cell: Cell, items: Iterable[Document | Dropped], trip: Trip, cut: Cut) -> None:
    """Write the passages of one file, which holds `items`."""
    began = time.monotonic()
    lines: list[Dropped] = []
    n_documents = 0
    gone = frozenset(forgotten(trip.run.home))

    def rows() -> Iterator[Row]:
        nonlocal n_documents
        for document in items:
            if isinstance(document, Dropped):
                lines.append(document)
                continue
            if document.id in gone:
                lines.append(forgotten_line(document.id))
                continue
            n_documents += 1
            for item in cut(document):
                if isinstance(item, Dropped):
                    lines.append(item)
                else:
                    yield tables.context_row(item, document.source)

    with new_folder(cell.folder, synced=True) as folder:
        tables.write(folder / "rows.parquet", tables.CONTEXTS, rows())
        tables.write(folder / "dropped.parquet", tables.DROPPED, map(tables.dropped_row, lines))
        seconds = round(time.monotonic() - began, 3)
        write_json(folder / "cell.json", {"n_documents": n_documents, "seconds": seconds})


def forgotten_line(document_id: str) -> Dropped:
    """The ledger line of a document that must not be read: it says nothing of it."""
    return Dropped(item_id=document_id, stage="ingest", by="corpus", reason="document-forgotten")


def assemble(trip: Trip, folder: StageFolder, keys: list[str], counts: Counts) -> int:
    """Write the shards of the stage into `folder` from the cells; the number of documents."""
    turned_away: list[Dropped] = []
    n_documents = 0

    def kept() -> Iterator[Row]:
        nonlocal n_documents
        seen = Seen()
        for key in keys:
            cell = trip.run.cell("ingest", key)
            n_documents += cell.facts["n_documents"]
            turned_away.extend(map(tables.dropped_of, tables.read(cell.folder / "dropped.parquet")))
            for row in tables.read(cell.folder / "rows.parquet"):
                reason = _reason(row, seen, counts, trip.recipe.limit)
                if reason:
                    turned_away.append(_dropped(tables.context_of(row), reason))
                else:
                    counts.keep()
                    yield row

    for number, shard in enumerate(shards(kept(), trip.recipe.ingest.shard_passages)):
        tables.write(folder.part(number), tables.CONTEXTS, shard)
        tables.write(folder.dropped(number), tables.DROPPED, _drained(turned_away, counts))
    if turned_away:  # what the last file turned away, behind the last shard
        number = len(folder.parts())
        tables.write(folder.dropped(number), tables.DROPPED, _drained(turned_away, counts))
    return n_documents


def shards(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    """Rows of contexts in shards of `most` at most, cut by document, in order."""
    shard: list[Row] = []
    for document_id, group in groupby(rows, key=lambda row: str(row["document_id"])):
        for row in group:
            shard.append(row)
            if len(shard) == most:
                yield shard
                shard = []
        if len(shard) >= max(1, int(most * _LEAST)) and int(document_id, 16) % _CUT_EVERY == 0:
            yield shard
            shard = []
    if shard:
        yield shard


def _reason(row: Row, seen: Seen, counts: Counts, limit: int | None) -> str:
    if not seen.first(row["text"]):
        return "passage-repeated"
    return "over-limit" if limit is not None and counts.passed >= limit else ""


def _dropped(context: Context, reason: str) -> Dropped:
    return Dropped(
        item_id=context.id,
        stage="ingest",
        by="corpus",
        reason=reason,
        excerpt=context.text[:EXCERPT_CHARS],
    )


def _drained(lines: list[Dropped], counts: Counts) -> list[dict[str, Any]]:
    counts.drop(lines)
    rows = [tables.dropped_row(line) for line in lines]
    lines.clear()
    return rows


def _sha256(path: Path) -> str:
    """Of a file, or of the files of a dataset folder and their places; empty if unreadable."""
    try:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            places = [f"{p.relative_to(path).as_posix()}:{sha256(p)}" for p in inside]
            return hashlib.sha256("".join(places).encode("utf-8", "surrogateescape")).hexdigest()
        return sha256(path) if path.is_file() else ""  # a pipe would never end
    except OSError:
        return ""
