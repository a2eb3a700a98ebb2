"""How does the road scale? Ingest, generate and curate of 10^4 and 10^5 passages, fake engine.

`--full` adds 10^6, for a quiet machine with 20 GB of disk; `--workers N` works in N processes.
`--sizes 10000` takes other sizes and `--profile` prints where the driver's time goes instead.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from bench_memory import WORDS
from filing import file

from katsuo import recipe as recipes
from katsuo import seeds
from katsuo.road import travel
from katsuo.store.runs import FOLDERS, Run

SIZES: Final = (10_000, 100_000)
FULL: Final = 1_000_000
A_FILE: Final = 10_000
"""Passages of a source file: a million of them come as a hundred files."""
STAGES: Final = ("ingest", "generate", "curate")
_MIB: Final = 2**20


def corpus(folder: Path, n_passages: int) -> None:
    """Parquet tables, one passage of about 90 words a row, no two alike."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for first in range(0, n_passages, A_FILE):
        chance = seeds.stream(0, "scale", str(first))
        rows = [
            " ".join([f"Rule {i}", *chance.choices(WORDS, k=90)]) + "."
            for i in range(first, min(first + A_FILE, n_passages))
        ]
        pq.write_table(pa.table({"text": rows}), folder / f"rules-{first:08d}.parquet")


def recipe_of(folder: Path, workers: int) -> Path:
    """In `folder`, over its corpus."""
    path = folder / "r.yaml"
    path.write_text(
        f"ingest: {{paths: ['{folder / 'documents'}'], text_column: text}}\n"
        "generate: {generator: fake}\nadapt: {base: fake}\n"
        + (f"execution: {{executor: processes, workers: {workers}}}\n" if workers else ""),
        "utf-8",
    )
    return path


class Watcher:
    """The most memory that the children of a process held, all together."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, sum(_children()))


def _children() -> Iterator[int]:
    """Resident bytes of every child of this process."""
    page = os.sysconf("SC_PAGE_SIZE")
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    for pid in path.read_text().split():
        try:
            yield int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        except OSError:
            continue


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in found)


def measured(size: int, workers: int) -> dict[str, Any]:
    """One trip over `size` passages, stage by stage; called in a process of its own."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch, Watcher() as watcher:
        folder = Path(scratch)
        corpus(folder / "documents", size)
        recipe = recipes.load(recipe_of(folder, workers))
        run = Run.at(folder / "runs" / "r")
        begun, begun_cpu = time.perf_counter(), cpu_seconds()
        for verb in STAGES:
            began, began_cpu = time.perf_counter(), cpu_seconds()
            travel(recipe, run, until=verb, listen=lambda _: None)
            seconds, cpu = time.perf_counter() - began, cpu_seconds() - began_cpu
            figures[verb] = {
                "contexts/s": round(size / seconds),
                "contexts per CPU second": round(size / cpu),
                **_sizes(run, verb),
            }
        wall, cpu = time.perf_counter() - begun, cpu_seconds() - begun_cpu
        began = time.perf_counter()
        travel(recipe, run, until="curate", listen=lambda _: None)
        figures["all three"] = {
            "contexts/s": round(size / wall),
            "contexts per CPU second": round(size / cpu),
            "seconds to find all done": round(time.perf_counter() - began, 2),
            "cells": sum(1 for _ in run.home.glob("*/*")),
            "MiB of workers together": round(watcher.peak_bytes / _MIB),
        }
    return figures


def _sizes(run: Run, verb: str) -> dict[str, Any]:
    folder = run.folder / FOLDERS[verb]
    began = time.perf_counter()
    found = [path.stat().st_size for path in folder.rglob("*.parquet")]
    listing = time.perf_counter() - began
    manifest = folder / "manifest.json"
    return {
        "driver MiB": json.loads(manifest.read_text("utf-8"))["peak_mib"],
        "files": len(found),
        "mean KiB of a file": round(sum(found) / max(1, len(found)) / 1024, 1),
        "manifest KiB": round(manifest.stat().st_size / 1024, 1),
        "ms to list": round(1000 * listing, 1),
    }


def profiled(size: int) -> None:
    """Print where the time of one process goes."""
    profile = cProfile.Profile()
    profile.enable()
    measured(size, 0)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def main() -> None:
    """Take every size in a process of its own, so that memory is its own."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--full", action="store_true")
    words.add_argument("--workers", type=int, default=0)
    words.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    words.add_argument("--profile", action="store_true")
    words.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one, asked.workers)))
        return
    if asked.profile:
        profiled(asked.sizes[0])
        return
    figures: dict[str, Any] = {"load of the machine at the start": os.getloadavg()[0]}
    for size in [*asked.sizes, *([FULL] if asked.full else [])]:
        own = [sys.executable, __file__, "--one", str(size), "--workers", str(asked.workers)]
        said = subprocess.run(own, stdout=subprocess.PIPE, text=True, check=True).stdout
        for stage, found in json.loads(said).items():
            figures[f"{size} passages, {stage}"] = found
    file(
        "scale" + (f"_workers{asked.workers}" if asked.workers else ""),
        figures,
        "Passages of about 90 words in tables of 10,000, three drafts of each, the filters of a "
        "recipe that names none, fake engine. Contexts per CPU second count the processor time of "
        "the driver and of workers that have ended, so they hang less on what else the machine "
        "did; the libraries' start is in them, which weighs on small sizes. A load above 0 at the "
        "start says that other programs worked beside it. Goal: 3,000 contexts/s a core over all "
        "three.",
    )


if __name__ == "__main__":
    main()
