"""Drafts to tasks worth learning: filters and rewriters shard by shard, then selectors over all.

Rewriters come behind all filters, wherever the recipe names them: a filter judges what was drafted,
so that what a reader has measured holds whether details are replaced or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from katsuo import engines, filters
from katsuo.filters.fresh import Fresh
from katsuo.filters.private import Private
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Rewriter, Selector, Signature
from katsuo.recipe import expand
from katsuo.road.judging import Alone, Told, edition_of
from katsuo.road.measuring import Measuring
from katsuo.road.tallying import Tally
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.scoring.probes import QUESTION_COLUMNS
from katsuo.stages.curate import dropped_by, rewrite, select, signature_of
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.store.runs import StageFolder
from katsuo.types import Dropped, Task, Verdict


def curate(trip: Trip) -> None:
    """Take the stage `curate`."""
    settings = [_settled(trip, name, chosen) for name, chosen in trip.recipe.filters]
    built = [(name, filters.build(name, _loaded(chosen))) for name, chosen in settings]
    leaks = {path: sha256(path) for _, chosen in settings for path in chosen.get("against", ())}
    stated: list[Any] = [
        [name, {**chosen, "against": sorted(leaks.values())}] for name, chosen in settings
    ]
    own = trip.recipe.own_filters
    alone = Alone.of(
        [
            Told(name=name, part=part, settings=_told(part, said))
            for (name, part), said in zip(built, stated, strict=True)
            if isinstance(part, Filter)
        ],
        own,
    )
    measuring = Measuring(trip)
    readers = measuring.stated(alone.all)
    embedders = {
        name: engines.find(part.embedder)
        for name, part in built
        if isinstance(part, Fresh) and part.embedder
    }
    embedded = {name: engines.embedder_identity(named) for name, named in embedders.items()}
    libraries: dict[str, str] = {}
    for _, part in built:
        libraries |= filters.libraries(part)
    editions = {name: n for name, part in alone.all if (n := edition_of(part)) > 1}
    if own:  # without any, keys are as they were
        stated.append(own)

    def work(folder: StageFolder) -> dict[str, Any]:
        counts, tally = Counts(unit="task"), Tally(built)
        with measuring:
            signatures = _judged(_Work(trip, folder, counts, tally), alone, measuring, built)
        _written(folder, select(signatures, _selectors(built, embedders)), counts, tally)
        return {
            "settings": [
                [name, {k: str(v) for k, v in chosen.items()}] for name, chosen in settings
            ],
            **({"own_checks": own} if own else {}),
            "inputs": trip.manifest("generate")["outputs"],
            **({"readers": readers} if readers else {}),
            **({"libraries": libraries} if libraries else {}),
            **({"embedders": embedded} if embedded else {}),
            "counts": counts.facts,
            **tally.facts,
            **_warnings(trip, built),
        }

    # Without one of these, keys are as they were before there could be one.
    later = [each for each in (readers, libraries, embedded, editions) if each]
    inputs = [trip.manifest("generate")["outputs"], stated, *later]
    trip.stage("curate", key_of("curate", *inputs), work)


def _selectors(
    built: Sequence[tuple[str, object]], embedders: Mapping[str, engines.Named]
) -> list[tuple[str, Selector]]:
    """The selectors among the filters, their embedders opened."""
    found: list[tuple[str, Selector]] = []
    for name, part in built:
        if isinstance(part, Fresh) and name in embedders:
            found.append((name, replace(part, embeds=engines.open_embeds(embedders[name]))))
        elif isinstance(part, Selector):
            found.append((name, part))
    return found


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


def _told(part: Filter, said: list[Any]) -> list[Any]:
    """What the verdicts of `part` hang on beside the draft."""
    libraries = filters.libraries(part)
    return [*said, libraries] if libraries else said


class _Work(NamedTuple):
    """The stage under way."""

    trip: Trip
    folder: StageFolder
    counts: Counts
    tally: Tally


def _judged(
    work: _Work, alone: Alone, measuring: Measuring, built: Sequence[tuple[str, object]]
) -> list[Signature]:
    """Lay aside what the filters keep, as the rewriters put it; the signatures of that."""
    trip, folder, counts, tally = work
    rewriters = [(name, part) for name, part in built if isinstance(part, Rewriter)]
    schema = tables.OWN_TASKS if trip.recipe.generate.tasks else tables.TASKS
    signatures: list[Signature] = []
    drafts = trip.run.stage("generate").parts()
    for number, part in enumerate(drafts):
        found = [tables.task_of(row) for row in tables.read(part)]
        standing, lines = alone.judged(trip, part, found, partial(measuring.scored, part))
        tally.arrived(found, lines)
        kept, more = rewrite(standing, rewriters)
        lines += more
        aside = _aside(folder, number)
        tables.lay_aside(aside.kept, schema, map(tables.task_row, kept))
        tables.lay_aside(aside.dropped, tables.DROPPED, map(tables.dropped_row, lines))
        signatures.extend(map(signature_of, kept))
        counts.keep(len(kept))
        counts.drop(lines)
        trip.listen(Event(stage="curate", done=number + 1, total=len(drafts), unit="shard",
                          kept=counts.passed, dropped=counts.dropped.total()))  # fmt: skip
    return signatures


class _Aside(NamedTuple):
    """A shard between filters and selectors; names with a dot are no outputs."""

    kept: Path
    dropped: Path


def _aside(folder: StageFolder, number: int) -> _Aside:
    return _Aside(
        kept=folder.folder / f".kept-{number:05d}.arrow",
        dropped=folder.folder / f".dropped-{number:05d}.arrow",
    )


def _written(
    folder: StageFolder, verdicts: dict[str, tuple[str, Verdict]], counts: Counts, tally: Tally
) -> None:
    """Write the shards without what the selectors turned away."""
    for number in range(len(list(folder.folder.glob(".kept-*.arrow")))):
        aside = _aside(folder, number)
        kept, dropped = tables.laid_aside(aside.kept), tables.laid_aside(aside.dropped)
        kept, lines = _parted(kept, verdicts)
        if lines:
            dropped = tables.extended(dropped, map(tables.dropped_row, lines))
            _recount(counts, lines)
        tally.kept(kept["task_type"].to_pylist(), kept["response"].to_pylist())
        tables.write_table(folder.part(number), kept)
        tables.write_table(folder.dropped(number), dropped)
        aside.kept.unlink()
        aside.dropped.unlink()


def _parted(
    kept: pa.Table, verdicts: dict[str, tuple[str, Verdict]]
) -> tuple[pa.Table, list[Dropped]]:
    """The rows that stay, and the ledger lines of those that go."""
    stays = [id_ not in verdicts for id_ in kept["id"].to_pylist()]
    if all(stays):
        return kept, []
    gone: list[Task] = list(
        map(tables.task_of, kept.filter([not here for here in stays]).to_pylist())
    )
    return kept.filter(stays), [dropped_by(task, *verdicts[task.id]) for task in gone]


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
