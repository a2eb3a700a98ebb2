"""A study: one recipe over several bodies of text, a run inside this one for each.

    RUN/<domain>/ {1-contexts … 4-adapters}      every domain on its own
    RUN/{5-scores, 6-report}                     all domains together

With `evaluate.cross` the sets of every domain are also asked of the adapters
that the tasks of all other domains made, as arms `tasks@<domain>`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from katsuo import engines
from katsuo.errors import RecipeError
from katsuo.recipe import domain, resolved
from katsuo.road import harming, holding
from katsuo.road.adapters import adapted
from katsuo.road.adapting import TASKS, adapt, adapter_folder
from katsuo.road.asking import Asked, answers
from katsuo.road.curating import curate
from katsuo.road.evaluating import asked_of, stated_of, written
from katsuo.road.generating import generate
from katsuo.road.ingesting import ingest
from katsuo.road.suites import Suite
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.store.files import write_text
from katsuo.store.runs import StageFolder

_ALONE: Final[Mapping[str, Callable[[Trip], None]]] = {
    "ingest": ingest,
    "generate": generate,
    "curate": curate,
    "adapt": adapt,
}
"""Stages that every domain takes on its own."""


def domains(trip: Trip) -> dict[str, Trip]:
    """The inner runs of a study, in the order of its recipe."""

    def inner(name: str) -> Trip:
        def listen(event: Event) -> None:
            trip.listen(replace(event, note=f"{name}: {event.note}" if event.note else name))

        return Trip(recipe=domain(trip.recipe, name), run=trip.run.within(name), listen=listen)

    return {name: inner(name) for name in trip.recipe.domains}


def alone(verb: str) -> Callable[[Trip], None]:
    """The stage `verb` of a study: that of every domain, and a manifest that sums them up."""

    def stage(trip: Trip) -> None:
        inner = domains(trip)
        for one in inner.values():
            write_text(one.run.folder / "recipe.yaml", resolved(one.recipe))
            _ALONE[verb](one)
        manifests = {name: one.manifest(verb) for name, one in inner.items()}
        keys = {name: manifest["key"] for name, manifest in manifests.items()}
        trip.stage(verb, key_of(verb, keys), lambda _: _summed(manifests))

    return stage


def evaluate(trip: Trip) -> None:
    """Take the stage `evaluate` of a study: all domains in one table of scores."""
    inner = domains(trip)
    suites = {name: holding.suites_for(one, name) for name, one in inner.items()}
    _check_names(suites)
    plan = list(_plan(trip, inner, suites))
    stated = stated_of(trip, plan)

    def work(folder: StageFolder) -> dict[str, Any]:
        facts = written(trip, folder, list(answers(trip, plan)), stated)
        checks = [harming.check(one, f"{name}/") for name, one in inner.items()]
        return {**facts, **harming.written(folder, checks, facts["seconds"])}

    trip.stage("evaluate", key_of("evaluate", stated, trip.recipe.seed), work)


def plan_of(trip: Trip) -> list[tuple[Asked, Suite]]:
    """Every arm of every domain with every set that it is asked, the general ones behind."""
    inner = domains(trip)
    suites = {name: holding.suites_for(one, name) for name, one in inner.items()}
    pairs = [(arm, suite) for arm, found in _plan(trip, inner, suites) for suite in found]
    general = list(harming.general_suites())
    checked = (arm for one in inner.values() for arm in harming.asked_of(one))
    return pairs + [(arm, suite) for arm in checked for suite in general]


def _plan(
    trip: Trip, inner: Mapping[str, Trip], suites: Mapping[str, list[Suite]]
) -> Iterator[tuple[Asked, list[Suite]]]:
    """Arm by arm, so that every later arm is compared with every earlier one."""
    asked = {name: asked_of(one) for name, one in inner.items()}
    order = dict.fromkeys((one.arm, one.seed) for arms in asked.values() for one in arms)
    for arm, seed in order:
        for name, arms in asked.items():
            for one in arms:
                if (one.arm, one.seed) == (arm, seed):
                    yield one, suites[name]
    if trip.recipe.evaluate.cross:
        everything = [suite for found in suites.values() for suite in found]
        for name, trip_of in inner.items():
            yield _crossed(name, trip_of), everything


def _crossed(name: str, trip: Trip) -> Asked:
    """The model that a domain's tasks made, to be asked every set."""
    if TASKS not in trip.recipe.adapt.arms_by_name:
        raise RecipeError(f"evaluate.cross needs the arm {TASKS}, which {name} has not")
    seed = trip.recipe.seed
    base = engines.find(trip.recipe.adapt.base)
    named = adapted(base, adapter_folder(trip, TASKS, seed))
    return Asked(arm=f"{TASKS}@{name}", seed=seed, named=named)


def _check_names(suites: Mapping[str, list[Suite]]) -> None:
    names = Counter(suite.spec.name for found in suites.values() for suite in found)
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise RecipeError(
            f"domains: the set {twice[0]} is asked in two domains; a set belongs to one"
        )


def _summed(manifests: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The facts of a stage over all domains."""
    shared = ("base", "model")
    first = next(iter(manifests.values()))
    counts = Counts(unit=first["counts"]["unit"])
    for manifest in manifests.values():
        counts.add(manifest["counts"])
    return {
        "domains": list(manifests),
        "counts": counts.facts,
        "n_documents": sum(one.get("n_documents", 0) for one in manifests.values()),
        **{name: first[name] for name in shared if name in first},
        "settings": first["settings"],
        "seconds": sum(one["seconds"] for one in manifests.values()),
        "peak_mib": max(one["peak_mib"] for one in manifests.values()),
    }
