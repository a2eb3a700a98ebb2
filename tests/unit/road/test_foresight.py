from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.errors import KatsuoError
from katsuo.road import travel
from katsuo.store.runs import Run

WRONG: list[dict[str, Any]] = [
    {"generate": {"generator": "no-such-model"}},
    {"adapt": {"base": "no-such-model"}},
    {"curate": [{"agreed": {"reader": "no-such-model"}}]},
    {"curate": [{"fresh": {"embedder": "no-such-model"}}]},
    {"domains": {"one": {"generate": {"generator": "no-such-model"}}}},
]


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: next(iter(changes)))
def test_a_name_that_no_model_can_have_is_said_before_anything_is_done(
    fake_recipe: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    chosen = recipes.changed(recipes.load(fake_recipe), changes, "the test")
    run = Run.at(tmp_path / "runs" / "r")
    with pytest.raises(KatsuoError, match="model 'no-such-model': no such folder"):
        travel(chosen, run, until="report", listen=lambda _: None)
    assert not run.folder.exists()


def test_a_stage_that_opens_no_model_asks_for_none(fake_recipe: Path, tmp_path: Path) -> None:
    changes = {"generate": {"generator": "no-such-model"}}
    chosen = recipes.changed(recipes.load(fake_recipe), changes, "the test")
    run = Run.at(tmp_path / "runs" / "r")
    travel(chosen, run, until="ingest", listen=lambda _: None)
    assert run.stage("ingest").manifest["counts"]["passed"] > 0


def test_a_model_behind_a_server_may_have_any_name(fake_recipe: Path, tmp_path: Path) -> None:
    changes = {"generate": {"generator": "a b", "endpoint": "http://127.0.0.1:9/v1", "patience": 0}}
    chosen = recipes.changed(recipes.load(fake_recipe), changes, "the test")
    run = Run.at(tmp_path / "runs" / "r")
    with pytest.raises(KatsuoError, match=r"127\.0\.0\.1:9"):
        travel(chosen, run, until="generate", listen=lambda _: None)
    assert run.stage("ingest").manifest["counts"]["passed"] > 0


def test_a_generator_that_tells_no_likelihoods_is_refused_before_it_writes(
    fake_recipe: Path, tmp_path: Path
) -> None:
    changes = {"generate": {"format": "prompted-v1"}, "curate": ["likely"]}
    chosen = recipes.changed(recipes.load(fake_recipe), changes, "the test")
    run = Run.at(tmp_path / "runs" / "r")
    with pytest.raises(KatsuoError, match=r"curate\.likely: fake was taught no wire format"):
        travel(chosen, run, until="curate", listen=lambda _: None)
    assert not run.folder.exists()
