"""Arms to predictions and scores: one cell per arm and set, shared between runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from katsuo import engines, seeds
from katsuo.recipe import Recipe, expand
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Prediction
from katsuo.scoring.probes import Kind, SetSpec, probes_of, spec_of
from katsuo.scoring.prompts import Prompt, prompts_of
from katsuo.scoring.scores import score
from katsuo.stages.evaluate import EvaluateSettings, n_trimmed
from katsuo.stages.evaluate import evaluate as ask
from katsuo.store import tables
from katsuo.store.files import new_folder, sha256, write_json
from katsuo.store.runs import Cell, StageFolder
from katsuo.types import Probe, digest

ZERO_SHOT: Final = "zero_shot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One evaluation set, ready to be asked."""

    spec: SetSpec
    probes: list[Probe]
    prompts: tuple[Prompt, ...]
    key: str


def evaluate(trip: Trip) -> None:
    """Take the stage `evaluate`."""
    recipe = trip.recipe
    suites = [_suite(path, recipe) for path in expand(recipe.evaluate.sets, "evaluate.sets")]
    arms = _arms(trip)
    stated = {
        **recipe.evaluate.model_dump(mode="json"),
        "suites": [suite.key for suite in suites],
        "arms": {name: named.identity for name, named in arms.items()},
    }

    def work(folder: StageFolder) -> dict[str, Any]:
        counts = Counts(unit="answer")
        cells = list(_cells(trip, suites, arms))
        found = [
            Prediction.of(row)
            for cell in cells
            for row in tables.read(cell.folder / "rows.parquet")
        ]
        rows = [prediction.row for prediction in found]
        tables.write(folder.folder / "predictions.parquet", tables.PREDICTIONS, rows)
        specs = {suite.spec.name: suite.spec for suite in suites}
        scores = score(found, specs, Resampling(seed=recipe.seed)).to_json() if found else {}
        write_json(folder.folder / "scores.json", scores)
        counts.keep(len(found))
        limit = recipe.evaluate.max_context_chars
        return {
            "settings": stated,
            "counts": counts.facts,
            "trimmed": {suite.spec.name: n_trimmed(suite.probes, limit) for suite in suites},
            "seconds": sum(cell.facts["seconds"] for cell in cells),
        }

    trip.stage("evaluate", key_of("evaluate", stated, recipe.seed), work)


def _suite(path: Path, recipe: Recipe) -> Suite:
    spec = spec_of(tables.rows_of(path), name=path.stem, source=str(path))
    probes = list(probes_of(tables.rows_of(path), spec))
    limit = recipe.evaluate.max_probes
    if limit is not None and limit < len(probes):
        chance = seeds.stream(recipe.seed, "evaluate", spec.name)
        chosen = sorted(chance.sample(range(len(probes)), limit))
        probes = [probes[i] for i in chosen]
    words = resources.files("katsuo.scoring").joinpath("prompts.yaml").read_text("utf-8")
    return Suite(
        spec=spec,
        probes=probes,
        prompts=prompts_of(spec, recipe.evaluate.prompts),
        key=digest(sha256(path), words, *(probe.id for probe in probes)),
    )


def _arms(trip: Trip) -> dict[str, engines.Named]:
    """Zero-shot first: every later arm is compared with every earlier one."""
    base = engines.find(trip.recipe.adapt.base)
    adapters = trip.run.stage("adapt").folder
    order = [arm for arm in ("tapt", "tasks_elsewhere", "tasks") if (adapters / arm).is_dir()]
    return {
        ZERO_SHOT: base,
        **{arm: engines.with_adapter(base, adapters / arm) for arm in order},
    }


def _cells(trip: Trip, suites: list[Suite], arms: dict[str, engines.Named]) -> Iterator[Cell]:
    number, total = 0, len(suites) * len(arms)
    for arm, named in arms.items():
        # An adapter's engine form is large and of no use afterwards: it lives as long as its arm.
        with TemporaryDirectory(prefix="katsuo-") as scratch:
            asker = _Asker(trip=trip, arm=arm, named=named, forms=Path(scratch))
            for suite in suites:
                cell = trip.run.cell("evaluate", asker.key(suite))
                if not cell.done:
                    asker.answer(suite, cell)
                number += 1
                trip.listen(Event(stage="evaluate", done=number, total=total, unit="set",
                                  kept=number, note=f"{arm} on {suite.spec.name}"))  # fmt: skip
                yield cell


class _Asker:
    """One arm, its models opened when a cell is missing."""

    def __init__(self, *, trip: Trip, arm: str, named: engines.Named, forms: Path) -> None:
        self.trip, self.arm, self.named = trip, arm, named
        self.engine = engines.engine_of(named, trip.recipe.generate.engine)
        weights = trip.recipe.generate.weights
        self.ranks = cache(lambda: engines.open_ranks(named))
        self.completes = cache(
            lambda: engines.open_completes(named, self.engine, weights, forms=forms)
        )

    def key(self, suite: Suite) -> str:
        """Everything that decides the answers."""
        asked = self.trip.recipe.evaluate.model_dump(mode="json", exclude={"sets"})
        versions = [engines.engine_version(engine) for engine in (self.engine, "hf")]
        weights = self.trip.recipe.generate.weights
        who = [self.arm, self.named.identity, self.trip.recipe.seed, self.engine, weights]
        return key_of("evaluate", who, versions, suite.key, asked)

    def answer(self, suite: Suite, cell: Cell) -> None:
        """Ask every probe of `suite`."""
        began = time.monotonic()
        recipe = self.trip.recipe
        settings = EvaluateSettings(
            arm=self.arm, seed=recipe.seed, max_context_chars=recipe.evaluate.max_context_chars
        )
        models = _OneOf(self, suite.spec.kind)
        with new_folder(cell.folder) as folder:
            found = ask(suite.probes, suite.prompts, models.ranks, models.completes, settings)
            rows = (prediction.row for prediction in found)
            tables.write(folder / "rows.parquet", tables.PREDICTIONS, rows)
            write_json(folder / "cell.json", {"seconds": round(time.monotonic() - began, 3)})


class _OneOf:
    """Opens only the model that a kind of set needs."""

    def __init__(self, asker: _Asker, kind: Kind) -> None:
        spans = kind is Kind.SPAN
        self.completes: Any = asker.completes() if spans else None
        self.ranks: Any = None if spans else asker.ranks()
