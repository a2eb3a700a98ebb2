"""Drafts to tasks worth learning: filters and rewriters shard by shard, then selectors over all.

Rewriters come behind all filters, wherever the recipe names them: a filter judges what was drafted,
so that what a reader has measured holds whether details are replaced or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from katsuo import engines, filters
from katsuo.ahead import ahead
from katsuo.filters.balanced import Balanced
from katsuo.filters.fresh import Fresh
from katsuo.filters.private import Private
from katsuo.filters.unleaked import Unleaked
from katsuo.protocols import Filter, Hear, Rewriter, Selector, Signature
from katsuo.recipe import expand
from katsuo.road.deciding import Decided
from katsuo.road.errands import Errand, beforehand
from katsuo.road.judging import Alone, Told, edition_of
from katsuo.road.measuring import Measuring
from katsuo.road.tallying import Tally
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.scoring.probes import QUESTION_COLUMNS
from katsuo.stages.curate import dropped_by, rewrite, select, signature_of
from katsuo.store import tables
from katsuo.store.aside import Aside
from katsuo.store.files import sha256
from katsuo.store.runs import StageFolder
from katsuo.types import Dropped, Task, Verdict


class _Plan(NamedTuple):
    """The filters of a run, built, and how keys state them."""

    settings: list[tuple[str, dict[str, Any]]]
    built: Sequence[tuple[str, object]]
    stated: list[Any]
    alone: Alone

    @classmethod
    def of(cls, trip: Trip) -> _Plan:
        settings = [_settled(trip, name, chosen) for name, chosen in trip.recipe.filters]
        built = [(name, filters.build(name, _loaded(chosen))) for name, chosen in settings]
        leaks = {path: sha256(path) for _, chosen in settings for path in chosen.get("against", ())}
        stated: list[Any] = [
            [name, {**chosen, "against": sorted(leaks.values())}] for name, chosen in settings
        ]
        alone = Alone.of(
            [
                Told.of(name, part, _told(part, said))
                for (name, part), said in zip(built, stated, strict=True)
                if isinstance(part, Filter)
            ],
            trip.recipe.own_filters,
        )
        return cls(settings=settings, built=built, stated=stated, alone=alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    """Implements `Duty`: verdicts and scores of a shard, into the cells that the driver reads."""

    errand: Errand

    def named(self, shard: Path, /) -> str:
        """The file of its drafts."""
        return str(shard)

    def open(self, say: Hear) -> Callable[[Path], None]:
        """The work; readers are opened when something has to be measured."""
        trip = self.errand.trip(say)
        alone, measuring = _Plan.of(trip).alone, Measuring(trip)

        def work(part: Path) -> None:
            found = list(map(tables.task_of, tables.whole(part).to_pylist()))
            alone.judged(trip, part, found, partial(measuring.scored, part))

        return work


def checks(trip: Trip) -> Alone:
    """The filters of the recipe that look at one task alone."""
    return _Plan.of(trip).alone


def curate(trip: Trip) -> None:
    """Take the stage `curate`."""
    settings, built, stated, alone = _Plan.of(trip)
    own = trip.recipe.own_filters
    decided = Decided.of(trip.run)
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
    editions = {name: n for name, part in [*built, *alone.all] if (n := edition_of(part)) > 1}
    if own:  # without any, keys are as they were
        stated.append(own)
    shares = _shares(trip, built)

    def work(folder: StageFolder) -> dict[str, Any]:
        counts, tally = Counts(unit="task"), Tally(built)
        schema = tables.tasks_schema(
            own=bool(trip.recipe.generate.tasks), reviewed=bool(decided.by_task)
        )
        on = _Work(trip, folder, counts, tally, _Asides.of(folder, schema), decided)
        with measuring:
            signatures = _judged(on, alone, measuring, built)
        verdicts = select(signatures, _selectors(built, embedders, shares))
        for row in signatures:
            if math.isinf(row.score):  # a person's keep, of these very words
                verdicts.pop(row.id, None)
        _written(on, verdicts)
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
            **decided.facts,
            **_warnings(trip, built),
        }

    # Without one of these, keys are as they were before there could be one.
    later = [each for each in (readers, libraries, embedded, editions, shares, decided.key) if each]
    inputs = [trip.manifest("generate")["outputs"], stated, *later]
    key = key_of("curate", *inputs)
    if not trip.run.stage("curate").is_done(key):
        decided.check_here(trip.run)
    trip.stage("curate", key, work)


def _shares(trip: Trip, built: Sequence[tuple[str, object]]) -> dict[str, dict[str, float]]:
    """What the user's own task types state of their labels, where a filter would balance them."""
    if not any(isinstance(part, Balanced) for _, part in built):
        return {}
    own = trip.recipe.generate.tasks
    return {name: asked.shares for name, asked in own.items() if asked.shares and asked.hold_shares}


