"""Files to documents: what is there to read, and what does it say?

    paths ──files──▶ one path per file ──read──▶ Document | Dropped

A file that cannot be read never stops the road: it leaves one ledger line that
says why, in a slug, and what the library said. Libraries are loaded when the
first file needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from katsuo.errors import KatsuoError, RecipeError
from katsuo.privacy import switch_telemetry_off
from katsuo.readers import office, pdf, plain, tables
from katsuo.readers.refusals import RefusedError, refusal
from katsuo.types import Document, Dropped

switch_telemetry_off()  # before any library of these rooms is imported

_WHOLE: Final[Mapping[str, Callable[[Path], plain.Reading]]] = {
    "pdf": pdf.read,
    "docx": office.docx,
    "pptx": office.pptx,
    "html": office.html,
    "epub": office.epub,
    "md": plain.read,
    "txt": plain.read,
}
_SUFFIXES: Final = {
    **{f".{form}": form for form in _WHOLE},
    ".htm": "html",
    ".markdown": "md",
    ".text": "txt",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
"""Formats by the end of the name, in any letter case."""


def files(paths: Sequence[Path]) -> list[Path]:
    """The files under `paths`, in their order; the files of a folder are sorted.

    Hidden files and the lock files of Office are left out, a saved dataset is
    one file, and no folder is walked twice, so links may form circles. A file
    of unknown format is in the list: reading it leaves a ledger line.

    Raises:
        RecipeError: If a path does not exist.
    """
    found: dict[Path, None] = {}
    walked: set[Path] = set()
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise RecipeError(f"ingest.paths: {path} does not exist; name files or folders")
        found.update(dict.fromkeys(_under(path, walked)))
    return list(found)


def read(path: Path, *, text_column: str | None) -> Iterator[Document | Dropped]:
    """The documents of the file at `path`: one, or one per row of a table, streamed.

    A file that cannot be read gives exactly one `Dropped`; tables may give one
    for a row, too.

    Raises:
        RecipeError: If a table has no column `text_column`.
    """
    form = _form(path)
    try:
        yield from _documents(path, form, text_column)
    except (KatsuoError, ImportError, MemoryError):
        raise  # not the file's fault
    except Exception as error:  # noqa: BLE001 -- whatever a library raises about a bad file
        yield refusal(path, form, error)


def _under(path: Path, walked: set[Path]) -> Iterator[Path]:
    if not path.is_dir() or tables.is_dataset(path):
        yield path
        return
    real = path.resolve()
    if real in walked:
        return
    walked.add(real)
    try:
        inside = sorted(path.iterdir())
    except OSError:
        yield path  # reading it says why
        return
    for each in inside:
        if not each.name.startswith((".", "~$")) and _is_readable_kind(each):
            yield from _under(each, walked)


def _is_readable_kind(path: Path) -> bool:
    """Whether `path` is a file, a folder or a broken link, and no pipe or device."""
    return path.is_file() or path.is_dir() or path.is_symlink()


def _form(path: Path) -> str:
    """The name of the format, which is the name of its reader."""
    if path.is_dir() and tables.is_dataset(path):
        return "dataset"
    return _SUFFIXES.get(path.suffix.casefold(), "readers")


def _documents(path: Path, form: str, text_column: str | None) -> Iterator[Document | Dropped]:
    if path.is_dir() and form != "dataset":
        next(path.iterdir(), None)
    elif path.stat().st_size == 0:
        raise RefusedError("file-empty", "the file has no bytes")
    if form == "readers":
        known = ", ".join(sorted(_SUFFIXES))
        raise RefusedError("format-unknown", f"no reader for {path.suffix!r}; known are {known}")
    if form not in _WHOLE:
        yield from tables.documents(path, form, text_column)
        return
    reading = _WHOLE[form](path)
    if not reading.text.strip():
        raise RefusedError("no-text-found", "the file holds nothing but white space")
    yield Document.of(text=reading.text, source=str(path), page_starts=reading.page_starts)
