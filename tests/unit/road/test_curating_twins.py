"""Drafts to tasks worth learning, on fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import KatsuoError
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.runs import Run

SAME_ANSWERS = "generate.task_types=[exqa]", "generate.per_context=24"
"""The fake asks after words of a short passage so often that some have the same answer."""


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Callable[..., Run]:
    """Curate with the fake recipe; the run."""

    def gone(fresh: object, *changes: str) -> Run:
        run = Run.at(tmp_path / "runs" / "one")
        curate = f"curate={json.dumps(['well_formed', {'fresh': fresh}])}"
        chosen = recipes.load(fake_recipe, [curate, *changes])
        travel(chosen, run, until="curate", listen=lambda _: None)
        return run

    return gone


def test_an_embedder_finds_twins_that_words_do_not(go: Callable[..., Run]) -> None:
    before = go({}, *SAME_ANSWERS).stage("curate").manifest
    after = go({"embedder": "fake", "min_cosine": 0.8}, *SAME_ANSWERS).stage("curate").manifest
    found = after["counts"]["dropped"]["duplicate-in-meaning"]
    assert found > 0
    assert after["counts"]["passed"] == before["counts"]["passed"] - found


def test_the_ledger_names_a_twin_that_is_kept(go: Callable[..., Run]) -> None:
    stage = go({"embedder": "fake", "min_cosine": 0.8}, *SAME_ANSWERS).stage("curate")
    kept = {task.id for task in tables.tasks(stage.parts())}
    lines = [
        line
        for path in sorted((stage.folder / "dropped").glob("*.parquet"))
        for line in tables.read(path)
        if line["reason"] == "duplicate-in-meaning"
    ]
    assert lines
    for line in lines:
        said = line["excerpt"].removeprefix("twin of ")
        assert said.partition(",")[0] in kept


def test_the_embedder_is_in_the_manifest_and_its_absence_is_not(go: Callable[..., Run]) -> None:
    plain = go({}).stage("curate").manifest
    assert "embedders" not in plain
    told = go({"embedder": "fake"}).stage("curate").manifest
    assert told["embedders"] == {"fresh": "fake"}
    assert told["key"] != plain["key"]


@pytest.mark.parametrize(
    ("fresh", "said"),
    [
        pytest.param({"embedder": "./nowhere"}, "no such folder", id="no-model"),
        pytest.param({"embedder": 3}, "embedder is 3; it must be a text", id="no-name"),
        pytest.param({"embeds": "fake"}, "embeds: no such setting; did you mean", id="opened"),
    ],
)
def test_an_embedder_that_is_none_is_refused_before_any_work(
    go: Callable[..., Run], fresh: object, said: str
) -> None:
    with pytest.raises(KatsuoError, match=said):
        go(fresh)
