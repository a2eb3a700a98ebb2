"""How fast was a run so far? Rates from its own manifests and finished cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from katsuo import engines
from katsuo import recipe as recipes
from katsuo.planning.making import finished, weights_of
from katsuo.planning.rates import Rate
from katsuo.planning.shards import shards_of
from katsuo.road.generating import generator_of
from katsuo.sections import Recipe
from katsuo.store.runs import Run


def own_rates(recipe: Recipe, run: Run) -> Iterator[Rate]:
    """Rates of what a run has done, all its domains together."""
    done: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for name in recipe.domains or ("",):
        one = recipes.domain(recipe, name) if name else recipe
        inner = run.within(name) if name else run
        manifests = finished(inner, one)
        for rate, amount, seconds in _amounts(one, inner, manifests):
            done[rate][0] += amount
            done[rate][1] += seconds
    facts = _facts(recipe)
    for rate, (amount, seconds) in done.items():
        if amount and seconds:
            yield Rate(
                name=rate,
                value=amount / seconds,
                when=facts.get(rate, {}),
                measured=f"this run so far, {amount:,.0f} in {seconds:,.0f} s",
            )


def _amounts(
    recipe: Recipe, run: Run, manifests: Mapping[str, dict[str, Any]]
) -> Iterator[tuple[str, float, float]]:
    """Name of a rate, how much was done, in how many seconds."""
    rates = {"ingest": "passages_per_second", "curate": "curated_per_second"}
    for verb, rate in rates.items():
        if verb in manifests:
            yield rate, manifests[verb]["counts"]["arrived"], manifests[verb]["seconds"]
    if "generate" in manifests:
        facts = manifests["generate"]
        yield "drafts_per_second", facts["counts"]["arrived"], facts["seconds"]
    elif "ingest" in manifests:
        found = shards_of(recipe, run)
        yield "drafts_per_second", found.n_drafts, found.seconds
    for row in manifests.get("adapt", {}).get("tunings", ()):
        yield "trained_tokens_per_second", row["trained_tokens"], row["seconds"]


def _facts(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """What else must be the same for these rates to hold."""
    base = weights_of(engines.find(recipe.adapt.base))
    filters = ", ".join(name for name, _ in recipe.filters)
    return {
        "drafts_per_second": {"generator": generator_of(recipe.generate).name},
        "curated_per_second": {"filters": filters},
        "trained_tokens_per_second": {"weights": base, "method": recipe.adapt.method},
    }
