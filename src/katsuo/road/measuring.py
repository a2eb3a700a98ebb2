"""Scores that a reader gives to drafts: measured once, so that thresholds can change for nothing.

A cell holds the scores of one shard of drafts, by measure, reader and the reader's settings. Only
tasks that stood when a filter's turn came are measured; when other thresholds let more stand,
the rest is measured then, and the cell is written anew with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from katsuo import engines, wire
from katsuo.errors import RecipeError
from katsuo.protocols import Filter, Measured
from katsuo.road.asking import Models
from katsuo.road.generating import generator_of
from katsuo.road.trip import Event, Trip, key_of
from katsuo.sections import Recipe
from katsuo.stages.measure import BY_GENERATOR, MEASURES, Reader
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.store.runs import Cell
from katsuo.types import Task


class Measuring:
    """The readers of a run; each is opened when something has to be measured."""

    def __init__(self, trip: Trip) -> None:
        self.trip = trip
        self._open: dict[tuple[str, bool], _Opened] = {}

    def __enter__(self) -> Measuring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for opened in self._open.values():
            opened.scratch.cleanup()

    def stated(self, parts: Sequence[tuple[str, object]]) -> dict[str, str]:
        """Filter -> identity of its reader, for the key of a stage."""
        return {
            name: self._reader(part).named.identity
            for name, part in parts
            if isinstance(part, Measured)
        }

    def scored(self, drafts: Path, part: Filter, tasks: Sequence[Task]) -> Sequence[Task]:
        """`tasks` of the shard `drafts` with the score that the filter `part` decides by."""
        if not isinstance(part, Measured) or not tasks:
            return tasks
        opened = self._reader(part)
        samples = int(getattr(part, "samples", 1))
        key = key_of("measure", part.measures, sha256(drafts), opened.stated, samples)
        cell = self.trip.run.cell("measure", key)
        known = _known(cell)
        if any(task.id not in known for task in tasks):
            with cell.alone():
                known = self._measured(cell, part, tasks, samples)
        return [_with(task, part.measures, known[task.id]) for task in tasks]

    def _measured(
        self, cell: Cell, part: Measured, tasks: Sequence[Task], samples: int
    ) -> dict[str, float | None]:
        """What the cell knows, and now of all `tasks`."""
        known = _known(cell)
        missing = [task for task in tasks if task.id not in known]
        if missing:
            models = self._reader(part).models
            reader = Reader(
                ranks=models.ranks,
                completes=models.completes,
                samples=samples,
                form=self._reader(part).form,
            )
            found = MEASURES[part.measures](missing, reader)
            known |= {task.id: found.get(task.id) for task in missing}
            _write(cell, known)
            self.trip.listen(
                Event(stage="curate", note=f"{part.measures}: {len(missing)} tasks read")
            )
        return known

    def _reader(self, part: Measured) -> _Opened:
        by_generator = part.measures in BY_GENERATOR
        name = part.reader or ("" if by_generator else self.trip.recipe.adapt.base)
        if (name, by_generator) not in self._open:
            named, form = (
                generator(self.trip.recipe, name) if by_generator else (engines.find(name), "")
            )
            self._open[name, by_generator] = _Opened(self.trip, named, form)
        return self._open[name, by_generator]


def generator(recipe: Recipe, name: str) -> tuple[engines.Named, str]:
    """The generator called `name`, by default that of `recipe`, and the wire format to ask it in.

    Raises:
        RecipeError: If it has none, or is behind a server, which tells no likelihoods.
    """
    asked = recipe.generate
    named = engines.find(name) if name else generator_of(asked)
    form = engines.wire_format(named, "auto" if name else asked.format)
    if form in (wire.BONITO_V1, wire.KATSUO_V1) and named.endpoint is None:
        return named, form
    why = "is behind a server" if named.endpoint else "was taught no wire format"
    raise RecipeError(
        f"curate.likely: {named.name} {why}, so it cannot say how likely a response is; set its "
        "reader to a generator such as smollm2-135m-bonito, or leave the filter out"
    )


class _Opened:
    """A reader: who it is, the wire format if it is asked in one, and its engines."""

    def __init__(self, trip: Trip, named: engines.Named, form: str) -> None:
        self.trip, self.named, self.form = trip, named, form
        self.scratch = TemporaryDirectory(prefix="katsuo-")

    @cached_property
    def models(self) -> Models:
        return Models(trip=self.trip, named=self.named, forms=Path(self.scratch.name))

    @cached_property
    def stated(self) -> list[Any]:
        """Everything about it that decides its scores."""
        asked = self.trip.recipe.generate
        writes = engines.engine_of(self.named, asked.engine)
        ranks = engines.FAKE if self.named.is_fake else "hf"
        how = [(engine, engines.engine_version(engine)) for engine in (writes, ranks)]
        form = [self.form] if self.form else []
        return [self.named.identity, how, asked.weights, *form]


def _known(cell: Cell) -> dict[str, float | None]:
    """Task id -> score, or None where the task has none; what was measured so far."""
    path = cell.folder / "rows.parquet"
    if not path.is_file():
        return {}
    table = tables.whole(path)
    return dict(zip(table["id"].to_pylist(), table["score"].to_pylist(), strict=True))


def _write(cell: Cell, known: dict[str, float | None]) -> None:
    rows = ({"id": id_, "score": score} for id_, score in known.items())
    tables.write(cell.folder / "rows.parquet", tables.SCORES, rows)


def _with(task: Task, measure: str, score: float | None) -> Task:
    return task if score is None else replace(task, scores={**task.scores, measure: score})
