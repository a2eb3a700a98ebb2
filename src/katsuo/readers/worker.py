"""The process that reads files apart from the road: what does one file say, within its limits?

    a line of JSON in: path, text column, limits ──▶ lines of JSON out: documents, refusals, an end

Memory and processor time are bounded by the system before a file is opened. Nothing is pickled, no
socket is opened, and what libraries print goes nowhere. `apart` is the other end.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from katsuo import readers
from katsuo.errors import KatsuoError
from katsuo.readers.limits import Limits
from katsuo.types import Document, Dropped

_LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "pdf": ("pypdfium2",),
    "docx": ("markitdown.converters",),
    "pptx": ("markitdown.converters",),
    "html": ("markitdown.converters",),
    "epub": ("markitdown.converters",),
    "parquet": ("pyarrow.parquet",),
    "dataset": ("datasets",),
}
"""Loaded before a file's memory is bounded: they are no file's fault."""
_MOST_LEFT_BYTES: Final = 2**26
"""What earlier files may have left in memory; with more, a new process goes on."""
_REFUSED_EVENTS: Final = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.system")

Reply = dict[str, Any]


def main() -> None:
    """Read files until nobody asks for more."""
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the road hears it, and ends the pipe
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_stays_here)
    _say(out, {"ready": True})
    left_bytes = 0
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if fault := _loaded(asked["form"]):
            _say(out, {"missing": fault})
            continue
        before_bytes = _data_bytes() or 0
        for reply in _replies(Path(asked["path"]), asked["text_column"], Limits(**asked["limits"])):
            _say(out, reply)
        left_bytes += (_data_bytes() or 0) - before_bytes
        is_tired = left_bytes > _MOST_LEFT_BYTES
        _say(out, {"end": True, "tired": is_tired})
        if is_tired:
            return


def _say(out: BinaryIO, reply: Reply) -> None:
    out.write(json.dumps(reply).encode("ascii") + b"\n")
    out.flush()


def _stays_here(event: str, _: tuple[Any, ...]) -> None:
    """Refuse what no reader needs: other machines and other programs."""
    if event in _REFUSED_EVENTS:
        raise RuntimeError(f"a reader does not call {event}")


def _loaded(form: str) -> str:
    """Load what reads `form`; what is missing for it, or nothing."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # the last file's is no library's
    try:
        for name in _LIBRARIES.get(form, ()):
            importlib.import_module(name)
    except ImportError as error:
        return str(error)
    return ""


def _replies(path: Path, text_column: str | None, limits: Limits) -> Iterator[Reply]:
    try:
        size = path.stat().st_size if path.is_file() else _bytes_under(path)
        _bound(limits, size)
        for item in readers.read(path, text_column=text_column, limits=limits):
            yield _reply(item)
    except KatsuoError as error:
        yield {"request": str(error)}
    except MemoryError:
        yield {"memory": True}


def _reply(item: Document | Dropped) -> Reply:
    if isinstance(item, Dropped):
        return {"dropped": asdict(item)}
    return {"text": item.text, "source": item.source, "page_starts": item.page_starts}


def _bytes_under(folder: Path) -> int:
    """Bytes of a saved dataset."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _bound(limits: Limits, size: int) -> None:
    """Bound what this process may take from here on.

    Memory is what is written to (`RLIMIT_DATA`), not addresses (`RLIMIT_AS`): libraries map
    files and reserve far more addresses than they use. Where the system does not say how much is
    taken already, as macOS, memory is not bounded.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime + limits.seconds_of(size)
    _set_limit(resource.RLIMIT_CPU, int(seconds) + 1)
    if held := _data_bytes():
        _set_limit(resource.RLIMIT_DATA, held + limits.memory_bytes_of(size))


def _set_limit(kind: int, wanted: int) -> None:
    """Set the limit that may be raised again, never above the user's own."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(
        kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def _data_bytes() -> int | None:
    """What this process may write to in memory, or None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith("VmData:"))
    return next((int(words[1]) * 1024 for words in found), None)
