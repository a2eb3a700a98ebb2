"""Does each filter find its errors, and does it leave sound tasks alone?

python benchmarks/quality/bench_filters.py               (KATSUO_DATA names the data)
python benchmarks/quality/bench_filters.py --no-reader   (seconds; prints, and files nothing)

Human-written tasks of all types are sound; `errors.py` spoils copies of them. Each filter judges as
many sound tasks as spoilt ones of a kind: recall is the share of the spoilt that it drops,
precision the share of what it drops that is spoilt. Filters that decide by a reader's score have
their threshold chosen on one half and are told on the other; AUC is over both. What a reader has
measured is kept in a folder: who runs the same command again goes on there. A new measure in
`stages/measure.py` wants an empty folder.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from errors import MAKERS, PARAPHRASES, asked_twice, german, retyped, touched_up
from filing import file, share
from unseen import unseen

from katsuo import engines, filters
from katsuo.filters.balanced import has_lasting_labels
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Selector
from katsuo.recipe import expand
from katsuo.scoring.roles import role_of
from katsuo.sections import Recipe
from katsuo.stages.curate import signature_of
from katsuo.stages.measure import BY_GENERATOR, MEASURES, Reader
from katsuo.stages.remix import RemixSettings, remix
from katsuo.store import tables
from katsuo.templates import load_sources
from katsuo.templates.tables import with_rows
from katsuo.types import Task, TaskType, digest

N: Final = 300
SEED: Final = 11
READER: Final = "smollm2-135m"
GENERATOR: Final = "smollm2-135m-bonito"
"""Reads for the filters that only a generator can measure for."""
UNSEEN: Final = ", unseen"
"""Ends kinds whose passages no generator was taught; of the others it was taught some."""
NO_ANSWER: Final = ("unanswerable", "unanswerable, free answer")
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "well_formed": (
        "marker left over", "echo", "loop", "passage lost", "no question", "no choice",
        "label not offered", "question in another language", "response in another language",
    ),
    "grounded": ("absent answer", "question of another passage", *NO_ANSWER),
    "agreed": (
        "wrong span", "swapped answer", "flipped label", "question of another passage", *NO_ANSWER,
    ),
    "needed": (
        "question of another passage", "wrong span", "swapped answer", "flipped label", *NO_ANSWER,
    ),
    "likely": (
        "wrong span", "swapped answer", "flipped label", "question of another passage", *NO_ANSWER,
        *(f"{kind}{UNSEEN}" for kind in (
            "wrong span", "flipped label", "question of another passage")),
    ),
}  # fmt: skip
"""Filter -> the errors that it is there for."""
EXCESS: Final = 0.8
"""Share of one label that a set is given for `balanced` to mend."""
ASKED_OFTEN: Final = ("xquad_en", "qamr", "squad", "ropes", "quoref", "onestop_qa")
"""Sources with many questions about one passage, whose answers can be swapped."""
BEYOND: Final = ("cosmos_qa", "dbpedia_14")
"""Sources whose questions go beyond what the passage says: they cannot be grounded in it."""


def sound(per_source: int = 600, only: Sequence[str] = ()) -> list[Task]:
    """Human-written tasks of every type, in an order of chance; `only` of these sources."""
    folder = expand(["$KATSUO_DATA/sources"], "KATSUO_DATA")[0]
    sources = [
        (source, islice(rows, per_source))
        for source, rows in with_rows(load_sources(), folder, SEED)
        if not only or source.data in only
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
    asked = (TaskType.EXQA, TaskType.QA) if kind == "swapped answer" else (TaskType.EXQA,)
    others = [task for task in tasks if task.type in asked]
    made = ((task, MAKERS[kind](task, others, chance)) for task in tasks)
    return list(islice(((task, bad) for task, bad in made if bad is not None), n))


def judged(part: Filter, pairs: Sequence[tuple[Task, Task]]) -> dict[str, Any]:
    """Precision, recall and speed on as many sound tasks as spoilt ones."""
    part.judge([one for one, _ in pairs[:10]])  # what is loaded once is not timed
    began = time.perf_counter()
    kept = part.judge([one for one, _ in pairs])
    found = part.judge([bad for _, bad in pairs])
    seconds = time.perf_counter() - began
    wrongly, rightly = (sum(not verdict.keep for verdict in group) for group in (kept, found))
    reasons = Counter(verdict.reason for verdict in found if not verdict.keep)
    return {
        "precision": (precision := share(rightly, rightly + wrongly)),
        "recall": share(rightly, len(pairs)),
        "beats chance": precision.get("low", 0) > 0.5,
        "reasons": dict(reasons.most_common(3)),
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
        "AUC": (area := _auc_interval(good, bad)),
        "beats chance": area["low"] > 0.5,
        "threshold": round(float(limit), 3),
        "precision": share(rightly, rightly + wrongly),
        "recall": share(rightly, len(held) - half),
        "tasks/s": round(len(tasks) / seconds, 1),
    }


def auc(good: np.ndarray, bad: np.ndarray) -> float:
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
        found.append(auc(good[rows], bad[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return {
        "value": round(auc(good, bad), 3),
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
    return _of_twins(pairs, len(gone), len(twinned), len(rows) / seconds)


def paraphrased(part: Selector, tasks: Sequence[Task], name: str) -> dict[str, Any]:
    """One of each two that mean the same must go; of those that only look alike, none."""
    kind = TaskType.QA if name == "QQP" else TaskType.YNQA
    frames = [task for task in tasks if task.type is kind and task.answerable][:N]
    folder = expand(["$KATSUO_DATA"], "KATSUO_DATA")[0]
    same, other = asked_twice(frames, name, folder, random.Random(SEED))
    rows = [signature_of(task) for pair in (*same, *other) for task in pair]
    began = time.perf_counter()
    gone = {id_ for id_, verdict in part.select(rows) if not verdict.keep}
    seconds = time.perf_counter() - began
    found = sum((one.id in gone) != (two.id in gone) for one, two in same)
    return _of_twins(found, len(gone), len(same), len(rows) / seconds)


def _of_twins(found: int, gone: int, twins: int, speed: float) -> dict[str, Any]:
    precision = share(found, gone)
    return {
        "precision": precision,
        "recall": share(found, twins),
        "beats chance": precision.get("low", 0) > 0.5,
        "tasks/s": round(speed),
    }


def leaked(tasks: Sequence[Task], *, whole: bool) -> dict[str, Any]:
    """Rows of evaluation sets, or their questions only, in the place of sound tasks."""
    folder = expand(["$KATSUO_DATA/eval"], "KATSUO_DATA")[0]
    asked = [
        (str(row["context"]), str(row["question"]))
        for path in sorted(folder.glob("*.parquet"))
        for row in tables.rows_of(path)
        if row.get("question")
    ]
    chance = random.Random(SEED)
    frames = [task for task in tasks if task.type in (TaskType.QA, TaskType.YNQA)][:N]
    pairs = []
    for task in frames:
        passage, question = chance.choice(asked)
        passage = passage if whole else task.context
        bad = replace(task, context=passage, instruction=f"{passage}\n\n{question}")
        pairs.append((task, bad))
    return judged(Unleaked(texts=tuple(question for _, question in asked)), pairs)


def evened(part: Selector, tasks: Sequence[Task]) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each type with lasting labels, the share of a label in excess before and after."""
    by_type: defaultdict[TaskType, list[Task]] = defaultdict(list)
    for task in tasks:
        if has_lasting_labels(task.type):
            by_type[task.type].append(task)
    for kind, group in sorted(by_type.items()):
        roles = Counter(role_of(task.response) for task in group)
        (most, held), *_ = roles.most_common(1)
        many = min(round(N * EXCESS), held)
        own = [task for task in group if role_of(task.response) == most][:many]
        rest = [task for task in group if role_of(task.response) != most]
        chosen = [*own, *rest[: round(many / EXCESS) - many]]
        began = time.perf_counter()
        gone = {id_ for id_, v in part.select(map(signature_of, chosen)) if not v.keep}
        seconds = time.perf_counter() - began
        kept = [role_of(task.response) for task in chosen if task.id not in gone]
        yield (
            kind,
            {
                "label": most,
                "share before": share(many, len(chosen)),
                "share after": share(kept.count(most), len(kept)),
                "labels": len(set(kept)),
                "tasks/s": round(len(chosen) / seconds),
            },
        )


