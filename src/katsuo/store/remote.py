"""A run's finished stages elsewhere: on S3, or wherever else fsspec can write.

    runs/contracts/2-tasks/part-… ──publish──▶ s3://bucket/contracts/2-tasks/part-…
                   manifest.json  ───last───▶                        manifest.json
                                  ◀──fetch──

A stage is there when its manifest is. While one is under way, `unfinished.json` says of which
manifest; files of the right size that lie beside it are not sent again. So either command may be
killed at any moment and given again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from katsuo.ahead import ahead
from katsuo.errors import DataError, RecipeError
from katsuo.store.files import read_json, sha256, write_text
from katsuo.store.runs import FOLDERS

Hear = Callable[[str, int, int], None]
"""Called with a stage's folder, files sent and files in all."""
_MANIFEST: Final = "manifest.json"
_UNFINISHED: Final = "unfinished.json"
_FLAT: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})
"""Where there are no folders to be made; to make one could make a bucket."""
_AT_ONCE: Final = 8
"""Files on their way at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a command did."""

    stages: int
    """Finished stages that lie at both ends now."""
    files: int = 0
    """Files that had to travel, manifests included."""
    n_bytes: int = 0
    """Of those files, without manifests."""

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            stages=self.stages + other.stages,
            files=self.files + other.files,
            n_bytes=self.n_bytes + other.n_bytes,
        )


def publish(run: Path, url: str, hear: Hear = lambda *_: None) -> Moved:
    """Copy the finished stages of a run folder to `url`, each manifest last.

    Cells and reviews stay here.

    Raises:
        RecipeError: If there is nothing to publish, or nothing can write to such a URL.
        DataError: If the other end does not take it.
    """
    found = sorted(path.parent for path in run.rglob(_MANIFEST) if path.parent.name in _STAGES)
    if not found:
        raise RecipeError(f"{run}: no finished stage; name a run folder, such as runs/contracts")
    with _place(url) as there:
        moved = Moved(stages=0)
        for folder in found:
            moved += _published(folder, there.within(folder.relative_to(run)), hear)
        if (run / "recipe.yaml").is_file():
            there.put(run / "recipe.yaml", "recipe.yaml")
        return moved


def fetch(url: str, run: Path, hear: Hear = lambda *_: None) -> Moved:
    """Copy the stages that `publish` finished at `url` into a run folder, each manifest last.

    Raises:
        RecipeError: If nothing can read such a URL.
        DataError: If no stage lies there, or bytes are not those that a manifest states.
    """
    with _place(url) as there:
        found = [
            place for path in there.files() if (place := PurePosixPath(path)).name == _MANIFEST
        ]
        stages = sorted(place.parent for place in found if place.parent.name in _STAGES)
        if not stages:
            raise DataError(f"{url}: no finished stage lies there; katsuo publish brings them")
        moved = Moved(stages=0)
        for stage in stages:
            moved += _fetched(there.within(stage), run / _inside(str(stage), url), hear)
        if there.size("recipe.yaml") is not None and not (run / "recipe.yaml").is_file():
            there.get("recipe.yaml", run / "recipe.yaml")
        return moved


