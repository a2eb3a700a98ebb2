"""A run folder: its lock, its stages, their parts and manifests.

    runs/contracts-01/
    ├── recipe.yaml          as resolved
    ├── 1-contexts/          part-00000.parquet …  dropped/…  manifest.json
    ├── 2-tasks/ 3-curated/  the same
    ├── 4-adapters/<arm>/    adapter_model.safetensors  losses.jsonl
    ├── 5-scores/            predictions.parquet  scores.json
    └── 6-report/            report.html  report.json

A stage is done when its manifest states the key that its inputs and settings
give now; then nothing of it is computed again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from katsuo.errors import RecipeError
from katsuo.store.files import link, read_json, sha256, write_json

FOLDERS: Final = {
    "ingest": "1-contexts",
    "generate": "2-tasks",
    "curate": "3-curated",
    "adapt": "4-adapters",
    "evaluate": "5-scores",
    "report": "6-report",
}
"""Stage -> its folder, in the order of the road."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Finished work under the hash of its inputs and settings."""

    folder: Path

    @property
    def done(self) -> bool:
        """Whether the work is finished: the folder exists only then."""
        return self.folder.is_dir()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process makes this cell, then hold it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder.with_name(f".{self.folder.name}.lock")):
            yield

    @property
    def facts(self) -> dict[str, Any]:
        """What the work reported about itself."""
        return read_json(self.folder / "cell.json") or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run folder."""

    folder: Path
    home: Path
    """Where finished work lies that runs share: `.cells` beside the run folders."""

    @classmethod
    def at(cls, folder: Path) -> Run:
        """The run in `folder`, its cells beside it."""
        return cls(folder=folder, home=folder.parent / ".cells")

    def within(self, name: str) -> Run:
        """A run inside this one that shares its cells."""
        return Run(folder=self.folder / name, home=self.home)

    @property
    def named(self) -> Path:
        """The folder that a command names: this run's, or that of the study around it."""
        beside = self.home.parent
        return beside / self.folder.relative_to(beside).parts[0]

    def stage(self, stage: str) -> StageFolder:
        """The folder of the stage called `stage`."""
        return StageFolder(stage=stage, folder=self.folder / FOLDERS[stage])

    def cell(self, stage: str, key: str) -> Cell:
        """Where work of `stage` with this key lies, shared by all runs beside this one."""
        return Cell(folder=self.home / FOLDERS.get(stage, stage) / key)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold this run; a second process is told so and leaves.

        Raises:
            RecipeError: If another process holds it, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise RecipeError(
                f"{self.folder}: another katsuo process works on this run; wait for it, "
                "or name another folder with --run"
            ) from None
        except OSError as error:
            raise RecipeError(
                f"{self.folder}: cannot be written ({error.strerror}); "
                "name another folder with --run"
            ) from error
        try:
            yield
        finally:
            lock.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFolder:
    """One stage's folder in a run."""

    stage: str
    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, or an empty one while the stage is not done."""
        return read_json(self.folder / "manifest.json") or {}

    def is_done(self, key: str) -> bool:
        """Whether the stage finished with the inputs and settings that `key` stands for."""
        manifest = self.manifest
        if manifest.get("key") != key:
            return False
        return all((self.folder / name).is_file() for name in manifest["outputs"])

    def begin(self) -> None:
        """Make the folder empty: what was made with other inputs goes, its cells stay."""
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            pass
        except OSError as error:  # a mixture of old and new would be worse
            error.filename = str(self.folder)  # the library names a file in it, without its place
            raise
        (self.folder / "dropped").mkdir(parents=True)

    def part(self, number: int) -> Path:
        """Path of the rows of shard `number`."""
        return self.folder / f"part-{number:05d}.parquet"

    def dropped(self, number: int) -> Path:
        """Path of the ledger lines of shard `number`."""
        return self.folder / "dropped" / f"part-{number:05d}.parquet"

    def refer(self, number: int, cell: Cell) -> None:
        """Let shard `number` be the rows and ledger lines of `cell`."""
        link(cell.folder / "rows.parquet", self.part(number))
        link(cell.folder / "dropped.parquet", self.dropped(number))

    def parts(self) -> list[Path]:
        """The shards, in order."""
        return sorted(self.folder.glob("part-*.parquet"))

    def dropped_parts(self) -> list[Path]:
        """The ledger files, in order."""
        return sorted((self.folder / "dropped").glob("part-*.parquet"))

    def outputs(self) -> dict[str, str]:
        """Relative path -> sha256 of every file the stage made."""
        return {
            str(path.relative_to(self.folder)): sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != "manifest.json" and not path.name.startswith(".")
        }

    def finish(self, facts: dict[str, Any]) -> None:
        """Write the manifest, last: from now on the stage is done."""
        write_json(
            self.folder / "manifest.json",
            {"stage": self.stage, **facts, "outputs": self.outputs()},
        )
