"""A table to documents: which rows hold text?

One document per row, streamed, with the source `path#row`; rows are counted
from 1 (lines, for jsonl). A row without text leaves a ledger line, and the
others go on.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final, TextIO

from katsuo.errors import RecipeError
from katsuo.readers.limits import DEFAULT
from katsuo.readers.plain import encoding_of_file, normalised
from katsuo.readers.refusals import RefusedError, refusal, shown
from katsuo.types import Document, Dropped

_SEPARATORS: Final = (",", ";", "\t")
_TOLD_SEPARATOR: Final = re.compile(r"\s*\"?sep=(.)\"?", re.IGNORECASE)
_BATCH_ROWS: Final = 256
_HEAD_ROWS: Final = 16
"""Of JSON Lines, whose names are the columns: a row may leave out what it does not know."""
_LONGEST_FIELD: Final = 2**31 - 1
_LIMIT: Final = Lock()
"""Held while the limit of the csv module, which is the whole process's, is ours."""
_MARKS: Final = ("dataset_info.json", "state.json"), ("dataset_dict.json",)
"""Files that make a folder a saved dataset: all of one group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that can be walked."""

    source: str
    columns: tuple[str, ...]
    values: Callable[[str], Iterator[tuple[int, object]]]
    """Row numbers and the values of the column with this name; an error is a broken row."""


def is_dataset(folder: Path) -> bool:
    """Whether `folder` is a dataset that was saved to disk."""
    try:
        return any(all((folder / name).is_file() for name in group) for group in _MARKS)
    except OSError:
        return False  # what may not be looked into is no dataset to us


def documents(
    path: Path, form: str, text_column: str | None, most_bytes: int = DEFAULT.max_bytes
) -> Iterator[Document | Dropped]:
    """The rows of the table at `path` as documents.

    Raises:
        RecipeError: If `text_column` is missing or names no column of the table.
        RefusedError: If the table has no row, or a line of text has more than `most_bytes`.
    """
    n_rows = 0
    for table in _TABLES[form](path, most_bytes):
        column = _column(table, text_column)
        for number, value in table.values(column):
            n_rows += 1
            source = f"{table.source}#{number}"
            text = normalised(value) if isinstance(value, str) else ""
            if text.strip():
                yield Document.of(text=text, source=source)
            else:
                yield refusal(source, form, _fault(column, value))
    if not n_rows:
        raise RefusedError("no-text-found", "the table has no rows")


def _column(table: Table, text_column: str | None) -> str:
    if text_column in table.columns:
        return text_column
    found = shown(", ".join(table.columns))
    if text_column is None:
        raise RecipeError(
            f"{table.source}: a table needs the setting ingest.text_column, "
            f"the column that holds the text; found {found}"
        )
    raise RecipeError(
        f"{table.source}: ingest.text_column is {text_column!r}, but the columns are {found}"
    )


def _fault(column: str, value: object) -> RefusedError:
    if isinstance(value, RefusedError):
        return value
    if isinstance(value, str) or value is None:
        return RefusedError("no-text-found", f"{column} is empty")
    return RefusedError("no-text-found", f"{column} holds {type(value).__name__}, not text")


def _lines(file: TextIO, most_bytes: int) -> Iterator[str]:
    """The lines of `file`; a file of one endless line is not held in memory."""
    while line := file.readline(most_bytes + 1):
        if len(line) > most_bytes:
            raise RefusedError(
                "row-too-large",
                f"a line is longer than {most_bytes / 2**20:,.0f} MiB (ingest.max_file_mib); "
                "is it a table of texts?",
            )
        yield line