def by_words(tasks: Sequence[Task], n: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures that no reader is needed for: seconds."""
    for name, kinds in KINDS.items():
        for kind in kinds if name not in MEASURES else ():
            yield f"{name}: {kind}", judged(built(name), spoilt(kind, tasks, n))
    fresh = _selector("fresh")
    yield "fresh: retyped", twins(fresh, tasks, retyped)
    yield "fresh: a word in front", twins(fresh, tasks, touched_up)
    for name in PARAPHRASES:
        yield f"fresh: duplicate by paraphrase, {name}", paraphrased(fresh, tasks, name)
    yield "unleaked: question of an evaluation set", leaked(tasks, whole=False)
    yield "unleaked: leaked row", leaked(tasks, whole=True)
    for kind, row in evened(_selector("balanced"), tasks):
        yield f"balanced: {kind}", row


def by_reader(tasks: Sequence[Task], n: int, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of a reader's scores: minutes to an hour; what `folder` holds is not repeated."""
    for name in MEASURES:
        for kind in KINDS[name]:
            pairs = spoilt(kind.removesuffix(UNSEEN), _spoilable(kind, tasks), n)
            texts = [f"{task.instruction}\n{task.response}" for pair in pairs for task in pair]
            key = digest(name, kind, who_reads(name), str(SEED), *texts)
            path = folder / f"{name}-{kind.replace(',', '').replace(' ', '-')}-{key}.json"
            if not path.exists():
                row = scored(name, pairs, reader(who_reads(name)))
                folder.mkdir(parents=True, exist_ok=True)
                whole = path.with_suffix(".part")
                whole.write_text(json.dumps(row, indent=1) + "\n", "utf-8")
                whole.replace(path)
            yield f"{name}: {kind}", json.loads(path.read_text("utf-8"))


def _spoilable(kind: str, tasks: Sequence[Task]) -> Sequence[Task]:
    """The sound tasks of which copies get the error `kind`; usually `tasks`."""
    if kind.endswith(UNSEEN):
        return unseen(SEED)
    return sound(2400, ASKED_OFTEN) if kind == "swapped answer" else tasks


def who_reads(name: str) -> str:
    """The model that measures for the filter `name`."""
    return GENERATOR if name in BY_GENERATOR else READER


@cache
def reader(name: str) -> Reader:
    """The model `name`, which judges by reading; opened when it is first needed."""
    model = engines.find(name)
    return Reader(
        ranks=engines.open_ranks(model),
        completes=engines.open_completes(model, "openvino", "F16"),
        form=model.format,
    )


def built(name: str) -> Filter:
    """The filter `name` with its own settings."""
    part = filters.build(name, {})
    assert isinstance(part, Filter)
    return part


def _selector(name: str) -> Selector:
    part = filters.build(name, {})
    assert isinstance(part, Selector)
    return part


def reading(figures: dict[str, dict[str, Any]]) -> str:
    """What the figures are of, and which filters do not beat chance on which errors."""
    weak = [name for name, row in figures.items() if row.get("beats chance") is False]
    usual = Recipe().filters
    off = sorted(set(filters.FILTERS) - {name for name, _ in usual})
    return (
        f"{N} pairs a kind, seed {SEED}, or fewer where the sources have no more (n states it); "
        f"the reader is SmolLM2-135M-Instruct, of likely {GENERATOR}, which was taught tasks of "
        "the same sources, and of no set that is called unseen (dev part). Precision is on equal "
        "numbers of sound and spoilt tasks: with fewer errors among them it is lower. A filter "
        "beats chance on an error if the interval of its precision (with a reader: of its AUC) "
        f"lies above a half. Not above chance: {'; '.join(weak) or 'none'}. Off by default: "
        f"{', '.join(off)}. The texts in another language are {len(german())} German sentences, so "
        f"their intervals are too narrow. `balanced` is given {EXCESS:.0%} of one label. `private` "
        "and the step of `fresh` that looks at the meaning have pages of their own: "
        "bench_private.py, bench_twins.py."
    )


def main() -> None:
    """Measure every filter on every error that it is there for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-reader", action="store_true", help="cheap filters only; no page")
    parser.add_argument("--pairs", type=int, default=N, help=f"files no page unless it is {N}")
    parser.add_argument("--runs", type=Path, default=Path("runs/bench-filters"))
    given = parser.parse_args()
    tasks = sound()
    figures = {}
    parts = [by_words(tasks, given.pairs)]
    if not given.no_reader:
        parts.append(by_reader(tasks, given.pairs, given.runs))
    for part in parts:
        for name, row in part:
            print(name, json.dumps(row), flush=True)
            figures[name] = row
    if given.no_reader or given.pairs != N:
        print(reading(figures))
    else:
        file("filters", figures, reading(figures), names=("filter", "error"))


if __name__ == "__main__":
    main()
