"""How many shards of drafts are finished, and how long did they take?"""

from __future__ import annotations

from dataclasses import dataclass

from katsuo.road.generating import passes_of
from katsuo.road.trip import Trip
from katsuo.sections import Recipe
from katsuo.store.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """The cells of the stage `generate`, as far as they are there."""

    done: int
    total: int
    n_drafts: int
    """In those that are done."""
    seconds: float
    """That they took, whenever that was."""


def shards_of(recipe: Recipe, run: Run) -> Shards:
    """The shards of a run whose stage `ingest` is done; nothing is made or changed."""
    trip = Trip(recipe=recipe, run=run, listen=lambda _: None)
    parts = run.stage("ingest").parts()
    cells = [drafts.cell for part in parts for drafts in passes_of(trip, part)]
    facts = [cell.facts for cell in cells if cell.done]
    return Shards(
        done=len(facts),
        total=len(parts) * recipe.generate.passes,
        n_drafts=sum(one.get("arrived", 0) for one in facts),
        seconds=sum(one.get("seconds", 0.0) for one in facts),
    )
