"""What does a worker do: the other end of a line on which shards come and results go.

    driver ──duty, shard, shard, …──▶ worker
           ◀──Said, Said, Made, …────

A worker that meets an error of the user's, or of the disk, says it and works on. Any other error
is its death, with a traceback; the driver sees the line end. A line that the driver ends is the
end of work.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from katsuo.errors import KatsuoError, mendable

_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What tells libraries how many threads to take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something about progress, on the way to whoever listens."""

    what: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The result of the shard in hand."""

    what: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An error of the user's, by the name of its class."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: KatsuoError) -> Failed:
        """The error, ready to be sent."""
        return cls(kind=type(error).__name__, message=str(error))

    @property
    def error(self) -> KatsuoError:
        """The error as it was raised."""
        kinds = {kind.__name__: kind for kind in KatsuoError.__subclasses__()}
        return kinds.get(self.kind, KatsuoError)(self.message)


def serve(line: Connection, cores: Sequence[int]) -> None:
    """Work at one end of a line until the other end closes; the main of a worker process."""
    settle(cores)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver hears it, and ends the line
    with suppress(EOFError, BrokenPipeError):
        _serve(line)


def _serve(line: Connection) -> None:
    duty = line.recv()
    work = None
    while True:
        shard = line.recv()
        try:
            work = work or duty.open(lambda said: line.send(Said(what=said)))
            line.send(Made(what=work(shard)))
        except Exception as error:  # a bug is raised again; the rest is told
            fault = mendable(error)
            if fault is None:
                raise
            line.send(Failed.of(fault))


def settle(cores: Sequence[int]) -> None:
    """Keep this process, and every library that it is going to load, to `cores`."""
    for name in _THREADS:
        os.environ[name] = str(len(cores))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def cores_of(slot: int, n_workers: int) -> list[int]:
    """The cores of the worker in `slot`: as many as every other worker has, one at least."""
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count() or 1))
    each = max(1, len(cores) // n_workers)
    first = slot * each % len(cores)
    return (cores + cores)[first : first + each]
