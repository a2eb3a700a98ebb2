"""What the tests of executors give workers to do: workers are processes, and import it anew."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from katsuo.errors import DataError
from katsuo.protocols import Hear


@dataclass(frozen=True, slots=True, kw_only=True)
class Squaring:
    """Squares, and leaves a file for every time that a shard was begun or a worker opened."""

    notes: Path
    dies_at: int = -1
    """This shard kills its worker."""
    dies: int = 0
    """So many times; later tries go well."""
    refuses: int = -1
    """This shard is an error of the user's."""
    full_at: int = -1
    """This shard finds the disk full."""

    def named(self, shard: int, /) -> str:
        """As a person knows it."""
        return f"shard {shard}"

    def open(self, say: Hear) -> Callable[[int], int]:
        """The work."""
        self.note("opened")

        def square(shard: int) -> int:
            self.note(f"begun-{shard}")
            say(f"{shard} begun")
            if shard == self.refuses:
                raise DataError(f"shard {shard}: line 3: no number")
            if shard == self.full_at:
                raise OSError(errno.ENOSPC, "No space left on device", "rows.parquet")
            if shard == self.dies_at and len(self.noted(f"begun-{shard}")) <= self.dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return shard * shard

        return square

    def note(self, what: str) -> None:
        """Leave a file that says `what`, and who."""
        n_before = len(self.noted(what))
        (self.notes / f"{what}.{os.getpid()}.{n_before}").touch()

    def noted(self, what: str) -> list[Path]:
        """The files that say `what`."""
        return sorted(self.notes.glob(f"{what}.*"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Says what a worker's libraries are told of threads, and its cores."""

    def named(self, shard: int, /) -> str:
        """As a person knows it."""
        return f"shard {shard}"

    def open(self, say: Hear) -> Callable[[int], tuple[str, int]]:
        """The work."""
        return lambda _: (os.environ["OMP_NUM_THREADS"], len(os.sched_getaffinity(0)))
