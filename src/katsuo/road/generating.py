"""Shards of contexts to shards of drafts: one cell per shard, whole or absent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from katsuo import engines
from katsuo.budgets import Budget
from katsuo.errors import ModelError, RecipeError
from katsuo.models.endpoint import Endpoint
from katsuo.models.schedule import SCHEDULE, Placement
from katsuo.protocols import Completes, Hear
from katsuo.road import revisiting
from katsuo.road.errands import Errand, done
from katsuo.road.labelling import Labelling, label_all, ranked_in
from katsuo.road.narrowing import Shard
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.sections import Execution, Generate, Recipe
from katsuo.sections.owning import settled
from katsuo.stages.generate import Evidence, GenerateSettings, draft_ids, unwritten
from katsuo.stages.generate import generate as drafts
from katsuo.store import tables
from katsuo.store.files import new_folder, sha256, write_json
from katsuo.store.runs import Cell, StageFolder
from katsuo.types import Context, Dropped, Task
from katsuo.wire import BONITO_V1, KATSUO_V1

_SAID: Final = ("steered", "labels", "voices")
"""Settings that only `katsuo-v1` can say."""
_OF_TWO_PARTS: Final = (BONITO_V1, KATSUO_V1)
"""Formats in which a response can be asked for behind its instruction."""
_LABELLING: Final = ("label_readers", "label_engines")
"""What is stated of readers, which no draft hangs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a recipe asks of its generator, and how that is stated."""

    named: engines.Named
    engine: str
    settings: GenerateSettings
    stated: dict[str, Any]
    """For the manifest, and for the key of the stage."""
    ranked: list[Labelling]
    """The user's own task types that need no generator."""

    @property
    def writes(self) -> bool:
        """Whether there is anything for the generator to write."""
        return bool(self.settings.task_types or self.settings.own)

    @property
    def of_cells(self) -> dict[str, Any]:
        """For the keys of cells: without what no first draft hangs on."""
        return {name: value for name, value in self.again.items() if name != "passes"}

    @property
    def again(self) -> dict[str, Any]:
        """For the keys of second drafts: without what no generator is asked for."""
        if "tasks" not in self.stated:
            return self.stated
        written = {one.name: self.stated["tasks"][one.name] for one in self.settings.own}
        rest = {name: value for name, value in self.stated.items() if name not in _LABELLING}
        return {**rest, "tasks": written}

    @property
    def schema(self) -> pa.Schema:
        """The columns of the tasks."""
        return tables.OWN_TASKS if "tasks" in self.stated else tables.TASKS

    def check_engine(self) -> None:
        """Check that the engine of this process is the one that keys name.

        Raises:
            ModelError: If it is of another version, as on another machine.
        """
        here, wanted = engines.engine_version(self.engine), self.stated["engine_version"]
        if here != wanted:
            raise ModelError(
                f"the engine {self.engine} is {here} where a worker runs and {wanted} where the "
                "run was started; install the same versions on every machine"
            )

    @classmethod
    def of(cls, trip: Trip) -> _Asked:
        recipe, asked = trip.recipe, trip.recipe.generate
        ranked = ranked_in(trip)
        named = generator_of(asked)
        engine = engines.engine_of(named, asked.engine, drafts=True)
        settings = settings_of(recipe, named, holds=engines.can_hold(engine))
        revisiting.check(recipe)
        _check_sayable(settings, named.name)
        stated = {
            **asked.stated,
            "format": settings.format,
            "engine": engine,
            "engine_version": engines.engine_version(engine),
            "identity": named.identity,
            "seed": recipe.seed,
            **_readers(ranked),
        }
        return cls(named=named, engine=engine, settings=settings, stated=stated, ranked=ranked)


def settings_of(recipe: Recipe, named: engines.Named, *, holds: bool = True) -> GenerateSettings:
    """What a recipe asks of its generator `named`; task types that need no generator left out.

    Args:
        recipe: As it was resolved.
        named: The generator.
        holds: Whether its engine can hold a draft to what it must be.
    """
    asked = recipe.generate
    own = (settled(name, one, "generate.tasks") for name, one in asked.tasks.items())
    return GenerateSettings(
        generator=named.name if named.is_fake else f"{named.name}@{named.identity[:16]}",
        format=engines.wire_format(named, asked.format),
        task_types=tuple(asked.task_types),
        seed=recipe.seed,
        per_context=asked.per_context,
        budget=Budget(**asked.budget.model_dump()) if asked.budget else None,
        steered=asked.steered,
        labels={kind: tuple(told.items()) for kind, told in asked.labels.items()},
        voices=tuple(asked.voices or ()),
        own=tuple(one for one in own if not one.ranked),
        sampling=asked.sampling,
        decoding=asked.decoding,
        holds=holds,
    )


