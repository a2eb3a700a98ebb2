"""Arms to scores: every arm answers every set, and what it did not unlearn is asked too.

    arms, seeds, sets ──asking───▶ predictions ──score──▶ scores.json
    base and adapted  ──harming──▶ verdicts ────────────▶ harm.json

Only arms whose adapters are there are asked; baselines come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from katsuo import engines
from katsuo.road import harming, holding
from katsuo.road.adapting import model_of
from katsuo.road.asking import Answers, Asked, answers
from katsuo.road.suites import Suite
from katsuo.road.trip import Counts, Trip, key_of
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.scores import score
from katsuo.stages.evaluate import n_trimmed
from katsuo.store import tables
from katsuo.store.files import write_json
from katsuo.store.runs import StageFolder

ZERO_SHOT: Final = "zero_shot"
FEW_SHOT: Final = "few_shot"
_FIRST: Final[tuple[str, ...]] = ("tapt", "tasks_elsewhere", "remix_only", "tasks")
"""Baselines and controls come before what is compared with them."""


def evaluate(trip: Trip) -> None:
    """Take the stage `evaluate`."""
    suites = holding.suites_for(trip)
    arms = asked_of(trip)
    plan = [(arm, suites) for arm in arms]
    stated = stated_of(trip, plan)

    def work(folder: StageFolder) -> dict[str, Any]:
        facts = written(trip, folder, list(answers(trip, plan)), stated)
        facts |= holding.facts(trip)
        return {**facts, **harming.written(folder, [harming.check(trip)], facts["seconds"])}

    trip.stage("evaluate", key_of("evaluate", stated, trip.recipe.seed), work)


def plan_of(trip: Trip) -> list[tuple[Asked, Suite]]:
    """Every arm of a run with every set that it is asked, the general ones behind the others."""
    suites = holding.suites_for(trip)
    pairs = [(arm, suite) for arm in asked_of(trip) for suite in suites]
    general = list(harming.general_suites())
    return pairs + [(arm, suite) for arm in harming.asked_of(trip) for suite in general]


def asked_of(trip: Trip) -> list[Asked]:
    """The arms of a run whose adapters are there, baselines first."""
    recipe = trip.recipe
    base = engines.find(recipe.adapt.base)
    found = [Asked(arm=ZERO_SHOT, seed=recipe.seed, named=base)]
    n_shots = recipe.evaluate.few_shot
    if n_shots:
        found.append(Asked(arm=FEW_SHOT, seed=recipe.seed, named=base, n_shots=n_shots))
    names = list(recipe.adapt.arms_by_name)
    ordered = [name for name in _FIRST if name in names]
    ordered += [name for name in names if name not in _FIRST]
    for name in ordered:
        for seed in range(recipe.seed, recipe.seed + recipe.adapt.seeds):
            named = model_of(trip, base, name, seed)
            found.append(Asked(arm=name, seed=seed, named=named))
    return found


def stated_of(trip: Trip, plan: Sequence[tuple[Asked, Sequence[Suite]]]) -> dict[str, Any]:
    """What is asked of whom: the settings of the stage, and a part of its key."""
    suites = {suite.spec.name: suite.key for _, suites in plan for suite in suites}
    return {
        **trip.recipe.evaluate.stated,
        "suites": suites,
        "arms": [
            [arm.arm, arm.seed, arm.named.identity, [suite.spec.name for suite in suites]]
            for arm, suites in plan
        ],
    }


def written(
    trip: Trip, folder: StageFolder, found: Sequence[Answers], stated: dict[str, Any]
) -> dict[str, Any]:
    """Write predictions and scores; the facts of the manifest."""
    counts = Counts(unit="answer")
    predictions = [prediction for one in found for prediction in one.predictions]
    rows = (prediction.row for prediction in predictions)
    tables.write(folder.folder / "predictions.parquet", tables.PREDICTIONS, rows)
    suites = _suites(found)
    specs = {name: suite.spec for name, suite in suites.items()}
    how = Resampling(seed=trip.recipe.seed)
    scores = score(predictions, specs, how).to_json() if predictions else {}
    write_json(folder.folder / "scores.json", scores)
    counts.keep(len(predictions))
    limit = trip.recipe.evaluate.max_context_chars
    return {
        "settings": stated,
        "counts": counts.facts,
        "trimmed": {name: n_trimmed(suite.probes, limit) for name, suite in suites.items()},
        "seconds": sum(one.seconds for one in found),
    }


def _suites(found: Iterable[Answers]) -> dict[str, Suite]:
    return {one.suite.spec.name: one.suite for one in found}
