"""The conductor: the only place where stages, disk and models meet.

    documents ▶ ingest ▶ generate ▶ curate ▶ adapt ▶ evaluate ▶ report

A stage runs what it needs before it; what is done already is not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from katsuo.recipe import Recipe, resolved
from katsuo.road.adapting import adapt
from katsuo.road.curating import curate
from katsuo.road.evaluating import evaluate
from katsuo.road.generating import generate
from katsuo.road.ingesting import ingest
from katsuo.road.reporting import report
from katsuo.road.trip import Event, Listener, Trip
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


def travel(recipe: Recipe, run: Run, *, until: str, listen: Listener) -> None:
    """Take every stage up to and including `until` in the run folder `run`.

    Raises:
        KatsuoError: If the request cannot be carried out; what is finished stays.
    """
    assert list(STAGES) == list(FOLDERS), "every stage has a folder"
    with run.alone():
        write_text(run.folder / "recipe.yaml", resolved(recipe))
        trip = Trip(recipe=recipe, run=run, listen=listen)
        for verb, stage in STAGES.items():
            stage(trip)
            if verb == until:
                return