_STAGES: Final = frozenset(FOLDERS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A folder of a file system."""

    system: Any
    """As fsspec opened it."""
    root: str
    url: str

    def within(self, folder: PurePosixPath | Path) -> _Place:
        """A folder inside this one."""
        name = folder.as_posix()
        return _Place(system=self.system, root=f"{self.root}/{name}", url=f"{self.url}/{name}")

    def at(self, name: str) -> str:
        return f"{self.root}/{name}"

    def files(self) -> dict[str, int]:
        """Size of every file below, by its place; one listing, and never a remembered one."""
        self.system.invalidate_cache()
        try:
            found = self.system.find(self.root, detail=True)
        except FileNotFoundError:
            return {}
        whole = self.system._strip_protocol(self.root).rstrip("/")
        return {path[len(whole) + 1 :]: facts["size"] for path, facts in found.items()}

    def size(self, name: str) -> int | None:
        """Of one file; None where there is none."""
        self.system.invalidate_cache()
        try:
            return int(self.system.size(self.at(name)))
        except FileNotFoundError:
            return None

    def text(self, name: str) -> str:
        """Of a file; empty where there is none."""
        try:
            return bytes(self.system.cat_file(self.at(name))).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def write(self, name: str, text: str) -> None:
        self.make_folder(self.root)
        self.system.pipe_file(self.at(name), text.encode("utf-8"))

    def make_folder(self, path: str) -> None:
        kinds = self.system.protocol
        if _FLAT.isdisjoint([kinds] if isinstance(kinds, str) else kinds):
            self.system.makedirs(path, exist_ok=True)

    def put(self, source: Path, name: str) -> int:
        """Send a file; its size."""
        self.make_folder(self.at(name).rpartition("/")[0])
        self.system.put_file(str(source), self.at(name))
        return source.stat().st_size

    def get(self, name: str, target: Path) -> int:
        """Bring a file, whole or not at all; its size."""
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.partial")
        self.system.get_file(self.at(name), str(unfinished))
        unfinished.replace(target)
        return target.stat().st_size

    def remove(self, names: list[str]) -> None:
        if names:
            self.system.rm([self.at(name) for name in names])


@contextmanager
def _place(url: str) -> Iterator[_Place]:
    """The folder at `url`; what goes wrong there becomes one line."""
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise RecipeError(
            f"{url}: the library for such a URL is not installed ({error}); for s3:// it is: "
            "pip install 'katsuo[s3]'"
        ) from error
    except ValueError as error:
        raise RecipeError(f"{url}: {error}; write s3://bucket/folder or file:///folder") from error
    try:
        yield _Place(system=system, root=root.rstrip("/"), url=url.rstrip("/"))
    except _troubles() as error:
        raise DataError(
            f"{url}: {' '.join(str(error).split()) or type(error).__name__}; what has arrived "
            "stays, and the same command goes on"
        ) from error


def _troubles() -> tuple[type[Exception], ...]:
    """What a library raises when the other end does not answer, or not as wanted."""
    amazon = sys.modules.get("botocore.exceptions")
    return (OSError,) if amazon is None else (OSError, amazon.BotoCoreError, amazon.ClientError)


def _published(folder: Path, there: _Place, hear: Hear) -> Moved:
    """Send one stage."""
    said = (folder / _MANIFEST).read_text("utf-8")
    outputs: dict[str, str] = json.loads(said)["outputs"]
    if there.text(_MANIFEST) == said:
        return Moved(stages=1)
    if there.text(_UNFINISHED) != said:
        _clear(there, outputs)
        there.write(_UNFINISHED, said)
    held = there.files()
    missing = [name for name in outputs if held.get(name) != (folder / name).stat().st_size]

    def send(name: str) -> int:
        return there.put(folder / name, name)

    moved = _all(send, missing, partial(hear, there.url))
    there.write(_MANIFEST, said)
    there.remove([_UNFINISHED])
    return moved


def _clear(there: _Place, outputs: dict[str, str]) -> None:
    """Take away what another manifest left, but for files that this one has, too."""
    before = there.text(_MANIFEST)
    old: dict[str, str] = json.loads(before)["outputs"] if before else {}
    if before:  # first, so that nobody reads a mixture
        there.remove([_MANIFEST])
    there.remove(
        [name for name in there.files() if name not in outputs or old.get(name) != outputs[name]]
    )


def _fetched(there: _Place, folder: Path, hear: Hear) -> Moved:
    """Bring one stage."""
    said = there.text(_MANIFEST)
    outputs: dict[str, str] = json.loads(said)["outputs"]
    for name in outputs:
        _inside(name, there.url)
    is_whole = all((folder / name).is_file() for name in outputs)
    if is_whole and read_json(folder / _MANIFEST) == json.loads(said):
        return Moved(stages=1)
    _begin_anew(folder, outputs)
    missing = [name for name in outputs if not (folder / name).is_file()]

    def bring(name: str) -> int:
        n_bytes = there.get(name, folder / name)
        if sha256(folder / name) != outputs[name]:
            (folder / name).unlink()
            raise DataError(
                f"{there.url}/{name}: its sha256 is not the one that its manifest states; remove "
                f"{there.url}/{_MANIFEST} and publish again"
            )
        return n_bytes

    moved = _all(bring, missing, partial(hear, there.url))
    write_text(folder / _MANIFEST, said)
    return moved


def _begin_anew(folder: Path, outputs: dict[str, str]) -> None:
    """Leave of a local stage only the files that are wanted."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (name not in outputs or sha256(path) != outputs[name]):
            path.unlink()


def _all(move: Callable[[str], int], names: list[str], hear: Callable[[int, int], None]) -> Moved:
    """Move every file, several at a time."""
    n_bytes = 0
    sizes = ahead(move, names, workers=_AT_ONCE, most=2 * _AT_ONCE)
    for number, size in enumerate(sizes, start=1):
        n_bytes += size
        hear(number, len(names))
    return Moved(stages=1, files=len(names) + 1, n_bytes=n_bytes)


def _inside(name: str, url: str) -> str:
    """A place that lies inside the folder it is told of."""
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts:
        raise DataError(f"{url}: it names {name!r}, which lies outside; nothing was written there")
    return name
