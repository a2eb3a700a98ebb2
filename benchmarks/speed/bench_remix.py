"""How fast are annotated rows made into tasks, and in how much memory?

    rows ──remix: fill, check, exact twins out, write──▶ near twins out    a process for each size
    tasks ──13 words in a row against evaluation texts──▶ ours and a plain set, in turn

`--full` adds 1,650,000 tasks, the paper's number, and takes about 20 minutes of one core (guessed
from 320,000) and 1 GB of disk. `KATSUO_DATA` gives real rows, which come first.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import invented_rows
from filing import file, spread

from katsuo.road.cards import Tally
from katsuo.road.remixing import remix
from katsuo.road.thinning import thin
from katsuo.road.trip import peak_mib
from katsuo.scoring.lookup import words
from katsuo.sections import Remix
from katsuo.stages.decontaminate import Known
from katsuo.store import tables
from katsuo.templates import load_sources
from katsuo.types import Task

SIZES: Final = (20_000, 80_000)
FULL: Final = 1_650_000
TASKS_PER_ROW: Final = 2
MADE_OF_ROW: Final = 2.3
"""Tasks that come of a row: two at most of each source that reads it, and two read `dbpedia_14`."""
GRAM_WORDS: Final = 13
N_EXAM_TEXTS: Final = 20_000
N_TASKS, BLOCK_TASKS = 8_000, 1_000
PIECE: Final = "--one-size"


def one_size(folder: Path) -> dict[str, Any]:
    """Remix what lies below `folder`, then take near twins out; the time of each and the peaks."""
    asked = Remix(
        folder=str(folder / "sources"),
        sources=list(invented_rows.SOURCES),
        tasks_per_row=TASKS_PER_ROW,
    )
    into = folder / "remix"
    began, cpu = time.perf_counter(), time.process_time()
    card = remix(asked, 7, into, lambda _: None)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    peak = peak_mib()
    cpu = time.process_time()
    thin(into, Tally(load_sources(asked.sources)))
    n_rows = card["counts"]["passed"]
    return {
        "n": n_rows,
        "rows": round(n_rows / cpu_seconds),
        "wall": round(n_rows / seconds),
        "templates": len(card["by_template"]),
        "peak": round(peak),
        "near": round(n_rows / (time.process_time() - cpu)),
        "near_dropped": n_rows - sum(1 for _ in tables.read(into / "rows.parquet")),
        "near_peak": round(peak_mib()),
    }


def decontaminated(path: Path) -> dict[str, object]:
    """Rows a second of ours and of a plain set of runs, block by block in turn."""
    exam = list(invented_rows.texts(N_EXAM_TEXTS))
    began = time.process_time()
    known = Known(exam)
    index_seconds = time.process_time() - began
    runs = {run for text in exam for run in _runs(text)}

    def plainly(task: Task) -> bool:
        return any(run in runs for text in (task.instruction, task.response) for run in _runs(text))

    tasks = list(islice(tables.tasks([path]), N_TASKS))
    ours, plain = [], []
    for begin in range(0, len(tasks), BLOCK_TASKS):
        block = tasks[begin : begin + BLOCK_TASKS]
        ours.append(_rate(known.says, block))
        plain.append(_rate(plainly, block))
    ratios = [mine / theirs for mine, theirs in zip(ours, plain, strict=True)]
    held = f"{len(tasks)}, {len(exam)}, {len(known)}"
    return {
        "decontamination: tasks, evaluation texts, runs": held,
        "decontamination: index, s": round(index_seconds, 2),
        "decontamination: rows/s": spread(ours),
        "decontamination: rows/s of a set of 13-word tuples": spread(plain),
        "decontamination: ratio": spread(ratios),
    }


def _runs(text: str) -> list[tuple[str, ...]]:
    split = words(text)
    return [tuple(split[i : i + GRAM_WORDS]) for i in range(len(split) - GRAM_WORDS + 1)]


def _rate(judge: Callable[[Task], bool], tasks: list[Task]) -> float:
    began = time.process_time()
    for task in tasks:
        judge(task)
    return len(tasks) / (time.process_time() - began)


def main() -> None:
    """Each size in a process of its own, then decontamination on the tasks of the first."""
    figures: dict[str, object] = {}
    for size in (*SIZES, *((FULL,) if "--full" in sys.argv else ())):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            n_rows = round(size / MADE_OF_ROW)
            invented_rows.write(folder / "sources", n_rows)
            done = subprocess.run(
                [sys.executable, __file__, PIECE, scratch], stdout=subprocess.PIPE, check=True
            )
            found = json.loads(done.stdout)
            n = f"{found['n']} rows"
            figures |= {
                f"{n}: remix, rows/s of one core": found["rows"],
                f"{n}: remix, rows/s by the clock": found["wall"],
                f"{n}: templates used": found["templates"],
                f"{n}: remix, peak MiB": found["peak"],
                f"{n}: near twins, rows/s of one core": found["near"],
                f"{n}: near twins dropped": found["near_dropped"],
                f"{n}: with near twins, peak MiB": found["near_peak"],
            }
            if size == SIZES[0]:
                apart = decontaminated(folder / "remix" / "rows.parquet")
    file(
        "remix",
        {**figures, **apart},
        "Remix reads, fills, checks, takes exact twins out, writes and counts; its start is in it. "
        "Rows of one core are counted by the process's CPU time, which other work on the machine "
        "moves less than the clock. Goals: remix >= 5,000 rows/s, linear to 1,650,000 rows "
        "(--full), peak <= 1,024 MiB with near twins; decontamination >= 2,000 rows/s. The plain "
        "set knows no texts shorter than 13 words and reads each passage with each task.",
    )


if __name__ == "__main__":
    if PIECE in sys.argv:
        print(json.dumps(one_size(Path(sys.argv[-1]))))
    else:
        main()
