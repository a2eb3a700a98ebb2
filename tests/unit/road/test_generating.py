from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import travel
from katsuo.store.runs import Run


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Callable[..., Run]:
    """Generate with the fake recipe; the run."""

    def gone(*changes: str) -> Run:
        run = Run.at(tmp_path / "runs" / "one")
        travel(recipes.load(fake_recipe, changes), run, until="generate", listen=lambda _: None)
        return run

    return gone


def test_a_generator_that_cannot_be_told_an_answer_is_not_steered(go: Callable[..., Run]) -> None:
    with pytest.raises(RecipeError, match=r"asked in bonito-v1, which cannot say an answer"):
        go("generate.steered=true", "generate.format=bonito-v1")


def test_steering_is_said_in_the_manifest_and_its_absence_is_not(go: Callable[..., Run]) -> None:
    plain = go("generate.format=katsuo-v1").stage("generate").manifest["settings"]
    assert "steered" not in plain
    steered = go("generate.format=katsuo-v1", "generate.steered=true").stage("generate").manifest
    assert steered["settings"]["steered"] is True
