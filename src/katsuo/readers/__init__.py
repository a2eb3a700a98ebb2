"""Files to documents: what is there to read, and what does it say?

    paths ──files──▶ one path per file ──read──▶ Document | Dropped

A file that cannot be read never stops the road: it leaves one ledger line that
says why, in a slug, and what the library said. Libraries are loaded when the
first file needs them.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from katsuo.errors import KatsuoError, RecipeError
from katsuo.privacy import switch_telemetry_off
from katsuo.readers import office, pdf, plain, tables
from katsuo.readers.limits import DEFAULT, Limits
from katsuo.readers.refusals import RefusedError, refusal, shown
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
_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What a path may lead to besides files and folders; opening it may wait for ever."""
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def files(paths: Sequence[Path]) -> list[Path]:
    """The files under `paths`, in their order; the files of a folder are sorted.

    Hidden files and the lock files of Office are left out, a saved dataset is
    one file, and no folder is walked twice, so links may form circles. A file
    of unknown format, a broken link, a pipe are in the list: reading them leaves
    a ledger line. Nothing is opened but folders.

    Raises:
        RecipeError: If a path does not exist, or leads to no file or folder.
    """
    found: dict[Path, None] = {}
    walked: set[Path] = set()
    for path in paths:
        if fault := _fault(path):
            raise RecipeError(f"ingest.paths: {shown(path)} {fault}")
        found.update(dict.fromkeys(_under(path, walked)))
    return list(found)


def read(
    path: Path, *, text_column: str | None, limits: Limits = DEFAULT
) -> Iterator[Document | Dropped]:
    """The documents of the file at `path`: one, or one per row of a table, streamed.

    A file that cannot be read gives exactly one `Dropped`; tables may give one
    for a row, too. It is read in this process, which keeps to the limit of size
    alone; `apart.Apart` keeps to all of them.

    Raises:
        RecipeError: If a table has no column `text_column`.
    """
    form = form_of(path)
    try:
        yield from _documents(path, form, text_column, limits)
    except (KatsuoError, ImportError, MemoryError):
        raise  # not the file's fault
    except Exception as error:  # noqa: BLE001 -- whatever a library raises about a bad file
        yield refusal(path, form, _cause(path, error))


def _fault(path: Path) -> str:
    """Why a path that the recipe names cannot be read, or nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _ABSENT:
            return f"cannot be read ({error.strerror}); name files or folders"
        if path.is_symlink():
            return f"is {_link(path)}; name files or folders"
        return "does not exist; name files or folders"
    if kind := _KINDS.get(stat.S_IFMT(mode)):
        return f"is {kind}; only files and folders are read, so save what it gives to a file"
    return ""


def _cause(path: Path, error: Exception) -> Exception:
    """`error`, or that the file is not there: a link leads nowhere, or it went after the walk."""
    if not isinstance(error, OSError) or error.errno not in _ABSENT or path.exists():
        return error
    said = _link(path) if path.is_symlink() else "the file was gone when it was to be read"
    return RefusedError("file-missing", said)


def _link(path: Path) -> str:
    return f"a link to {shown(path.readlink())} which does not exist"


def _under(path: Path, walked: set[Path]) -> Iterator[Path]:
    if not _is_folder(path) or tables.is_dataset(path):
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
        if not each.name.startswith((".", "~$")):
            yield from _under(each, walked)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # reading it says why


def form_of(path: Path) -> str:
    """The name of the format, which is the name of its reader; `readers` where there is none."""
    if tables.is_dataset(path):
        return "dataset"
    return _SUFFIXES.get(path.suffix.casefold(), "readers")


def _documents(
    path: Path, form: str, text_column: str | None, limits: Limits
) -> Iterator[Document | Dropped]:
    found = path.stat()
    if kind := _KINDS.get(stat.S_IFMT(found.st_mode)):
        raise RefusedError("not-a-file", f"{kind}; only files and folders are read")
    if stat.S_ISDIR(found.st_mode) and form != "dataset":
        next(path.iterdir(), None)
    elif found.st_size == 0:
        raise RefusedError("file-empty", "the file has no bytes")
    if form == "readers":
        known = ", ".join(sorted(_SUFFIXES))
        raise RefusedError("format-unknown", f"no reader for {path.suffix!r}; known are {known}")
    if form not in _WHOLE:
        yield from tables.documents(path, form, text_column, limits.max_bytes)
        return
    _check_size(found.st_size, limits)
    reading = _WHOLE[form](path)
    if not reading.text.strip():
        raise RefusedError("no-text-found", "the file holds nothing but white space")
    yield Document.of(text=reading.text, source=shown(path), page_starts=reading.page_starts)


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise RefusedError(
            "file-too-large",
            f"the file has {size / 2**20:,.0f} MiB and is read whole, up to {limits.max_mib:,g} "
            "MiB (ingest.max_file_mib); split it, or save its texts as rows of a table",
        )
