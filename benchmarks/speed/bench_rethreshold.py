"""How long do other thresholds take on a run that has its scores, and in how much memory?

python benchmarks/speed/bench_rethreshold.py [TASKS]

A run on the fake engine: passages of invented words, three tasks each, scores by the fake reader.
Then `katsuo curate RUN --set curate=...` with another threshold, in a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file

TASKS: Final = 100_000
PER_PASSAGE: Final = 2.7
"""Three drafts, of which the fake breaks one in ten."""
TURNS: Final = (0.3, 0.5, 0.4)
"""Thresholds, one after the other; none was used before."""
SYLLABLES: Final = "ba do fe gi ku la mo ne pi ra so tu vi wa ze".split()  # noqa: SIM905


def corpus(folder: Path, n_passages: int) -> None:
    """One Parquet table, one passage of about 90 words a row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = random.Random(0)
    words = ["".join(chance.choices(SYLLABLES, k=3)) + str(i) for i in range(5_000)]
    rows = [" ".join([f"Rule {i}", *chance.choices(words, k=90)]) + "." for i in range(n_passages)]
    pq.write_table(pa.table({"text": rows}), folder / "rules.parquet")


def filters(min_score: float) -> str:
    """The recipe's list of filters, as YAML in one line."""
    agreed = f"{{agreed: {{min_score: {min_score}}}}}"
    return f"[well_formed, grounded, {agreed}, fresh, unleaked, balanced]"


def curate(*words: str) -> float:
    """Seconds of the command in a process of its own."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "katsuo.cli", "curate", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - began


def manifest(run: Path, folder: str) -> dict[str, Any]:
    """The manifest of a stage."""
    found: dict[str, Any] = json.loads((run / folder / "manifest.json").read_text("utf-8"))
    return found


def measured(folder: Path, n_tasks: int) -> dict[str, Any]:
    """Make the run, then curate it anew at each threshold."""
    corpus(folder, round(n_tasks / PER_PASSAGE))
    asked = folder / "probes.jsonl"
    row = {"id": "1", "context": "c", "question": "Is bread sold?", "label": "yes"}
    asked.write_text(json.dumps(row) + "\n", "utf-8")
    recipe, run = folder / "r.yaml", folder / "runs" / "r"
    recipe.write_text(
        f"ingest: {{paths: ['{folder / 'rules.parquet'}'], text_column: text}}\n"
        f"generate: {{generator: fake}}\nadapt: {{base: fake}}\ncurate: {filters(0.2)}\n"
        f"evaluate: {{sets: ['{asked}']}}\n",
        "utf-8",
    )
    first = curate(str(recipe), "--run", str(run))
    tasks = manifest(run, "2-tasks")["counts"]["passed"]
    figures: dict[str, Any] = {"tasks": tasks, "all of it, scores and drafts, s": round(first, 1)}
    for min_score in TURNS:
        seconds = curate(str(run), "--set", f"curate={filters(min_score)}")
        told = manifest(run, "3-curated")
        figures[f"agreed.min_score {min_score}"] = {
            "command, s": round(seconds, 1),
            "stage, s": told["seconds"],
            "peak MiB": told["peak_mib"],
            "kept": told["counts"]["passed"],
        }
    return figures


def main(n_tasks: int) -> None:
    """Measure in a folder that goes away, or in the one that KEEP_RUN names."""
    kept = os.environ.get("KEEP_RUN")
    if kept:
        Path(kept).mkdir(parents=True)
        figures = measured(Path(kept), n_tasks)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            figures = measured(Path(scratch), n_tasks)
    file("rethreshold", figures, "Goal: under 10 s for 100,000 tasks.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else TASKS)
