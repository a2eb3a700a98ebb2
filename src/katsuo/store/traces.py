"""Where on the disk can one of many sentences still be read?

Every form that katsuo writes is looked into as a reader sees it: the columns of
Parquet files decoded, JSON and HTML without their escapes, databases row by row,
anything else as bytes. Only words matter, neither signs nor white space nor case.
Thousands of sentences cost no more than one: the first words of each are looked up.
"""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Container, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from katsuo.errors import DataError
from katsuo.store import tables
from katsuo.words import words

_DATABASES: Final = (".sqlite", ".sqlite3", ".db")
_DOCUMENT: Final = "document_id"
"""The column that names the document of a row."""
_CHUNK_BYTES: Final = 1 << 24
_TAIL_CHARS: Final = 1 << 14
"""More than `_MOST_WORDS` words take in any form."""
_KEY_WORDS: Final = 3
"""So many first words are looked up; every sentence has as many."""
_MOST_WORDS: Final = 40
"""A longer sentence is known by its beginning."""
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|[nrt\"\\/])")


class Wanted:
    """Sentences that are looked for."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._by_start: dict[tuple[str, ...], list[tuple[list[str], str]]] = {}
        for sentence in sentences:
            wanted = words(sentence)[:_MOST_WORDS]
            assert len(wanted) >= _KEY_WORDS, "a shorter sentence could be anybody's"
            held = self._by_start.setdefault(tuple(wanted[:_KEY_WORDS]), [])
            held.append((wanted, sentence))

    def found_in(self, text: str) -> Iterator[str]:
        """The sentences that stand in `text`, as often as they do."""
        said = words(text)
        starts = zip(*(islice(said, place, None) for place in range(_KEY_WORDS)), strict=False)
        for at, start in enumerate(starts):
            for wanted, sentence in self._by_start.get(start, ()):
                if said[at : at + len(wanted)] == wanted:
                    yield sentence


def traces(folder: Path, wanted: Wanted) -> Iterator[tuple[Path, str]]:
    """Files below `folder` that hold one of the sentences, each with the first one found in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found = next((one for text in _texts(path) for one in wanted.found_in(text)), None)
            if found is not None:
                yield path, found


def rows_about(folder: Path, documents: Container[str]) -> Iterator[Path]:
    """Parquet files below `folder` with a row about one of `documents`, whatever it says."""
    for path in sorted(folder.rglob("*.parquet")):
        if path.is_file() and not path.is_symlink() and _is_about(path, documents):
            yield path


def _is_about(path: Path, documents: Container[str]) -> bool:
    with pq.ParquetFile(path) as file:
        if _DOCUMENT not in file.schema_arrow.names:
            return False
        batches = file.iter_batches(columns=[_DOCUMENT])
        return any(id_ in documents for batch in batches for id_ in batch[_DOCUMENT].to_pylist())


def _texts(path: Path) -> Iterator[str]:
    """What can be read in a file, piece by piece."""
    if path.suffix == ".parquet":
        for row in tables.rows_of(path):
            yield from _strings(row)
    elif path.suffix in _DATABASES:
        yield from _database(path)
    else:
        yield from _plainly(path)


def _plainly(path: Path) -> Iterator[str]:
    """The file as text; pieces overlap, so that no sentence falls between two."""
    tail = ""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            text = tail + chunk.decode("utf-8", "ignore")
            yield text
            yield html.unescape(_unescaped(text))
            tail = text[-_TAIL_CHARS:]


def _unescaped(text: str) -> str:
    r"""`text` with the escapes of JSON as the signs that they stand for: \n, \", \u00e9."""
    return _ESCAPE.sub(lambda found: _sign(found[1]), text) if "\\" in text else text


def _sign(escape: str) -> str:
    if escape.startswith("u"):
        return chr(int(escape[1:], 16))
    return " " if escape in "nrt" else escape


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 -- whatever a column holds
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "ignore")


def _database(path: Path) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            named = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in named.fetchall():
                quoted = str(name).replace('"', '""')
                for row in database.execute(f'SELECT * FROM "{quoted}"'):
                    yield from _strings(list(row))
    except sqlite3.Error as error:
        raise DataError(f"{path}: cannot be read as a database ({error})") from error
