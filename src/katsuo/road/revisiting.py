"""What did the first pass leave, and where do the drafts of the second lie?

    cell of a shard ──cheap filters──▶ evidence ──▶ cell of its second pass

Only filters that see one task and nothing else are asked, so a second pass knows its
own shard alone: it goes on after a kill and is shared between runs as the first is. What
the selectors and readers of `curate` turn away later counts as covered here, and so does a task
in another language than its passage: its evidence hangs on no library and its version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from katsuo import filters
from katsuo.errors import RecipeError
from katsuo.protocols import Filter
from katsuo.road.judging import edition_of
from katsuo.road.trip import Trip, key_of
from katsuo.sections import Recipe
from katsuo.stages.curate import judge
from katsuo.stages.generate import Evidence
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.store.runs import Cell
from katsuo.types import Span

_ASKED: Final = ("well_formed", "grounded")
"""Filters that need no model, no other task and no file."""
_NOT_LOOKED_AT: Final = {"well_formed": {"languages": "any"}}
"""Settings that hold here whatever the recipe says."""


def check(recipe: Recipe) -> None:
    """See that a second pass can know what the first one covered.

    Raises:
        RecipeError: If it cannot.
    """
    if recipe.generate.passes > 1 and "grounded" not in dict(recipe.filters):
        raise RecipeError(
            f"generate.passes is {recipe.generate.passes} and curate has no filter grounded, which "
            "finds the sentences that a task covers; add it, or leave passes at 1"
        )


def cell_of(trip: Trip, part: Path, first: Cell, stated: dict[str, Any]) -> Cell:
    """Where the second drafts of a shard lie, or will, once the first ones are there.

    Args:
        trip: The journey.
        part: The shard of contexts.
        first: The finished cell of its first pass.
        stated: What was asked of the generator.
    """
    rows = sha256(first.folder / "rows.parquet")
    asked = _asked(trip.recipe)
    editions = {name: edition_of(filters.build(name, chosen)) for name, chosen in asked}
    editions = {name: edition for name, edition in editions.items() if edition > 1}
    key = [sha256(part), rows, asked, stated, *([editions] if editions else [])]
    return trip.run.cell("generate", key_of("generate again", *key))


def evidence(recipe: Recipe, first: Cell) -> Evidence:
    """By context, where the first drafts that the cheap filters keep have their evidence."""
    built = [
        (name, filters.build(name, {**chosen, **_NOT_LOOKED_AT.get(name, {})}))
        for name, chosen in _asked(recipe)
    ]
    alone = [(name, found) for name, found in built if isinstance(found, Filter)]
    made = [tables.task_of(row) for row in tables.read(first.folder / "rows.parquet")]
    kept, _ = judge(made, alone)
    spans: dict[str, list[Span]] = {}
    for task in kept:
        spans.setdefault(task.context_id, []).extend(task.evidence)
    return spans


def _asked(recipe: Recipe) -> list[tuple[str, dict[str, Any]]]:
    return [(name, chosen) for name, chosen in recipe.filters if name in _ASKED]