def _selectors(
    built: Sequence[tuple[str, object]],
    embedders: Mapping[str, engines.Named],
    shares: Mapping[str, Mapping[str, float]],
) -> list[tuple[str, Selector]]:
    """The selectors among the filters, their embedders opened, the user's own shares told."""
    found: list[tuple[str, Selector]] = []
    for name, part in built:
        if isinstance(part, Fresh) and name in embedders:
            found.append((name, replace(part, embeds=engines.open_embeds(embedders[name]))))
        elif isinstance(part, Balanced):
            found.append((name, replace(part, shares=shares)))
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


class _Asides(NamedTuple):
    """The shards between filters and selectors."""

    kept: Aside
    dropped: Aside

    @classmethod
    def of(cls, folder: StageFolder, schema: pa.Schema) -> _Asides:
        """In files whose names begin with a dot, so that they are no outputs."""
        return cls(
            kept=Aside(folder.folder / ".kept.arrow", schema),
            dropped=Aside(folder.folder / ".dropped.arrow", tables.DROPPED),
        )


class _Work(NamedTuple):
    """The stage under way."""

    trip: Trip
    folder: StageFolder
    counts: Counts
    tally: Tally
    asides: _Asides
    decided: Decided


def _judged(
    on: _Work, alone: Alone, measuring: Measuring, built: Sequence[tuple[str, object]]
) -> list[Signature]:
    """Lay aside what the filters keep, as the rewriters put it; the signatures of that."""
    trip, schema = on.trip, on.asides.kept.schema
    rewriters = [(name, part) for name, part in built if isinstance(part, Rewriter)]
    signatures: list[Signature] = []
    parts = trip.run.stage("generate").parts()
    ready = beforehand(trip, _Judging(errand=Errand.of(trip)), parts)
    for number, (table, _) in enumerate(zip(ahead(tables.whole, parts), ready, strict=True)):
        part = parts[number]
        drafts = list(map(tables.task_of, table.to_pylist()))
        usual = partial(alone.judged, trip, part, measured=partial(measuring.scored, part))
        standing, lines = on.decided.judged(drafts, alone, usual)
        on.tally.arrived(on.decided.spoken(drafts), lines)
        kept, more = rewrite(standing, rewriters)
        lines += more
        rows = tables.of_tasks(schema, kept) if rewriters else tables.noted(table, schema, kept)
        on.asides.kept.put(rows)
        on.asides.dropped.put(tables.of_rows(tables.DROPPED, map(tables.dropped_row, lines)))
        signatures.extend(map(signature_of, kept))
        on.counts.keep(len(kept))
        on.counts.drop(lines)
        trip.listen(Event(stage="curate", done=number + 1, total=len(parts), unit="shard",
                          kept=on.counts.passed, dropped=on.counts.dropped.total()))  # fmt: skip
    return signatures


def _written(on: _Work, verdicts: dict[str, tuple[str, Verdict]]) -> None:
    """Write the shards without what the selectors turned away."""
    for _ in ahead(_write, _parts(on, verdicts), workers=3, most=6):  # they wait for the disk
        pass


def _parts(on: _Work, verdicts: dict[str, tuple[str, Verdict]]) -> Iterator[tuple[Path, pa.Table]]:
    """Every file of the stage and what it is to hold; small shards share a file."""
    files = (_Gathered(on.folder.part), _Gathered(on.folder.dropped))
    for kept, dropped in zip(on.asides.kept.taken(), on.asides.dropped.taken(), strict=True):
        stay, lines = _parted(kept, verdicts)
        _recount(on.counts, lines)
        on.tally.kept(stay["task_type"].to_pylist(), stay["response"].to_pylist())
        more = tables.of_rows(tables.DROPPED, map(tables.dropped_row, lines))
        for gathered, found in zip(files, ([stay], [dropped, more]), strict=True):
            yield from gathered.put(found, least=tables.ROW_GROUP)
    for gathered in files:
        yield from gathered.put([], least=0)


class _Gathered:
    """Tables on their way into files that are neither many nor large."""

    def __init__(self, path: Callable[[int], Path]) -> None:
        self._path, self._number = path, 0
        self._held: list[pa.Table] = []

    def put(self, found: list[pa.Table], *, least: int) -> Iterator[tuple[Path, pa.Table]]:
        """Take `found`; a file, once there are `least` rows for it."""
        self._held += found
        if self._held and sum(table.num_rows for table in self._held) >= least:
            yield self._path(self._number), pa.concat_tables(self._held).combine_chunks()
            self._held, self._number = [], self._number + 1


def _write(part: tuple[Path, pa.Table]) -> None:
    tables.write_table(*part)


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
