"""Runs that are killed: who is there to be killed, who was, and what was worked on twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WATCHING: Final = Path(__file__).parent / "watching"
PATIENCE: Final = 1.3
"""Each death of a driver leaves the next one so much longer, or a slow machine would never end."""
_WORKERS: Final = ("spawn_main", "ray::_Hand")
"""What stands in the command line of a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A command that works in a folder, and the log of its work."""

    words: Sequence[str]
    run: Path

    @property
    def log(self) -> Path:
        """Beside the run folder."""
        return self.run.parent / "log.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """The driver, in a session of its own; its words go into a file beside the run folder."""
        self.run.parent.mkdir(parents=True, exist_ok=True)
        path = [str(WATCHING), *filter(None, [os.environ.get("PYTHONPATH")])]
        here = {"PYTHONPATH": os.pathsep.join(path), "WATCHED_LOG": str(self.log)}
        with (self.run.parent / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "katsuo.cli", *self.words, "--run", str(self.run)],
                stdout=said, stderr=said, start_new_session=True, env={**os.environ, **here},
            )  # fmt: skip

    def unbroken(self) -> float:
        """Run to the end; the seconds that it took."""
        began = time.monotonic()
        driver = self.start()
        assert driver.wait() == 0, (self.run.parent / "said.txt").read_text("utf-8")
        return time.monotonic() - began

    def parquet(self) -> dict[str, bytes]:
        """The bytes of all rows of the run, by their files."""
        found = sorted(self.run.rglob("*.parquet"))
        return {str(path.relative_to(self.run)): path.read_bytes() for path in found}

    def unfinished(self) -> list[Path]:
        """What lies there half made."""
        return list(self.run.parent.rglob("*.partial"))

    def cells(self) -> dict[str, int]:
        """Finished work by its place: the number of its folder, another one if it is made anew."""
        home = self.run.parent / ".cells"
        whole = (path for path in home.glob("*/*") if not path.name.startswith("."))
        return {str(path): path.stat().st_ino for path in whole if path.is_dir()}

    def redone(self) -> list[str]:
        """Work that was begun after it was finished."""
        finished: set[str] = set()
        twice = []
        for line in self.log.read_text("utf-8").splitlines():
            what, key, _ = line.split()
            if what == "finished":
                finished.add(key)
            elif key in finished:
                twice.append(key)
        return twice


@dataclass(slots=True, kw_only=True)
class Killer:
    """Kills drivers and workers at random moments, and counts."""

    chance: random.Random
    seconds: float
    """Of a run that nobody kills."""
    killed: Counter[str] = field(default_factory=Counter)

    def strike(self, watched: Watched, stretch: float, *, wait: bool) -> bool:
        """Start the command and kill whom chance names, once; whether it must be started again.

        Args:
            watched: The command.
            stretch: How much longer than at first to wait.
            wait: Whether a driver's workers may end before it is started again.
        """
        driver = watched.start()
        moment = stretch * self.chance.uniform(0.15, 0.9) * self.seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(timeout=moment)
        if driver.poll() is not None:
            return False
        workers = [pid for pid in _session(driver.pid) if _is_worker(pid)]
        whom = self.chance.choice(["driver", "node", *(["worker"] * 3 if workers else [])])
        self.killed[whom] += 1
        if whom == "worker":
            with contextlib.suppress(ProcessLookupError):  # it had just ended
                os.kill(self.chance.choice(workers), signal.SIGKILL)
            driver.wait()
            return driver.returncode != 0
        if whom == "node":
            os.killpg(driver.pid, signal.SIGKILL)
        else:
            driver.kill()
        driver.wait()
        while wait and _session(driver.pid):
            time.sleep(0.05)
        return True


def _session(leader: int) -> list[int]:
    """The processes that a driver started, and those that they started."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                state = (path / "stat").read_text().rpartition(")")[2].split()
                if int(state[3]) == leader and state[0] != "Z":
                    found.append(int(path.name))
    return found


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return any(word in words for word in _WORKERS)
    return False
