from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.filters.likely import Likely
from katsuo.road import Event, travel
from katsuo.road.measuring import Measuring
from katsuo.road.trip import Trip
from katsuo.store import tables
from katsuo.store.runs import Run

Go = Callable[..., tuple[Run, int]]


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Go:
    """Curate with the fake recipe and these filters; the run, and how many tasks were read."""

    def gone(*filters: dict[str, Any] | str, name: str = "one") -> tuple[Run, int]:
        heard: list[Event] = []
        run = Run.at(tmp_path / "runs" / name)
        chosen = recipes.changed(recipes.load(fake_recipe), {"curate": list(filters)}, "the test")
        travel(chosen, run, until="curate", listen=heard.append)
        notes = [event.note for event in heard if event.note.endswith("tasks read")]
        return run, sum(int(note.split()[1]) for note in notes)

    return gone


def scores(run: Run, name: str) -> dict[str, float]:
    tasks = tables.tasks(run.stage("curate").parts())
    return {task.id: task.scores[name] for task in tasks if name in task.scores}


def test_a_reader_scores_every_task_that_stands_and_the_score_stays_in_the_row(go: Go) -> None:
    run, n_read = go("well_formed", {"agreed": {"min_score": 0.0}}, {"needed": {"min_nats": -60}})
    n_kept = run.stage("curate").manifest["counts"]["passed"]
    assert n_read == 2 * n_kept
    assert len(scores(run, "needed")) == n_kept


def test_another_threshold_reads_nothing_again(go: Go) -> None:
    loose, _ = go({"agreed": {"min_score": 0.0}})
    before = scores(loose, "agreed")
    strict, n_read = go({"agreed": {"min_score": 0.6}})
    assert n_read == 0
    assert scores(strict, "agreed") == {id_: s for id_, s in before.items() if s >= 0.6}
    assert strict.stage("curate").manifest["counts"]["dropped"]["reader-disagrees"] == sum(
        score < 0.6 for score in before.values()
    )


def test_only_what_newly_stands_is_read_when_an_earlier_filter_lets_more_pass(go: Go) -> None:
    half, needing = {"agreed": {"min_score": 0.5}}, {"needed": {"min_nats": -60}}
    run, n_all = go({"agreed": {"min_score": 0.0}})
    n_few = run.stage("curate").manifest["counts"]["arrived"]
    strict, few = go(half, needing)
    assert 0 < few == strict.stage("curate").manifest["counts"]["passed"] < n_all
    _, more = go(needing)
    assert more == n_few - few
    assert go(needing, name="two")[1] == 0


def test_the_reader_is_named_in_the_manifest_and_another_one_reads_anew(go: Go) -> None:
    run, _ = go({"agreed": {"min_score": 0.0}})
    assert run.stage("curate").manifest["readers"] == {"agreed": "fake"}
    plain, n_read = go("well_formed")
    assert "readers" not in plain.stage("curate").manifest
    assert n_read == 0


def test_more_samples_are_another_measure(go: Go) -> None:
    go({"agreed": {"min_score": 0.0}})
    _, n_read = go({"agreed": {"min_score": 0.0, "samples": 2}})
    assert n_read > 0


def test_the_generator_of_the_run_says_how_likely_its_responses_are(go: Go) -> None:
    run, n_read = go({"likely": {"min_score": 0.0}})
    assert run.stage("curate").manifest["readers"] == {"likely": "fake"}
    assert n_read == len(scores(run, "likely")) > 0


@pytest.mark.parametrize(
    ("generate", "why"),
    [
        ({"format": "prompted-v1"}, "fake was taught no wire format"),
        ({"endpoint": "http://127.0.0.1:9/v1"}, "fake is behind a server"),
    ],
)
def test_who_has_no_wire_format_or_tells_no_likelihoods_is_refused(
    fake_recipe: Path, tmp_path: Path, generate: dict[str, Any], why: str
) -> None:
    chosen = recipes.changed(recipes.load(fake_recipe), {"generate": generate}, "the test")
    trip = Trip(recipe=chosen, run=Run.at(tmp_path / "runs" / "x"), listen=lambda _: None)
    with pytest.raises(RecipeError, match=f"curate.likely: {why}.*smollm2-135m-bonito"):
        Measuring(trip).stated([("likely", Likely())])
