from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import TaskType


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Callable[..., Run]:
    """Generate with the fake recipe; the run."""

    def gone(*changes: str) -> Run:
        run = Run.at(tmp_path / "runs" / "one")
        travel(recipes.load(fake_recipe, changes), run, until="generate", listen=lambda _: None)
        return run

    return gone


def test_a_generator_that_cannot_be_told_an_answer_is_not_steered(go: Callable[..., Run]) -> None:
    with pytest.raises(RecipeError, match=r"steered is set and fake is asked in bonito-v1"):
        go("generate.steered=true", "generate.format=bonito-v1")


def test_steering_is_said_in_the_manifest_and_its_absence_is_not(go: Callable[..., Run]) -> None:
    plain = go("generate.format=katsuo-v1").stage("generate").manifest["settings"]
    assert "steered" not in plain
    steered = go("generate.format=katsuo-v1", "generate.steered=true").stage("generate").manifest
    assert steered["settings"]["steered"] is True


def test_labels_of_ones_own_are_the_only_answers(go: Callable[..., Run]) -> None:
    run = go(
        "generate.format=katsuo-v1",
        "generate.task_types=[topic classification, ynqa]",
        "generate.labels={topic_class: {fees: what berths cost, safety: ''}}",
    )
    manifest = run.stage("generate").manifest
    assert manifest["settings"]["labels"] == {
        "topic_class": {"fees": "what berths cost", "safety": ""}
    }
    tasks = list(tables.tasks(run.stage("generate").parts()))
    labels = {task.type: task.labels for task in tasks}
    assert labels[TaskType.TOPIC_CLASS] == ("fees", "safety")
    assert labels[TaskType.YNQA] == ()
    assert all(task.response in task.labels for task in tasks if task.labels)
    assert "label-not-the-told" in manifest["counts"]["dropped"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("{exqa: {a: '', b: ''}}", "exqa has no labels of its own"),
        ("{topic_class: {a: ''}}", "topic_class has 1 label"),
        ("{topic_class: {'a: b': '', c: ''}}", "cannot be told to a generator"),
        ("{weather: {a: '', b: ''}}", "task type 'weather' is unknown"),
    ],
)
def test_labels_that_cannot_be_asked_for_are_refused(
    go: Callable[..., Run], labels: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        go("generate.format=katsuo-v1", f"generate.labels={labels}")