def _readers(ranked: Sequence[Labelling]) -> dict[str, Any]:
    """Who ranks labels, and with what; nothing where no labels are ranked."""
    if not ranked:
        return {}
    readers = {one.name: one.reader for one in ranked}
    return {"label_readers": readers, "label_engines": {one.name: one.stated for one in ranked}}


def _check_sayable(settings: GenerateSettings, generator: str) -> None:
    """Check that the format can say what is set."""
    voiced = (f"tasks.{one.name}.voice" for one in settings.own if one.voice)
    said = next((name for name in _SAID if getattr(settings, name)), None) or next(voiced, None)
    if said and settings.format != KATSUO_V1:
        raise RecipeError(
            f"generate.{said} is set and {generator} is asked in {settings.format}, which "
            f"cannot say it; take a generator that was taught katsuo-v1, or leave {said} out"
        )
    if settings.decoding != "free" and settings.format not in _OF_TWO_PARTS:
        raise RecipeError(
            f"generate.decoding is {settings.decoding} and {generator} is asked in "
            f"{settings.format}, whose answer cannot be begun for it; take a generator that was "
            "taught bonito-v1 or katsuo-v1, or leave decoding free"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """The drafts of one pass over one shard of contexts."""

    cell: Cell
    """Where they lie, or will."""
    ids: frozenset[str]
    """All that are asked for."""


def cells_of(trip: Trip) -> dict[Path, Cell]:
    """Where the first drafts of every shard of contexts lie, or will."""
    asked = _Asked.of(trip)
    parts = trip.run.stage("ingest").parts() if asked.writes else []
    return {part: _cell(trip, part, asked.of_cells) for part in parts}


def passes_of(trip: Trip, part: Path) -> Iterator[Drafts]:
    """The drafts that a shard asks for, pass by pass; a second one once the first cell is there."""
    asked = _Asked.of(trip)
    contexts = [tables.context_of(row) for row in tables.read(part)]
    first = _cell(trip, part, asked.of_cells)
    yield Drafts(cell=first, ids=frozenset(draft_ids(contexts, asked.settings)))
    if trip.recipe.generate.passes > 1 and first.done:
        evidence = revisiting.evidence(trip.recipe, first)
        yield Drafts(
            cell=revisiting.cell_of(trip, part, first, asked.again),
            ids=frozenset(draft_ids(contexts, asked.settings, evidence)),
        )


def _cell(trip: Trip, part: Path, stated: dict[str, Any]) -> Cell:
    return trip.run.cell("generate", key_of("generate", sha256(part), stated))


def generate(trip: Trip) -> None:
    """Take the stage `generate`."""
    asked = _Asked.of(trip)
    named, stated = asked.named, asked.stated

    def work(folder: StageFolder) -> dict[str, Any]:
        shards = [Shard(part=part, first=cell) for part, cell in cells_of(trip).items()]
        each = replace(asked, named=_shared(named, trip.recipe.execution), ranked=[])
        duty = _Drafting(errand=Errand.of(trip), asked=each)
        counts = Counts(unit="draft")
        seconds = 0.0
        known = partial(_known, trip, asked)
        for number, cells in enumerate(done(trip, duty, shards, known)):
            for place, cell in enumerate(cells, start=number * len(cells)):
                folder.refer(place, cell)
                counts.add(cell.facts)
                seconds += cell.facts["seconds"]
            trip.listen(_event(number + 1, len(shards), counts, seconds))
        label_all(trip, folder, asked.ranked, counts)
        return {
            "settings": stated,
            "model": {"name": named.name, "identity": named.identity, "note": named.note},
            "inputs": trip.manifest("ingest")["outputs"],
            "counts": counts.facts,
            "seconds": seconds,
        }

    trip.stage("generate", key_of("generate", trip.manifest("ingest")["outputs"], stated), work)


def _shared(named: engines.Named, execution: Execution) -> engines.Named:
    """The generator of one worker: a server gets no more requests at a time from all together."""
    if named.endpoint is None or execution.executor == "local":
        return named
    workers, whole = execution.workers, named.endpoint
    each = replace(
        whole,
        concurrency=max(1, whole.concurrency // workers),
        per_minute=whole.per_minute / workers if whole.per_minute else None,
    )
    return replace(named, endpoint=each)


def _known(trip: Trip, asked: _Asked, shard: Shard) -> list[Cell] | None:
    """The cells of a shard whose passes are all done."""
    part, first = shard.part, shard.first
    if not first.done or trip.recipe.generate.passes == 1:
        return [first] if first.done else None
    second = revisiting.cell_of(trip, part, first, asked.again)
    return [first, second] if second.done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafting:
    """Implements `Duty` and `Narrows`: the drafts of one shard, in one pass or two."""

    errand: Errand
    asked: _Asked

    def named(self, shard: Shard, /) -> str:
        """The file of its passages."""
        return str(shard.part)

    def closer(self, shard: Shard, /) -> Shard | None:
        """The shard with each passage tried alone, or without those that kill."""
        return shard.closer()

    def open(self, say: Hear) -> Callable[[Shard], list[Cell]]:
        """The work; the engine is opened at the first shard that wants it."""
        asked, trip = self.asked, self.errand.trip(say)
        asked.check_engine()
        schedule = replace(
            SCHEDULE,
            sharing=asked.settings.format == KATSUO_V1,
            placement=Placement(**trip.recipe.generate.vllm.model_dump()),
        )
        weights = trip.recipe.generate.weights
        opened = cache(
            lambda: engines.open_completes(asked.named, asked.engine, weights, schedule=schedule)
        )

        def work(shard: Shard) -> list[Cell]:
            part, first = shard.part, shard.first
            if not first.done:
                asking = Asking(model=opened(), settings=asked.settings)
                write_cell(shard, first, asking, schema=asked.schema)
            if trip.recipe.generate.passes == 1:
                return [first]
            second = revisiting.cell_of(trip, part, first, asked.again)
            if not second.done:
                evidence = revisiting.evidence(trip.recipe, first)
                asking = Asking(model=opened(), settings=asked.settings, evidence=evidence)
                write_cell(shard, second, asking, schema=asked.schema)
            return [first, second]

        return work


def generator_of(asked: Generate) -> engines.Named:
    """The generator of a recipe: on this machine, or behind the server that it names."""
    if asked.endpoint is None:
        return engines.find(asked.generator)
    return engines.at_endpoint(
        Endpoint(
            url=asked.endpoint,
            model=asked.generator,
            key_env=asked.key_env,
            concurrency=asked.concurrency,
            timeout=asked.timeout,
            per_minute=asked.requests_per_minute,
            patience=asked.patience,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a generator is asked about passages in one pass."""

    model: Completes
    settings: GenerateSettings
    evidence: Evidence | None = None
    """Of the pass before, in a second one."""

    def drafts(self, contexts: Sequence[Context]) -> Iterator[Task | Dropped]:
        """What it writes."""
        return drafts(contexts, self.model, self.settings, self.evidence)

    def unwritten(self, contexts: Sequence[Context]) -> Iterator[Dropped]:
        """The ledger lines of what nobody is left to write."""
        return unwritten(contexts, self.settings, self.evidence)


def write_cell(
    shard: Shard, cell: Cell, asking: Asking, *, schema: pa.Schema = tables.TASKS
) -> None:
    """Generate the drafts of one pass over a shard of contexts into `cell`.

    The passages that workers died at are left out, with a ledger line for each of their drafts.
    """
    began = time.monotonic()
    contexts = [tables.context_of(row) for row in tables.read(shard.part)]
    for one in shard.tried(contexts):
        list(asking.drafts([one]))
    made: list[Task] = []
    lines: list[Dropped] = []
    for item in asking.drafts([one for one in contexts if one.id not in shard.left_out]):
        if isinstance(item, Task):
            made.append(item)
        else:
            lines.append(item)
    lines += asking.unwritten([one for one in contexts if one.id in shard.left_out])
    fill_cell(cell, made, lines, began, schema)


def fill_cell(
    cell: Cell,
    made: list[Task],
    lines: list[Dropped],
    began: float,
    schema: pa.Schema = tables.TASKS,
) -> None:
    """Write a cell of drafts: what became tasks, the ledger of the rest, how long it took."""
    counts = Counts(unit="draft")
    counts.keep(len(made))
    counts.mend(made)
    counts.drop(lines)
    with new_folder(cell.folder, synced=True) as folder:
        tables.write(folder / "rows.parquet", schema, map(tables.task_row, made))
        tables.write(folder / "dropped.parquet", tables.DROPPED, map(tables.dropped_row, lines))
        seconds = round(time.monotonic() - began, 3)
        write_json(folder / "cell.json", {**counts.facts, "seconds": seconds})


def _event(done: int, total: int, counts: Counts, seconds: float) -> Event:
    return Event(
        stage="generate",
        done=done,
        total=total,
        unit="shard",
        kept=counts.passed,
        dropped=counts.dropped.total(),
        seconds=seconds,
        note=f"{counts.arrived / seconds:.1f} drafts/s" if seconds else "",
    )
