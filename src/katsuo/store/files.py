"""Files that are whole or absent: write to a temporary name, sync, rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from katsuo.errors import RecipeError


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """The place of a file to write; it becomes `path` when the block ends, and nothing on failure.

    An error of the disk names `path`: what is written to an open file does not say which it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace the file `path` by `text`, in one step."""
    with (
        appearing(path) as unfinished,
        unfinished.open("w", encoding="utf-8", errors="replace", newline="") as file,
    ):
        file.write(text)


def write_json(path: Path, value: object, *, indent: int | None = 1) -> None:
    """Replace the file `path` by `value` as JSON, keys in the order given."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def read_json(path: Path) -> dict[str, object] | None:
    """The JSON object in the file `path`, or None where there is no whole one."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(path: Path, *, synced: bool = False) -> Iterator[Path]:
    """A folder to fill; it becomes `path` when the block ends, and nothing when it fails.

    When `path` exists by then, another process was faster with the same work and its folder stays.

    Args:
        path: Of the whole folder.
        synced: Whether all that is put there has been brought to the disk by who put it, as the
            writers of this room do; to sync a file again costs as much as the first time.
    """
    for stale in path.parent.glob(f".{path.name}.*.partial"):
        if not _lives(stale.suffixes[-2]):
            shutil.rmtree(stale, ignore_errors=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if not synced:
            sync(unfinished)
        if path.exists():
            shutil.rmtree(unfinished)
        else:
            unfinished.replace(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _lives(suffix: str) -> bool:
    """Whether another process with the number in `suffix` is at work; a killed one is not."""
    number = suffix.removeprefix(".")
    if not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync(folder: Path) -> None:
    """Bring every file of `folder` to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file, all or none."""
    try:
        shutil.copyfile(source, target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def link(source: Path, target: Path) -> None:
    """Make `target` refer to the bytes of `source`: a hard link, or a copy across file systems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.partial")
    unfinished.unlink(missing_ok=True)
    try:
        os.link(source, unfinished)
    except OSError:
        _copy(source, unfinished)
    # Renaming one hard link onto another of the same file does nothing, by POSIX.
    unfinished.replace(target)
    unfinished.unlink(missing_ok=True)


def check_vacant(path: Path) -> None:
    """Check that a new folder may appear at `path`: an empty one gives way, a link does not.

    Raises:
        RecipeError: If something stands there.
    """
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise RecipeError(f"{path}: is there already; name a new folder with --out")


def make_room(path: Path) -> None:
    """Make the folders around `path`, and take an empty one there away.

    Raises:
        RecipeError: If something around it is no folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        raise RecipeError(
            f"{path}: no folder can be made there ({error.filename}: {error.strerror}); name "
            "another place with --out"
        ) from error
    if path.exists():
        path.rmdir()  # empty; a folder that is there counts as made by another process
