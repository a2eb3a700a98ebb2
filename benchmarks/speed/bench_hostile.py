"""What does one hostile file cost before it is given up? Seconds and memory, three times each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from filing import file, spread

from tests.fuzz.files import SENTENCE, docx, pdf
from tests.hostile import making

TIMES = 3
MIB = 2**20
ALONE = """
import json, resource, sys, time
from pathlib import Path
from katsuo.readers.apart import Apart
from katsuo.types import Document
began = time.perf_counter()
with Apart() as reader:
    (found,) = reader.read(Path(sys.argv[1]), text_column="text")
seconds = time.perf_counter() - began
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
mine, read = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "end": "text" if isinstance(found, Document) else found.reason,
    "seconds": seconds,
    "cpu": mine.ru_utime + mine.ru_stime + read.ru_utime + read.ru_stime,
    "driver": peak / 1024,
    "reader": read.ru_maxrss / 1024,
}))
"""


def text_of(n_bytes: int) -> bytes:
    """A text of so many bytes, no two lines alike."""
    lines, size = [], 0
    while size < n_bytes:
        lines.append(f"{len(lines)} {SENTENCE}\n")
        size += len(lines[-1])
    return "".join(lines).encode()


INPUTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "honest docx": ("a.docx", making.written("a.docx", docx())),
    "zip bomb, docx of 600 MiB": ("a.docx", making.bomb("a.docx", 600)),
    "zip bomb, epub of 600 MiB": ("a.epub", making.bomb("a.epub", 600)),
    "zip bomb below the limit, docx of 31 MiB": (
        "a.docx",
        making.written("a.docx", docx("<w:p/>" * 5_400_000)),
    ),
    "zip, one part named 1,000 times": ("overlap.docx", making.overlapping),
    "pdf of 1,000,000 pages, 6 MB": (
        "a.pdf",
        making.written("a.pdf", pdf(kids=b"3 0 R " * 1_000_000, count=1_000_000)),
    ),
    "pdf page of 512 MiB": ("stream.pdf", making.pdf_stream),
    "text of 200 MB": (
        "a.txt",
        lambda folder: making.written("a.txt", text_of(200 * 10**6))(folder),
    ),
}


def main() -> None:
    """Read each input in a process of its own, which has its reading process."""
    figures: dict[str, object] = {}
    for what, (name, make) in INPUTS.items():
        with tempfile.TemporaryDirectory() as scratch:
            make(Path(scratch))
            words = [sys.executable, "-c", ALONE, str(Path(scratch) / name)]
            told = [
                json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
                for _ in range(TIMES)
            ]
        figures[f"{what}: ends as"] = ", ".join(sorted({one["end"] for one in told}))
        for key, unit in (
            ("seconds", "seconds"),
            ("cpu", "processor seconds"),
            ("driver", "peak MiB of the driver"),
            ("reader", "peak MiB of the reading process"),
        ):
            figures[f"{what}: {unit}"] = spread([one[key] for one in told])
    file(
        "hostile",
        figures,
        "Resident memory at its peak and time by the clock, on a machine with other work on both "
        "cores, so processor seconds say more. Loading the libraries is part of each: every figure "
        "is of a new process. Not measured: macOS, where memory is not bounded, and formats read "
        "by `datasets`.",
    )


if __name__ == "__main__":
    main()
