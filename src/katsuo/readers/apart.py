"""Who reads a file that may have been made to do harm?

    Apart ──path──▶ a process of its own ──a line for each document──▶ Document | Dropped

Files that libraries take apart are read in another process, which serves many
files. One that takes too long, too much memory or dies costs its file a line in
the ledger, and the next file gets a new process.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Self

from katsuo import readers
from katsuo.errors import RecipeError
from katsuo.readers.limits import DEFAULT, Limits
from katsuo.readers.refusals import RefusedError, refusal
from katsuo.types import Document, Dropped

_HERE: Final = ("md", "txt", "readers")
"""Formats that are read in this process: no library takes them apart."""
_WAITS: Final = 4
"""Times the processor seconds that a file may take by the clock: the machine may be busy."""
_START_SECONDS: Final = 120.0
_CHUNK_BYTES: Final = 2**16
_BOOT: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from katsuo.readers.worker import main; main()"
)


class Apart:
    """Reads files in a process of its own, which begins with the first file that needs it.

    The process ends with the `with` block, or with this object.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: Callable[[], object] = lambda: None
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, path: Path, *, text_column: str | None) -> Iterator[Document | Dropped]:
        """As `readers.read`; a file that breaks its limits or its reader gives a `Dropped` too.

        Raises:
            RecipeError: If a table has no column `text_column`.
        """
        form = readers.form_of(path)
        if form in _HERE:
            yield from readers.read(path, text_column=text_column, limits=self._limits)
            return
        finished = False
        try:
            yield from self._answers(path, form, text_column)
            finished = True
        except RefusedError as error:
            yield refusal(path, form, error)
        finally:
            if not finished:
                self._end()

    def _answers(
        self, path: Path, form: str, text_column: str | None
    ) -> Iterator[Document | Dropped]:
        asked = {"path": str(path), "form": form, "text_column": text_column}
        process = self._process or self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({**asked, "limits": asdict(self._limits)}).encode())
            process.stdin.write(b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # reading says how it ended
        waits = _WAITS * self._limits.seconds_of(_size(path))
        while "end" not in (reply := self._reply(process, waits)):
            yield self._item(reply)
        if reply["tired"]:
            self._end()

    def _item(self, reply: dict[str, Any]) -> Document | Dropped:
        if "text" in reply:
            starts = tuple(reply["page_starts"])
            return Document.of(text=reply["text"], source=reply["source"], page_starts=starts)
        if "dropped" in reply:
            return Dropped(**reply["dropped"])
        if "request" in reply:
            raise RecipeError(reply["request"])
        if "missing" in reply:
            raise ImportError(reply["missing"])
        assert "memory" in reply, f"no answer of a reader: {reply}"
        raise RefusedError(
            "reader-memory",
            f"reading it takes more than {self._limits.memory_mib:,} MiB and 8 times the file; "
            "raise ingest.file_memory_mib if you trust it",
        )

    def _started(self) -> subprocess.Popen[bytes]:
        # The same modules as here, and none that lies beside the documents.
        command = [sys.executable, "-P", "-c", _BOOT, *sys.path]
        self._left = b""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._stop = weakref.finalize(self, _ended, self._process)
        try:
            self._reply(self._process, _START_SECONDS)
        except RefusedError as error:
            raise RuntimeError(f"the process that reads files does not start: {command}") from error
        return self._process

    def _reply(self, process: subprocess.Popen[bytes], waits: float) -> dict[str, Any]:
        """The next line of the process.

        Raises:
            RefusedError: If there is none within `waits` seconds, or the process has ended.
        """
        try:
            line = self._line(process, waits)
        except TimeoutError as error:
            raise self._too_slow() from error
        except EOFError as error:
            code = process.wait()
            if code == -signal.SIGXCPU:
                raise self._too_slow() from error
            ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise RefusedError(
                "reader-crashed",
                f"the process that read it ended with {ended}; libraries end so at a damaged file, "
                "and where memory is refused to them (ingest.file_memory_mib)",
            ) from error
        return dict(json.loads(line))

    def _line(self, process: subprocess.Popen[bytes], waits: float) -> bytes:
        assert process.stdout is not None
        parts = [self._left]
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in parts[-1]:
                if not selector.select(waits):
                    raise TimeoutError
                part = os.read(process.stdout.fileno(), _CHUNK_BYTES)
                if not part:
                    raise EOFError
                parts.append(part)
        line, _, self._left = b"".join(parts).partition(b"\n")
        return line

    def _too_slow(self) -> RefusedError:
        return RefusedError(
            "reader-timeout",
            f"reading it takes more than {self._limits.seconds:g} seconds and half as many for "
            "each MiB; raise ingest.file_seconds if you trust it",
        )

    def _end(self) -> None:
        """End the process; the next file gets another."""
        self._process = None
        self._stop()


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else sum(map(_size, path.iterdir()))
    except OSError:
        return 0  # reading it says why
