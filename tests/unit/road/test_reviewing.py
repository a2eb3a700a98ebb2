"""Which run a person reviews: one alone, or one domain of a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import lineage, travel
from katsuo.road.reviewing import trip_of
from katsuo.store import tables
from katsuo.store.decisions import DROP, Decisions, undecided
from katsuo.store.runs import Run

ORDER = "The harbour master may close the eastern basin when the wind exceeds twelve metres."


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of two domains, curated."""
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "order.md").write_text(f"{ORDER} It is the {name}.", "utf-8")
    recipe = tmp_path / "study.yaml"
    recipe.write_text(
        "ingest: {min_words: 4}\ngenerate: {generator: fake}\nadapt: {base: fake}\ncurate: []\n"
        f"domains: {{east: {{ingest: {{paths: ['{tmp_path / 'east'}']}}}}, "
        f"west: {{ingest: {{paths: ['{tmp_path / 'west'}']}}}}}}\n",
        "utf-8",
    )
    folder = tmp_path / "runs" / "study"
    travel(recipes.load(recipe), Run.at(folder), until="curate", listen=lambda _: None)
    return folder


def test_curating_a_study_does_what_was_decided_on_a_domain(study: Path) -> None:
    trip = trip_of(study, "west")
    task = next(tables.tasks(trip.run.stage("curate").parts()))
    Decisions(folder=trip.run.folder).put(replace(undecided(task), verdict=DROP))
    travel(recipes.load(study), Run.at(study), until="curate", listen=lambda _: None)
    (curated,) = (step for step in lineage.funnel(trip.run) if step.stage == "curate")
    assert curated.dropped == {"review": {"dropped-by-hand": 1}}
    assert trip.run.named == study


def test_a_study_wants_one_of_its_domains(study: Path) -> None:
    with pytest.raises(RecipeError, match="name one of its domains with --domain: east, west"):
        trip_of(study)
    with pytest.raises(RecipeError, match="--domain: east, west"):
        trip_of(study, "south")


def test_a_run_alone_has_no_domain(study: Path) -> None:
    with pytest.raises(RecipeError, match="is no study; leave --domain out"):
        trip_of(study / "east", "east")
