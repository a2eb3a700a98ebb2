"""Arms and sets to predictions: one cell per adapter and set, shared between runs.

A cell is named by the model and what it is asked, not by the arm: two arms with
the same adapter share it, and the arm is written in when its rows are read.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from katsuo import engines
from katsuo.protocols import Completes, Hear, Weighs
from katsuo.road.errands import Errand, done
from katsuo.road.suites import Suite
from katsuo.road.trip import Event, Trip, key_of
from katsuo.scoring.predictions import Prediction
from katsuo.scoring.probes import Kind
from katsuo.scoring.shots import shots_of
from katsuo.stages.evaluate import EvaluateSettings
from katsuo.stages.evaluate import evaluate as ask
from katsuo.store import tables
from katsuo.store.files import new_folder, write_json
from katsuo.store.runs import Cell

_PROGRAM_SETS = (Kind.SPAN, Kind.CHECK, Kind.TASK)
"""Kinds whose answers are written, not ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An arm as it is asked: its model, and the examples it is shown."""

    arm: str
    seed: int
    """Of its tuning."""
    named: engines.Named
    n_shots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What an arm answered to one set."""

    asked: Asked
    suite: Suite
    cell: Cell

    @property
    def predictions(self) -> Iterator[Prediction]:
        """The rows of the cell, under the name of this arm."""
        whose = {"arm": self.asked.arm, "seed": self.asked.seed, "set": self.suite.spec.name}
        for row in tables.read(self.cell.folder / "rows.parquet"):
            yield Prediction.of({**row, **whose})

    @property
    def seconds(self) -> float:
        """Spent on it, whenever that was."""
        return float(self.cell.facts["seconds"])


def answers(trip: Trip, asked: Sequence[tuple[Asked, Sequence[Suite]]]) -> Iterator[Answers]:
    """What every arm answers to each of its sets, found done or asked now."""
    pairs = [(arm, suite) for arm, suites in asked for suite in suites]
    duty = _Asking(errand=Errand.of(trip))
    cells = done(trip, duty, pairs, partial(known, trip))
    for number, ((arm, suite), cell) in enumerate(zip(pairs, cells, strict=True), start=1):
        trip.listen(Event(stage="evaluate", done=number, total=len(pairs), unit="set",
                          kept=number, note=f"{arm.arm} on {suite.spec.name}"))  # fmt: skip
        yield Answers(asked=arm, suite=suite, cell=cell)


def known(trip: Trip, pair: tuple[Asked, Suite]) -> Cell | None:
    """What an arm answered to a set, if it was asked before."""
    cell = trip.run.cell("evaluate", _key(trip, *pair))
    return cell if cell.done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Implements `Duty`: what one arm answers to one set."""

    errand: Errand

    def named(self, shard: tuple[Asked, Suite], /) -> str:
        """The arm and the set."""
        return f"{shard[0].arm} on {shard[1].spec.name}"

    def open(self, say: Hear) -> Callable[[tuple[Asked, Suite]], Cell]:
        """The work; a model's engines stay open until another model's turn comes."""
        trip = self.errand.trip(say)
        held: list[Models] = []

        def work(pair: tuple[Asked, Suite]) -> Cell:
            arm, suite = pair
            cell = trip.run.cell("evaluate", _key(trip, arm, suite))
            if not (held and held[0].named.identity == arm.named.identity):
                held.clear()  # first: two at once would take twice the memory
                held.append(_models(trip, arm.named))
            with cell.alone():
                if not cell.done:
                    _ask(trip, arm, suite, held[0], cell)
            return cell

        return work


def _models(trip: Trip, named: engines.Named) -> Models:
    """A model's engines, and a folder that lives as long: an adapter's engine form is large."""
    scratch = tempfile.mkdtemp(prefix="katsuo-")
    models = Models(trip=trip, named=named, forms=Path(scratch))
    weakref.finalize(models, shutil.rmtree, scratch, ignore_errors=True)
    return models


class Models:
    """One model's engines, each opened when it is first needed."""

    def __init__(self, *, trip: Trip, named: engines.Named, forms: Path) -> None:
        self.trip, self.named, self.forms = trip, named, forms

    @cached_property
    def completes(self) -> Completes:
        """Writes answers."""
        asked = self.trip.recipe.generate
        engine = engines.engine_of(self.named, asked.engine)
        return engines.open_completes(self.named, engine, asked.weights, forms=self.forms)

    @cached_property
    def ranks(self) -> Weighs:
        """Ranks choices, and weighs texts."""
        return engines.open_ranks(self.named)


def _key(trip: Trip, asked: Asked, suite: Suite) -> str:
    """Everything that decides the answers."""
    recipe = trip.recipe
    if suite.spec.kind in _PROGRAM_SETS:
        engine = engines.engine_of(asked.named, recipe.generate.engine)
        how = [engine, engines.engine_version(engine), recipe.generate.weights]
    else:
        engine = engines.FAKE if asked.named.is_fake else "hf"
        how = [engine, engines.engine_version(engine)]
    limit = recipe.evaluate.max_context_chars
    return key_of("evaluate", asked.named.identity, asked.n_shots, suite.key, limit, how)


def _ask(trip: Trip, asked: Asked, suite: Suite, models: Models, cell: Cell) -> None:
    """Ask every probe of `suite`."""
    began = time.monotonic()
    written = suite.spec.kind in _PROGRAM_SETS
    settings = EvaluateSettings(
        arm=asked.arm,
        seed=asked.seed,
        max_context_chars=trip.recipe.evaluate.max_context_chars,
        shots={prompt.id: shots_of(suite.spec, prompt, asked.n_shots) for prompt in suite.prompts},
        free=suite.spec.kind is Kind.CHECK,
    )
    with new_folder(cell.folder) as folder:
        found = ask(
            suite.probes,
            suite.prompts,
            None if written else models.ranks,
            models.completes if written else None,
            settings,
        )
        rows = (prediction.row for prediction in found)
        tables.write(folder / "rows.parquet", tables.PREDICTIONS, rows)
        write_json(folder / "cell.json", {"seconds": round(time.monotonic() - began, 3)})