def _csv(path: Path, most_bytes: int) -> Iterator[Table]:
    encoding = encoding_of_file(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        separator = _begun(file, most_bytes)
        rows = _rows(_lines(file, most_bytes), separator, most_bytes)
        columns = tuple(name.strip() for name in next(rows, []))

        def values(column: str) -> Iterator[tuple[int, object]]:
            place = columns.index(column)
            filled = (row for row in rows if row)
            for number, row in enumerate(filled, 1):
                yield number, _cell(row, place, len(columns))

        yield Table(source=shown(path), columns=columns, values=values)


def _begun(file: TextIO, most_bytes: int) -> str:
    """What stands between cells; leaves `file` at the names of its columns.

    Empty lines may stand before them, and so may `sep=;`, which spreadsheets write and read.
    """
    told, head, at = "", "", file.tell()
    for line in _lines(file, most_bytes):
        if found := _TOLD_SEPARATOR.fullmatch(line.strip("\r\n")):
            told = found[1]
        elif line.strip():
            head = line
            break
        at = file.tell()
    file.seek(at)
    return told or max(_SEPARATORS, key=head.count)


def _cell(row: list[str], place: int, n_columns: int) -> str | RefusedError | None:
    """The cell at `place`; where a text was cut at its own separators, nobody knows which it is."""
    if any(cell.strip() for cell in row[n_columns:]):
        return RefusedError(
            "row-damaged",
            f"the row has {len(row)} cells and the table {n_columns} columns; put quotes around a "
            "text that holds the separator",
        )
    return row[place] if place < len(row) else None


def _rows(lines: Iterator[str], separator: str, most_bytes: int) -> Iterator[list[str]]:
    rows = csv.reader(lines, delimiter=separator)
    while True:
        with _long_fields(most_bytes):
            row = next(rows, None)
        if row is None:
            return
        yield row


@contextmanager
def _long_fields(most_chars: int) -> Iterator[None]:
    """The library stops at 131,072 characters a field, which is a short document for us."""
    with _LIMIT:
        earlier = csv.field_size_limit(min(most_chars, _LONGEST_FIELD))
        try:
            yield
        finally:
            csv.field_size_limit(earlier)


def _jsonl(path: Path, most_bytes: int) -> Iterator[Table]:
    encoding = encoding_of_file(path)

    def lines() -> Iterator[tuple[int, dict[str, Any] | RefusedError]]:
        with path.open(encoding=encoding, errors="replace", newline="\n") as file:
            for number, line in enumerate(_lines(file, most_bytes), 1):
                if line.strip():
                    yield number, _object(line)

    objects = (row for _, row in lines() if isinstance(row, dict))
    heads = list(islice(objects, _HEAD_ROWS))
    if not heads:
        raise RefusedError("file-damaged", "no line is a JSON object")
    columns = dict.fromkeys(str(name) for row in heads for name in row)

    def values(column: str) -> Iterator[tuple[int, object]]:
        for number, row in lines():
            yield number, row.get(column) if isinstance(row, dict) else row

    yield Table(source=shown(path), columns=tuple(columns), values=values)


def _object(line: str) -> dict[str, Any] | RefusedError:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return RefusedError("row-damaged", str(error))
    if isinstance(row, dict):
        return row
    return RefusedError("row-damaged", f"the line is {type(row).__name__}, not a JSON object")


def _parquet(path: Path, _: int) -> Iterator[Table]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:

        def values(column: str) -> Iterator[tuple[int, object]]:
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[column]):
                for value in batch.column(0).to_pylist():
                    number += 1
                    yield number, value

        yield Table(source=shown(path), columns=tuple(file.schema_arrow.names), values=values)


def _dataset(path: Path, _: int) -> Iterator[Table]:
    import datasets

    loaded = datasets.load_from_disk(str(path))
    if not isinstance(loaded, datasets.DatasetDict):
        yield _split(shown(path), loaded)
        return
    for name in loaded:
        yield _split(shown(path / name), loaded[name])


def _split(source: str, rows: Any) -> Table:  # noqa: ANN401 -- the library has no types
    def values(column: str) -> Iterator[tuple[int, object]]:
        for number, row in enumerate(rows.select_columns([column]), 1):
            yield number, row[column]

    return Table(source=source, columns=tuple(rows.column_names), values=values)


_TABLES: Final[Mapping[str, Callable[[Path, int], Iterator[Table]]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "dataset": _dataset,
}
