"""Drafts to tasks worth learning: filters shard by shard, then selectors over the whole set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from katsuo import filters
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Selector, Signature
from katsuo.recipe import expand
from katsuo.road.measuring import Measuring
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.scoring.probes import QUESTION_COLUMNS
from katsuo.stages.curate import dropped_by, judge, select, signature_of
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.store.runs import StageFolder
from katsuo.types import Dropped, Task, Verdict


def curate(trip: Trip) -> None:
    """Take the stage `curate`."""
    settings = [_settled(trip, name, chosen) for name, chosen in trip.recipe.filters]
    built = [(name, filters.build(name, _loaded(chosen))) for name, chosen in settings]
    alone = _Alone.of(trip, built)
    whole = [(name, part) for name, part in built if isinstance(part, Selector)]
    measuring = Measuring(trip)
    readers = measuring.stated(alone.all)
    leaks = {path: sha256(path) for _, chosen in settings for path in chosen.get("against", ())}
    stated: list[Any] = [
        [name, {**chosen, "against": sorted(leaks.values())}] for name, chosen in settings
    ]
    if own := trip.recipe.own_filters:  # without any, keys are as they were
        stated.append(own)

    def work(folder: StageFolder) -> dict[str, Any]:
        counts = Counts(unit="task")
        with measuring:
            signatures = _judged(trip, folder, alone, measuring, counts)
        _selected(trip, folder, select(signatures, whole), counts)
        return {
            "settings": [
                [name, {k: str(v) for k, v in chosen.items()}] for name, chosen in settings
            ],
            **({"own_checks": own} if own else {}),
            "inputs": trip.manifest("generate")["outputs"],
            **({"readers": readers} if readers else {}),
            "counts": counts.facts,
            **_warnings(built),
        }

    # Without a reader, keys are as they were before filters could have one.
    inputs = [trip.manifest("generate")["outputs"], stated, *([readers] if readers else [])]
    trip.stage("curate", key_of("curate", *inputs), work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alone:
    """The filters that look at one task alone: the recipe's, and those of the user's task types."""

    usual: list[tuple[str, Filter]]
    own: dict[str, list[tuple[str, Filter]]]
    """Name of a task type -> its filters, in place of the usual ones."""

    @classmethod
    def of(cls, trip: Trip, built: Sequence[tuple[str, Filter | Selector]]) -> _Alone:
        usual = [(name, part) for name, part in built if isinstance(part, Filter)]
        # Nobody's checks let an evaluation question pass.
        kept = [(name, part) for name, part in usual if name == "unleaked"]
        own = {
            whose: [
                *(
                    (name, part)
                    for name, chosen in checks
                    if isinstance(part := filters.build(name, chosen), Filter)
                ),
                *kept,
            ]
            for whose, checks in trip.recipe.own_filters.items()
        }
        return cls(usual=usual, own=own)

    @property
    def all(self) -> list[tuple[str, Filter]]:
        """Every filter, under a name of its own."""
        own = [(f"{whose}/{name}", part) for whose, some in self.own.items() for name, part in some]
        return [*self.usual, *own]

    def judged(
        self, tasks: Sequence[Task], measured: Callable[[Filter, Sequence[Task]], Sequence[Task]]
    ) -> tuple[list[Task], list[Dropped]]:
        """What the filters keep of one shard and what they drop, in the order of `tasks`."""
        if not self.own:
            return judge(tasks, self.usual, measured)
        groups: dict[str, list[Task]] = {}
        for task in tasks:
            groups.setdefault(task.name if task.name in self.own else "", []).append(task)
        kept: dict[str, Task] = {}
        gone: dict[str, Dropped] = {}
        for whose, group in groups.items():
            good, lines = judge(group, self.own.get(whose, self.usual), measured)
            kept |= {task.id: task for task in good}
            gone |= {line.item_id: line for line in lines}
        ids = [task.id for task in tasks]
        return [kept[id_] for id_ in ids if id_ in kept], [gone[id_] for id_ in ids if id_ in gone]


def _warnings(built: Iterable[tuple[str, object]]) -> dict[str, str]:
    """What a person should know: a filter that had nothing to compare with."""
    idle = any(isinstance(part, Unleaked) and part.idle for _, part in built)
    said = (
        "unleaked compared with nothing: evaluate.sets (or its setting against) names no set "
        "that asks anything"
    )
    return {"note": said} if idle else {}


def _judged(
    trip: Trip,
    folder: StageFolder,
    alone: _Alone,
    measuring: Measuring,
    counts: Counts,
) -> list[Signature]:
    """Write what the per-task filters keep; the signatures of that."""
    signatures: list[Signature] = []
    parts = trip.run.stage("generate").parts()
    for number, part in enumerate(parts):
        found = [tables.task_of(row) for row in tables.read(part)]
        kept, lines = alone.judged(found, partial(measuring.scored, part))
        tables.write(folder.part(number), _schema(trip), map(tables.task_row, kept))
        tables.write(folder.dropped(number), tables.DROPPED, map(tables.dropped_row, lines))
        signatures.extend(map(signature_of, kept))
        counts.keep(len(kept))
        counts.drop(lines)
        trip.listen(Event(stage="curate", done=number + 1, total=len(parts), unit="shard",
                          kept=counts.passed, dropped=counts.dropped.total()))  # fmt: skip
    return signatures


def _schema(trip: Trip) -> pa.Schema:
    """The columns of the tasks of a run."""
    return tables.OWN_TASKS if trip.recipe.generate.tasks else tables.TASKS


def _selected(
    trip: Trip, folder: StageFolder, verdicts: dict[str, tuple[str, Verdict]], counts: Counts
) -> None:
    """Rewrite the shards without what the selectors turn away."""
    if not verdicts:
        return
    for number, part in enumerate(folder.parts()):
        found = list(tables.tasks([part]))
        gone = [task for task in found if task.id in verdicts]
        if not gone:
            continue
        kept = [task for task in found if task.id not in verdicts]
        lines = [dropped_by(task, *verdicts[task.id]) for task in gone]
        earlier = list(tables.read(folder.dropped(number)))
        tables.write(part, _schema(trip), map(tables.task_row, kept))
        tables.write(
            folder.dropped(number), tables.DROPPED, [*earlier, *map(tables.dropped_row, lines)]
        )
        _recount(counts, lines)


def _recount(counts: Counts, lines: list[Dropped]) -> None:
    """Tasks that had passed the filters alone are now dropped."""
    counts.passed -= len(lines)
    counts.arrived -= len(lines)
    counts.drop(lines)


def _settled(trip: Trip, name: str, chosen: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The settings of a filter, the files of `against` as paths; by default the evaluation sets."""
    if name != "unleaked":
        return name, chosen
    asked = trip.recipe.evaluate
    against = chosen.get("against", [*asked.sets, *asked.questions])
    listed = [against] if isinstance(against, str) else list(against)
    return name, {**chosen, "against": expand(listed, "curate.unleaked.against")}


def _loaded(chosen: dict[str, Any]) -> dict[str, Any]:
    """Filters touch no disk: the questions of the sets take the place of their files."""
    if "against" not in chosen:
        return chosen
    texts = tuple(text for path in chosen["against"] for text in _questions(path))
    return {**{k: v for k, v in chosen.items() if k != "against"}, "texts": texts}


def _questions(path: Any) -> Iterator[str]:  # noqa: ANN401 -- a path
    for row in tables.rows_of(path):
        yield from (str(row[column]) for column in QUESTION_COLUMNS if row.get(column))
