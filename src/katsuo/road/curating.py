"""Drafts to tasks worth learning: filters shard by shard, then selectors over the whole set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from katsuo import filters
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Selector, Signature
from katsuo.recipe import expand
from katsuo.road.judging import Told, remembering
from katsuo.road.measuring import Measuring
from katsuo.road.tallying import Tally
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
    alone = [(name, part) for name, part in built if isinstance(part, Filter)]
    whole = [(name, part) for name, part in built if isinstance(part, Selector)]
    measuring = Measuring(trip)
    readers = measuring.stated(alone)
    leaks = {path: sha256(path) for _, chosen in settings for path in chosen.get("against", ())}
    stated = [[name, {**chosen, "against": sorted(leaks.values())}] for name, chosen in settings]

    told = [
        Told(name=name, part=part, settings=settings)
        for (name, part), settings in zip(built, stated, strict=True)
        if isinstance(part, Filter)
    ]

    def work(folder: StageFolder) -> dict[str, Any]:
        counts, tally = Counts(unit="task"), Tally(built)
        with measuring:
            signatures: list[Signature] = []
            shards = _by_shard(trip, told)
            n_shards = len(trip.run.stage("generate").parts())
            for number, (found, kept, lines) in enumerate(_judged(trip, shards, measuring)):
                _put_aside(folder, number, kept, lines)
                signatures.extend(map(signature_of, kept))
                counts.keep(len(kept))
                counts.drop(lines)
                tally.arrived(found, lines)
                trip.listen(_event(number + 1, n_shards, counts))
        _written(folder, select(signatures, whole), counts, tally)
        return {
            "settings": [
                [name, {k: str(v) for k, v in chosen.items()}] for name, chosen in settings
            ],
            "inputs": trip.manifest("generate")["outputs"],
            **({"readers": readers} if readers else {}),
            "counts": counts.facts,
            **tally.facts,
            **_warnings(built),
        }

    # Without a reader, keys are as they were before filters could have one.
    inputs = [trip.manifest("generate")["outputs"], stated, *([readers] if readers else [])]
    trip.stage("curate", key_of("curate", *inputs), work)


def _warnings(built: Iterable[tuple[str, object]]) -> dict[str, str]:
    """What a person should know: a filter that had nothing to compare with."""
    idle = any(isinstance(part, Unleaked) and part.idle for _, part in built)
    said = (
        "unleaked compared with nothing: evaluate.sets (or its setting against) names no set "
        "that asks anything"
    )
    return {"note": said} if idle else {}


def _by_shard(trip: Trip, alone: list[Told]) -> Iterator[tuple[Path, list[tuple[str, Filter]]]]:
    """Each shard of drafts, and the filters that judge it."""
    for part in trip.run.stage("generate").parts():
        yield part, remembering(trip, sha256(part), alone)


def _judged(
    trip: Trip, shards: Iterator[tuple[Path, list[tuple[str, Filter]]]], measuring: Measuring
) -> Iterator[tuple[list[Task], list[Task], list[Dropped]]]:
    """The drafts of each shard, what the per-task filters keep of them, and their ledger."""
    for part, alone in shards:
        found = [tables.task_of(row) for row in tables.read(part)]
        yield found, *judge(found, alone, partial(measuring.scored, part))


def _event(done: int, total: int, counts: Counts) -> Event:
    return Event(stage="curate", done=done, total=total, unit="shard",
                 kept=counts.passed, dropped=counts.dropped.total())  # fmt: skip


class _Aside(NamedTuple):
    """A shard between filters and selectors; names with a dot are no outputs."""

    kept: Path
    dropped: Path


def _aside(folder: StageFolder, number: int) -> _Aside:
    return _Aside(
        kept=folder.folder / f".kept-{number:05d}.arrow",
        dropped=folder.folder / f".dropped-{number:05d}.arrow",
    )


def _put_aside(folder: StageFolder, number: int, kept: list[Task], lines: list[Dropped]) -> None:
    aside = _aside(folder, number)
    tables.lay_aside(aside.kept, tables.TASKS, map(tables.task_row, kept))
    tables.lay_aside(aside.dropped, tables.DROPPED, map(tables.dropped_row, lines))


def _written(
    folder: StageFolder, verdicts: dict[str, tuple[str, Verdict]], counts: Counts, tally: Tally
) -> None:
    """Write the shards without what the selectors turned away."""
    for number in range(len(list(folder.folder.glob(".kept-*.arrow")))):
        aside = _aside(folder, number)
        kept, dropped = tables.laid_aside(aside.kept), tables.laid_aside(aside.dropped)
        stays = [id_ not in verdicts for id_ in kept["id"].to_pylist()]
        if not all(stays):
            gone = map(tables.task_of, kept.filter([not here for here in stays]).to_pylist())
            lines = [dropped_by(task, *verdicts[task.id]) for task in gone]
            dropped = tables.extended(dropped, map(tables.dropped_row, lines))
            kept = kept.filter(stays)
            _recount(counts, lines)
        tally.kept(kept["task_type"].to_pylist(), kept["response"].to_pylist())
        tables.write_table(folder.part(number), kept)
        tables.write_table(folder.dropped(number), dropped)
        aside.kept.unlink()
        aside.dropped.unlink()


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
    asked = [found for path in chosen["against"] for found in _questions(path)]
    texts, sets, documents = zip(*asked, strict=True) if asked else ((), (), ())
    rest = {name: value for name, value in chosen.items() if name != "against"}
    return {**rest, "texts": texts, "sets": sets, "documents": documents}


def _questions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Every question of a set, with the set's name and the document that it is about."""
    for row in tables.rows_of(path):
        document = str(row.get("source_document") or row.get("document") or row.get("id") or "")
        for column in QUESTION_COLUMNS:
            if row.get(column):
                yield str(row[column]), path.stem, document
