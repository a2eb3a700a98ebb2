"""How does a folder travel where only small files may?

    folder ──split──▶ piece-000  piece-001  …  SHA256SUMS ──join──▶ the same folder

The pieces one behind the other are a tar file, so `sha256sum -c SHA256SUMS` and
`cat piece-* | tar -x` do the same on a machine that has no katsuo.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final, cast

from katsuo.errors import DataError, RecipeError
from katsuo.store.files import new_folder, sha256, write_text

SUMS: Final = "SHA256SUMS"
"""Written last: a parcel without it is not whole."""
_PIECE: Final = "piece-"


def files_in(folder: Path) -> dict[str, Path]:
    """Relative path -> file, for every file below `folder` whose name begins with no dot.

    Raises:
        DataError: If there is none.
    """
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    if not found:
        raise DataError(f"{folder}: no such folder, or no file in it")
    return found


def split(files: Mapping[str, Path], into: Path, piece_bytes: int) -> list[Path]:
    """Write the parcel of `files` into the folder `into`; its pieces, in order.

    The same files give the same bytes. An earlier parcel there is replaced.

    Args:
        files: Path within the parcel -> file.
        into: Folder of the parcel; made where it is missing.
        piece_bytes: Most bytes of a piece.
    """
    into.mkdir(parents=True, exist_ok=True)
    for stale in (into / SUMS, *into.glob(f"{_PIECE}*")):
        stale.unlink(missing_ok=True)
    with (
        closing(_Pieces(into, piece_bytes)) as pieces,
        tarfile.open(fileobj=cast(IO[bytes], pieces), mode="w|") as archive,
    ):
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    write_text(into / SUMS, "".join(f"{sum_}  {path.name}\n" for path, sum_ in pieces.sums.items()))
    return list(pieces.sums)


def join(parcel: Path, into: Path) -> None:
    """Make the new folder `into` of the parcel in the folder `parcel`, whole or not at all.

    Raises:
        DataError: If a piece is missing or damaged.
        RecipeError: If `into` is there already.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise RecipeError(f"{into}: is there already; name a new folder")
    paths = _checked(parcel)
    if into.exists():
        into.rmdir()  # empty; a folder that is there counts as made by another process
    with (
        new_folder(into) as folder,
        closing(_Joined(paths)) as pieces,
        tarfile.open(fileobj=cast(IO[bytes], pieces), mode="r|") as archive,
    ):
        archive.extractall(folder, filter="data")  # which refuses what would leave the folder


def _checked(parcel: Path) -> list[Path]:
    """The pieces of a parcel, in order, each with the sum that it must have."""
    try:
        lines = (parcel / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(
            f"{parcel}: no {SUMS}; name the folder that katsuo parcel split has written"
        ) from None
    paths = []
    for line in lines:
        wanted, _, name = line.partition("  ")
        path = parcel / name
        if Path(name).name != name or not path.is_file():
            raise DataError(f"{path}: is missing; bring this piece, too")
        if sha256(path) != wanted:
            raise DataError(
                f"{path}: is damaged or cut off (its sha256 is another); bring it again"
            )
        paths.append(path)
    return paths


class _Pieces:
    """A file to write that is several: a new piece begins where one is full."""

    def __init__(self, folder: Path, piece_bytes: int) -> None:
        self.sums: dict[Path, str] = {}
        self._folder, self._left, self._piece_bytes = folder, 0, piece_bytes
        self._file: IO[bytes] | None = None
        self._sum = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            if self._file is None:
                self._file = (self._folder / f"{_PIECE}{len(self.sums):03d}").open("wb")
                self._left, self._sum = self._piece_bytes, hashlib.sha256()
            part, rest = rest[: self._left], rest[self._left :]
            self._file.write(part)
            self._sum.update(part)
            self._left -= len(part)
            if not self._left:
                self.close()
        return len(data)

    def close(self) -> None:
        """End the piece at hand, if there is one."""
        if self._file is not None:
            self._file.close()
            self.sums[Path(self._file.name)] = self._sum.hexdigest()
            self._file = None


class _Joined:
    """A file to read that is several, one behind the other."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = list(paths)
        self._file: IO[bytes] | None = None

    def read(self, n_bytes: int) -> bytes:
        """The next `n_bytes`, or what is left."""
        parts = []
        while n_bytes:
            if self._file is None:
                if not self._paths:
                    break
                self._file = self._paths.pop(0).open("rb")
            part = self._file.read(n_bytes)
            if not part:
                self.close()
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the file at hand, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
