"""Which run does a person want to review?"""

from __future__ import annotations

from pathlib import Path

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road.trip import Trip
from katsuo.store.runs import FOLDERS, Run


def trip_of(folder: Path) -> Trip:
    """The journey whose run lies in `folder`.

    Raises:
        RecipeError: If it is no run folder, or a study of several.
    """
    if not (folder / "recipe.yaml").is_file():
        raise RecipeError(f"{folder}: is no run folder; name one, such as runs/demo")
    recipe = recipes.load(folder)
    if recipe.domains:
        raise RecipeError(
            f"{folder}: is a study; its domains have no page yet, run one as a recipe of its own"
        )
    if not (folder / FOLDERS["curate"] / "manifest.json").is_file():
        raise RecipeError(f"{folder}: has not been curated; run: katsuo curate {folder}")
    return Trip(recipe=recipe, run=Run.at(folder), listen=lambda _: None)
