"""Does each filter find its errors, and does it leave sound tasks alone?

python benchmarks/quality/bench_filters.py        (KATSUO_DATA names the data)

Human-written tasks of all types are sound; `errors.py` spoils copies of them. Each filter judges as
many sound tasks as spoilt ones of a kind: recall is the share of the spoilt that it drops,
precision the share of what it drops that is spoilt. Filters that decide by a reader's score have
their threshold chosen on one half and are told on the other; AUC is over both.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from errors import MAKERS, retyped, touched_up
from filing import file, share

from katsuo import engines, filters
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Selector
from katsuo.recipe import expand
from katsuo.stages.curate import signature_of
from katsuo.stages.measure import MEASURES, Reader
from katsuo.stages.remix import RemixSettings, remix
from katsuo.store import tables
from katsuo.templates import load_sources
from katsuo.templates.tables import with_rows
from katsuo.types import Task, TaskType

N: Final = 300
SEED: Final = 11
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "well_formed": (
        "marker left over", "echo", "loop", "passage lost", "no question", "no choice",
    ),
    "grounded": ("absent answer", "question of another passage"),
    "agreed": ("wrong span", "flipped label", "question of another passage"),
    "needed": ("question of another passage", "wrong span", "flipped label"),
}  # fmt: skip
"""Filter -> the errors that it is there for."""
BEYOND: Final = ("cosmos_qa", "dbpedia_14")
"""Sources whose questions go beyond what the passage says: they cannot be grounded in it."""


def sound(per_source: int = 600) -> list[Task]:
    """Human-written tasks of every type, in an order of chance."""
    folder = expand(["$KATSUO_DATA/sources"], "KATSUO_DATA")[0]
    sources = [
        (source, islice(rows, per_source))
        for source, rows in with_rows(load_sources(), folder, SEED)
    ]
    settings = RemixSettings(seed=SEED, max_context_chars=1600)
    found = [task for task in remix(sources, settings) if isinstance(task, Task)]
    random.Random(SEED).shuffle(found)
    return found


def spoilt(kind: str, tasks: Sequence[Task], n: int) -> list[tuple[Task, Task]]:
    """`n` pairs of a sound task and the same spoilt."""
    chance = random.Random(f"{SEED} {kind}")
    if kind == "question of another passage":
        tasks = [task for task in tasks if not task.origin.generator.startswith(BEYOND)]
    spans = [task for task in tasks if task.type is TaskType.EXQA]
    made = ((task, MAKERS[kind](task, spans, chance)) for task in tasks)
    return list(islice(((task, bad) for task, bad in made if bad is not None), n))


def judged(part: Filter, pairs: Sequence[tuple[Task, Task]]) -> dict[str, Any]:
    """Precision, recall and speed on as many sound tasks as spoilt ones."""
    began = time.perf_counter()
    kept = part.judge([one for one, _ in pairs])
    found = part.judge([bad for _, bad in pairs])
    seconds = time.perf_counter() - began
    wrongly, rightly = (sum(not verdict.keep for verdict in group) for group in (kept, found))
    return {
        "precision": share(rightly, rightly + wrongly),
        "recall": share(rightly, len(pairs)),
        "tasks/s": round(2 * len(pairs) / seconds),
    }


def scored(name: str, pairs: Sequence[tuple[Task, Task]], reader: Reader) -> dict[str, Any]:
    """What a reader's score tells apart, and the threshold that one half of the pairs chooses."""
    tasks = [task for pair in pairs for task in pair]
    began = time.perf_counter()
    scores = MEASURES[name]([replace(task, id=str(n)) for n, task in enumerate(tasks)], reader)
    seconds = time.perf_counter() - began
    held = [
        (scores[str(2 * n)], scores[str(2 * n + 1)])
        for n in range(len(pairs))
        if str(2 * n) in scores and str(2 * n + 1) in scores
    ]
    good, bad = (np.array(column) for column in zip(*held, strict=True))
    half = len(held) // 2
    limit = _threshold(good[:half], bad[:half])
    wrongly, rightly = int((good[half:] < limit).sum()), int((bad[half:] < limit).sum())
    return {
        "AUC": _auc_interval(good, bad),
        "threshold": round(float(limit), 3),
        "precision": share(rightly, rightly + wrongly),
        "recall": share(rightly, len(held) - half),
        "tasks/s": round(len(tasks) / seconds, 1),
    }


