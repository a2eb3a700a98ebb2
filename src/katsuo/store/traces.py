"""Where on the disk can a sentence still be read?

Every form that katsuo writes is looked into as a reader sees it: the columns of
Parquet files decoded, JSON and HTML without their escapes, databases row by row,
anything else as bytes. White space does not matter.
"""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from katsuo.errors import DataError
from katsuo.store import tables

_DATABASES: Final = (".sqlite", ".sqlite3", ".db")
_CHUNK_BYTES: Final = 1 << 24
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|[nrt\"\\/])")


def traces(folder: Path, sentences: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Files below `folder` that hold one of `sentences`, each with the first one found in it."""
    wanted = [_plain(sentence) for sentence in sentences]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found = next((one for text in _texts(path) for one in wanted if one in text), None)
            if found is not None:
                yield path, found


def _texts(path: Path) -> Iterator[str]:
    """What can be read in a file, piece by piece."""
    if path.suffix == ".parquet":
        for row in tables.rows_of(path):
            yield from map(_plain, _strings(row))
    elif path.suffix in _DATABASES:
        yield from map(_plain, _database(path))
    else:
        yield from _plainly(path)


def _plainly(path: Path) -> Iterator[str]:
    """The file as text; pieces overlap, so that no sentence falls between two."""
    tail = ""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            text = tail + chunk.decode("utf-8", "ignore")
            yield _plain(text)
            yield _plain(html.unescape(_unescaped(text)))
            tail = text[-4096:]


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


def _plain(text: str) -> str:
    return " ".join(text.split())
