"""Drafts to tasks worth learning: filters shard by shard, then selectors over the whole set.

Rewriters come between, whatever their place in the recipe: filters judge what the generator wrote,
so that what a reader has measured holds on, and selectors see what will be learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from katsuo import filters
from katsuo.filters.private import Private
from katsuo.filters.unleaked import Unleaked
from katsuo.personal.finding import versions
from katsuo.protocols import Filter, Rewriter, Selector, Signature
from katsuo.recipe import expand
from katsuo.road.measuring import Measuring
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.scoring.probes import QUESTION_COLUMNS
from katsuo.stages.curate import dropped_by, judge, rewrite, select, signature_of
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.store.runs import StageFolder
from katsuo.types import Dropped


def curate(trip: Trip) -> None:
    """Take the stage `curate`."""
    settings = [_settled(trip, name, chosen) for name, chosen in trip.recipe.filters]
    built = [(name, filters.build(name, _loaded(chosen))) for name, chosen in settings]
    alone = [(name, part) for name, part in built if isinstance(part, Filter)]
    rewriters = [(name, part) for name, part in built if isinstance(part, Rewriter)]
    whole = [(name, part) for name, part in built if isinstance(part, Selector)]
    measuring = Measuring(trip)
    readers = measuring.stated(alone)
    leaks = {path: sha256(path) for _, chosen in settings for path in chosen.get("against", ())}
    stated = [[name, {**chosen, "against": sorted(leaks.values())}] for name, chosen in settings]
    libraries = versions() if any(isinstance(part, Private) for _, part in built) else {}

    def work(folder: StageFolder) -> dict[str, Any]:
        counts = Counts(unit="task")
        with measuring:
            signatures = _judged(trip, folder, (alone, rewriters), measuring, counts)
        _selected(folder, signatures, whole, counts)
        return {
            "settings": [
                [name, {k: str(v) for k, v in chosen.items()}] for name, chosen in settings
            ],
            "inputs": trip.manifest("generate")["outputs"],
            **({"readers": readers} if readers else {}),
            **({"libraries": libraries} if libraries else {}),
            "counts": counts.facts,
            **_warnings(trip, built),
        }

    # Without a reader or a rewriter, keys are as they were before there could be one.
    later = [each for each in (readers, libraries) if each]
    inputs = [trip.manifest("generate")["outputs"], stated, *later]
    trip.stage("curate", key_of("curate", *inputs), work)


def _warnings(trip: Trip, built: Sequence[tuple[str, object]]) -> dict[str, str]:
    """What a person should know: a filter that had nothing to compare with, or does not reach."""
    said = []
    if any(isinstance(part, Unleaked) and part.idle for _, part in built):
        said.append(
            "unleaked compared with nothing: evaluate.sets (or its setting against) names no set "
            "that asks anything"
        )
    arms = trip.recipe.adapt.arms_by_name
    reads = [name for name, arm in arms.items() if arm.learn == "passages"]
    if reads and any(isinstance(part, Private) for _, part in built):
        said.append(
            f"private changes tasks alone: {', '.join(reads)} learns the passages as they are"
        )
    return {"note": "; ".join(said)} if said else {}


def _judged(
    trip: Trip,
    folder: StageFolder,
    parts: tuple[Sequence[tuple[str, Filter]], Sequence[tuple[str, Rewriter]]],
    measuring: Measuring,
    counts: Counts,
) -> list[Signature]:
    """Write what the per-task filters keep, as the rewriters put it; the signatures of that."""
    alone, rewriters = parts
    signatures: list[Signature] = []
    drafts = trip.run.stage("generate").parts()
    for number, part in enumerate(drafts):
        found = [tables.task_of(row) for row in tables.read(part)]
        standing, lines = judge(found, alone, partial(measuring.scored, part))
        kept, more = rewrite(standing, rewriters)
        lines += more
        tables.write(folder.part(number), tables.TASKS, map(tables.task_row, kept))
        tables.write(folder.dropped(number), tables.DROPPED, map(tables.dropped_row, lines))
        signatures.extend(map(signature_of, kept))
        counts.keep(len(kept))
        counts.drop(lines)
        trip.listen(Event(stage="curate", done=number + 1, total=len(drafts), unit="shard",
                          kept=counts.passed, dropped=counts.dropped.total()))  # fmt: skip
    return signatures


def _selected(
    folder: StageFolder,
    signatures: list[Signature],
    whole: list[tuple[str, Selector]],
    counts: Counts,
) -> None:
    """Rewrite the shards without what the selectors turn away."""
    verdicts = select(signatures, whole)
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
        tables.write(part, tables.TASKS, map(tables.task_row, kept))
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
    if name == "private":
        return name, {"seed": trip.recipe.seed, **chosen}
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