def _auc(good: np.ndarray, bad: np.ndarray) -> float:
    """How often a sound task scores above a spoilt one; ties count half."""
    above = (good[:, None] > bad[None, :]).mean()
    level = (good[:, None] == bad[None, :]).mean()
    return float(above + level / 2)


def _auc_interval(good: np.ndarray, bad: np.ndarray, draws: int = 1000) -> dict[str, float]:
    """With the pairs drawn anew."""
    chance = np.random.default_rng(SEED)
    found = []
    for _ in range(draws):
        rows = chance.integers(0, len(good), len(good))
        found.append(_auc(good[rows], bad[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return {
        "value": round(_auc(good, bad), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
        "n": len(good),
    }


def _threshold(good: np.ndarray, bad: np.ndarray) -> float:
    """Where recall less false alarms is largest (Youden's index)."""
    limits = np.unique(np.concatenate([good, bad]))
    gains = [(bad < limit).mean() - (good < limit).mean() for limit in limits]
    return float(limits[int(np.argmax(gains))])


def twins(
    part: Selector, tasks: Sequence[Task], retype: Callable[[Task, random.Random], Task]
) -> dict[str, Any]:
    """Of the first half every task has a twin; one of each two must go, and no other."""
    chance = random.Random(SEED)
    twinned = tasks[:N]
    copies = {task.id: retype(task, chance) for task in twinned}
    rows = [signature_of(task) for task in (*tasks[: 2 * N], *copies.values())]
    began = time.perf_counter()
    gone = {id_ for id_, verdict in part.select(rows) if not verdict.keep}
    seconds = time.perf_counter() - began
    pairs = sum((task.id in gone) != (copies[task.id].id in gone) for task in twinned)
    return {
        "precision": share(pairs, len(gone)),
        "recall": share(pairs, len(twinned)),
        "tasks/s": round(len(rows) / seconds),
    }


def leaked(tasks: Sequence[Task]) -> dict[str, Any]:
    """Questions of evaluation sets in the frames of sound tasks."""
    folder = expand(["$KATSUO_DATA/eval"], "KATSUO_DATA")[0]
    asked = [
        str(row["question"])
        for path in sorted(folder.glob("*.parquet"))
        for row in tables.rows_of(path)
        if row.get("question")
    ]
    chance = random.Random(SEED)
    frames = [task for task in tasks if task.type in (TaskType.QA, TaskType.YNQA)][:N]
    pairs = [
        (task, replace(task, instruction=f"{task.context}\n\n{chance.choice(asked)}"))
        for task in frames
    ]
    return judged(Unleaked(texts=tuple(asked)), pairs)


def _table() -> Iterator[tuple[str, dict[str, Any]]]:
    tasks = sound()
    base = engines.find("smollm2-135m")
    reader = Reader(
        ranks=engines.open_ranks(base), completes=engines.open_completes(base, "openvino", "F16")
    )
    for name, kinds in KINDS.items():
        for kind in kinds:
            pairs = spoilt(kind, tasks, N)
            if name in MEASURES:
                yield f"{name}: {kind}", scored(name, pairs, reader)
            else:
                yield f"{name}: {kind}", judged(_filter(name), pairs)
    fresh = filters.build("fresh", {})
    assert isinstance(fresh, Selector)
    yield "fresh: retyped", twins(fresh, tasks, retyped)
    yield "fresh: a word in front", twins(fresh, tasks, touched_up)
    yield "unleaked: question of an evaluation set", leaked(tasks)


def _filter(name: str) -> Filter:
    part = filters.build(name, {})
    assert isinstance(part, Filter)
    return part


def main() -> None:
    """Measure every filter on every error that it is there for."""
    figures = {}
    for name, row in _table():
        print(name, row, flush=True)
        figures[name] = row
    file(
        "filters",
        figures,
        f"{N} pairs a kind, seed {SEED}; the reader is SmolLM2-135M-Instruct. Precision is on "
        "equal numbers of sound and spoilt tasks: with fewer errors among them it is lower.",
    )


if __name__ == "__main__":
    main()
