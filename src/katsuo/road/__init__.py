"""The conductor: the only place where stages, disk and models meet.

    documents ▶ ingest ▶ generate ▶ curate ▶ adapt ▶ evaluate ▶ report

A stage runs what it needs before it; what is done already is not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from katsuo.recipe import resolved
from katsuo.road import foresight, harming, studying
from katsuo.road.adapting import adapt
from katsuo.road.curating import curate
from katsuo.road.evaluating import evaluate
from katsuo.road.generating import generate
from katsuo.road.ingesting import ingest
from katsuo.road.reporting import report
from katsuo.road.trip import Event, Listener, Trip
from katsuo.sections import Recipe
from katsuo.store.files import write_text
from katsuo.store.runs import FOLDERS, Run

__all__ = ["STAGES", "Event", "Listener", "Trip", "travel"]

STAGES: Final[Mapping[str, Callable[[Trip], None]]] = {
    "ingest": ingest,
    "generate": generate,
    "curate": curate,
    "adapt": adapt,
    "evaluate": evaluate,
    "report": report,
}
"""Verb -> its stage, in the order of the road."""
_STUDY: Final[Mapping[str, Callable[[Trip], None]]] = {
    **{verb: studying.alone(verb) for verb in ("ingest", "generate", "curate", "adapt")},
    "evaluate": studying.evaluate,
    "report": report,
}
"""The same for a recipe with `domains`."""


def travel(recipe: Recipe, run: Run, *, until: str, listen: Listener) -> None:
    """Take every stage up to and including `until` in the run folder `run`.

    Raises:
        RejectedError: If an adapted model does harm; the report is written all the same.
        KatsuoError: If the request cannot be carried out; what is finished stays.
    """
    assert list(STAGES) == list(FOLDERS), "every stage has a folder"
    foresight.check(recipe, list(STAGES)[: list(STAGES).index(until) + 1])
    with run.alone():
        write_text(run.folder / "recipe.yaml", resolved(recipe))
        trip = Trip(recipe=recipe, run=run, listen=listen)
        for verb, stage in (_STUDY if recipe.domains else STAGES).items():
            stage(trip)
            if verb == until:
                break
        if until == "report":
            harming.refuse(run.stage("evaluate").folder, str(run.folder))
