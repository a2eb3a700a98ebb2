"""Which run does a person want to review?"""

from __future__ import annotations

from pathlib import Path

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road.deciding import Decided
from katsuo.road.studying import domains
from katsuo.road.trip import Trip
from katsuo.store.runs import FOLDERS, Run


def trip_of(folder: Path, domain: str | None = None) -> Trip:
    """The journey whose run lies in `folder`, or in a domain of the study there.

    Raises:
        RecipeError: If it is no run folder or has not been curated, if it is a study and `domain`
            names none of its domains, if it is none and `domain` is given, or if earlier decisions
            are not here.
    """
    if not (folder / "recipe.yaml").is_file():
        raise RecipeError(f"{folder}: is no run folder; name one, such as runs/demo")
    trip = Trip(recipe=recipes.load(folder), run=Run.at(folder), listen=lambda _: None)
    inner = domains(trip)
    if domain is not None and not inner:
        raise RecipeError(f"--domain {domain}: {folder} is no study; leave --domain out")
    if inner and domain not in inner:
        raise RecipeError(
            f"{folder}: is a study; name one of its domains with --domain: {', '.join(inner)}"
        )
    found = inner[domain] if domain else trip
    if not (found.run.folder / FOLDERS["curate"] / "manifest.json").is_file():
        raise RecipeError(f"{found.run.folder}: has not been curated; run: katsuo curate {folder}")
    Decided.of(found.run).check_here(found.run)
    return found
