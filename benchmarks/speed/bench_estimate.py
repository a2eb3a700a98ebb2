"""How far off is `katsuo estimate`? Finished stages of runs, and what would have been said of them.

    python benchmarks/speed/bench_estimate.py runs/one runs/another

Estimates are made as if nothing were done, by the filed rates alone; memory and disk are what the
runs themselves took, and are where `planning/rates.yaml` has them from.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file, spread

from katsuo import recipe as recipes
from katsuo.planning.estimating import Estimate, estimate
from katsuo.planning.rates import load
from katsuo.sections import Recipe
from katsuo.store.runs import Run

HARDWARE = "cpu2"
ALONE = ("ingest", "generate", "curate", "adapt")
"""Stages that every domain of a study takes alone."""
ROWS = {"ingest": "passage", "generate": "draft", "curate": "task"}


def observed(folder: Path, recipe: Recipe) -> Iterator[tuple[str, Run, tuple[str, ...]]]:
    """By domain, or an empty name for what a run does as a whole, the stages to compare."""
    run = Run.at(folder)
    for name in recipe.domains:
        yield name, run.within(name), ALONE
    yield "", run, ("evaluate",) if recipe.domains else (*ALONE, "evaluate")


def guessed(found: Estimate, place: str, verb: str, arms: set[str]) -> float | None:
    """What an estimate says of a stage, as far as the run has it."""
    lines = [line for line in found.lines if (line.stage, line.place) == (verb, place)]
    seconds = [line.seconds for line in lines if not line.arm or line.arm in arms]
    return None if not seconds or None in seconds else sum(s for s in seconds if s is not None)


def taken(manifest: dict[str, Any], verb: str) -> tuple[float, set[str]]:
    """Measured seconds of a finished stage, and the arms that it tuned."""
    if verb != "adapt":
        return manifest["seconds"], set()
    rows = manifest["tunings"]
    return sum(row["seconds"] for row in rows), {row["arm"] for row in rows}


def sizes(run: Run, verb: str, manifest: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """What a finished stage left on the disk, by row or adapter."""
    folder = run.stage(verb).folder
    if verb == "adapt":
        for weights in folder.rglob("adapter_model.safetensors"):
            yield "adapter", float(weights.stat().st_size)
    elif verb in ROWS:
        n_bytes = sum(p.stat().st_size for p in folder.rglob("*.parquet"))
        counts = manifest["counts"]
        n_rows = counts["arrived" if verb == "generate" else "passed"]
        if n_rows:
            yield ROWS[verb], n_bytes / n_rows


class Comparison:
    """All stages that were compared, and what they left."""

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}
        self.ratios: defaultdict[str, list[float]] = defaultdict(list)
        self.peaks: defaultdict[str, list[float]] = defaultdict(list)
        self.on_disk: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, place: str, manifest: dict[str, Any], found: Estimate) -> None:
        """Compare a finished stage."""
        verb = manifest["stage"]
        seconds, arms = taken(manifest, verb)
        said = guessed(found, place, verb, arms)
        self.peaks[verb].append(manifest["peak_mib"])
        row: dict[str, object] = {"measured": round(seconds, 1), "estimated": "not measured"}
        if said is not None:
            self.ratios[verb].append(seconds / said)
            row |= {"estimated": round(said, 1), "ratio": round(seconds / said, 2)}
        self.rows[f"{name}: {verb}, s"] = row
        print(name, verb, row, file=sys.stderr)

    @property
    def figures(self) -> dict[str, object]:
        """All of it: single stages, ratios by stage, memory, disk."""
        ratios = {f"{verb}: measured / estimated": spread(r) for verb, r in self.ratios.items()}
        peaks = {f"{verb}: peak MiB of the process": spread(r) for verb, r in self.peaks.items()}
        disk = {f"bytes on disk of each {what}": spread(r) for what, r in self.on_disk.items()}
        return {**self.rows, **ratios, **peaks, **disk}


def main() -> None:
    """Compare every finished stage of the runs that the command line names."""
    rates, nowhere = load(HARDWARE), Run.at(Path("nowhere"))
    compared = Comparison()
    for folder in map(Path, sys.argv[1:]):
        recipe = recipes.load(folder)
        found = estimate(recipe, nowhere, rates)
        for place, run, verbs in observed(folder, recipe):
            name = f"{folder.name}/{place}" if place else folder.name
            for manifest in filter(None, (run.stage(verb).manifest for verb in verbs)):
                compared.add(name, place, manifest, found)
                for what, n_bytes in sizes(run, manifest["stage"], manifest):
                    compared.on_disk[what].append(n_bytes)
    file(
        "estimate",
        compared.figures,
        "Finished stages of earlier runs, one domain of a study at a time, by the filed rates of "
        "cpu2 alone. Passages, drafts and pairs were estimated as well, from sampled documents. "
        "The runs shared the machine with other work; most rates were taken on a machine at rest. "
        "A stage that was found done states the peak of a process that did little, so it is the "
        "largest peak that counts.",
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main()
    else:
        print("names no run: python benchmarks/speed/bench_estimate.py runs/one runs/another")
