"""Do the filters drop the tasks of our own generators that readers found bad?

python benchmarks/quality/bench_judged.py [BLIND.json]

Tasks are read twice without knowing who wrote them (`read_blind.py`); BLIND.json, by default the
last one filed, says what they found. Tasks of the prompted base are left out, and tasks of which
one says valid and the other not. The rest are sound or bad, and each filter judges all of them:
recall is the share of the bad that it drops, precision the share of what it drops that is bad, and
beside it stands the share of bad tasks among all, which dropping by chance would reach.
The tasks themselves lie under runs/bench-generator; KATSUO_DATA names the data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench_filters import GENERATOR, SEED, auc, built, reader, who_reads
from filing import RESULTS, file, share
from read_blind import BASE, VALID

from katsuo.stages.curate import judge
from katsuo.stages.measure import MEASURES
from katsuo.store import tables
from katsuo.types import Task, digest

RUNS: Final = Path("runs/bench-generator")
DRAWS: Final = 1000
ALONE: Final = ("well_formed", "grounded")
Judged = list[tuple[Task, bool]]
"""Tasks, and whether both readers found them valid."""


def judged(blind: Mapping[str, Any]) -> Judged:
    """The tasks of our generators of which both readers say the same."""
    folders = json.loads((RUNS / "latest.json").read_text("utf-8"))
    names = {row["contestant"] for row in blind["tasks"].values()}
    found: Judged = []
    for name in sorted(name for name in names if not name.startswith(BASE)):
        for task in tables.tasks([RUNS / one / "rows.parquet" for one in folders[name]]):
            row = blind["tasks"].get(digest("blind", str(blind["seed"]), name, task.id))
            if row is None:
                continue
            valid = [verdict == VALID for verdict in row["verdicts"]]
            if len(set(valid)) == 1:
                found.append((replace(task, id=f"{name} {task.id}"), valid[0]))
    return found


def told(dropped: set[str], held: Judged) -> dict[str, Any]:
    """Precision and recall of dropping the tasks whose ids are `dropped`."""
    bad = {task.id for task, valid in held if not valid}
    return {
        "precision": share(len(dropped & bad), len(dropped)),
        "recall": share(len(dropped & bad), len(bad)),
        "bad among all": share(len(bad), len(held)),
    }


def figures(held: Judged) -> Iterator[tuple[str, dict[str, Any]]]:
    """Filter -> what it does to these tasks."""
    tasks = [task for task, _ in held]
    for name in ALONE:
        yield name, told(_dropped([name], tasks), held)
    yield " + ".join(ALONE), told(_dropped(ALONE, tasks), held)
    for name, measure in MEASURES.items():
        yield name, _scored(name, measure(tasks, reader(who_reads(name))), held)


def _dropped(names: Sequence[str], tasks: Sequence[Task]) -> set[str]:
    return {line.item_id for line in judge(tasks, [(name, built(name)) for name in names])[1]}


def _scored(name: str, scores: Mapping[str, float], held: Judged) -> dict[str, Any]:
    """How far a reader's scores tell sound from bad, and what the default threshold drops."""
    seen = [
        (replace(task, scores={name: scores[task.id]}), valid)
        for task, valid in held
        if task.id in scores
    ]
    good = np.array([task.scores[name] for task, valid in seen if valid])
    bad = np.array([task.scores[name] for task, valid in seen if not valid])
    return {
        "AUC": _auc_interval(good, bad),
        **told(_dropped([name], [task for task, _ in seen]), seen),
    }


def _auc_interval(good: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    """How often a sound task scores above a bad one; with both drawn anew."""
    chance = np.random.default_rng(SEED)
    drawn = [
        auc(chance.choice(good, len(good)), chance.choice(bad, len(bad))) for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = {"value": auc(good, bad), "low": low, "high": high}
    return {**{name: round(float(x), 3) for name, x in found.items()}, "n": len(good) + len(bad)}


def main(argv: Sequence[str]) -> None:
    """Hold every filter against what the readers found."""
    path = Path(argv[0]) if argv else sorted(RESULTS.glob("blind_generator_*.json"))[-1]
    held = judged(json.loads(path.read_text("utf-8")))
    found = {}
    for name, row in figures(held):
        print(name, row, flush=True)
        found[name] = row
    file(
        "judged",
        {"tasks": len(held), **found},
        f"Readings: {path.name}. Wilson intervals; AUC with the tasks drawn anew. The reader of "
        "agreed and needed is SmolLM2-135M-Instruct, which does not measure agreed where no two "
        f"people write the same; of likely {GENERATOR}, whoever wrote the task.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
