from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.filters.grounded import Grounded
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


def test_what_was_mended_is_counted_by_type_and_way_and_noted_on_the_task(
    go: Callable[..., Run],
) -> None:
    free = go().stage("generate").manifest
    assert "decoding" not in free["settings"]
    assert "mended" not in free["counts"]
    stage = go("generate.decoding=mended").stage("generate")
    counts = stage.manifest["counts"]
    tasks = list(tables.tasks(stage.parts()))
    assert counts["dropped"] == {}
    assert len(tasks) == free["counts"]["arrived"]
    held = Counter(task.type.value for task in tasks if task.scores.get("held") == 1)
    assert held.total() >= free["counts"]["dropped"]["pipe-missing"]
    assert {kind: ways["held"] for kind, ways in counts["mended"].items()} == held


@pytest.mark.parametrize("decoding", ["mended", "held"])
def test_a_prompted_generator_cannot_be_mended(go: Callable[..., Run], decoding: str) -> None:
    with pytest.raises(RecipeError, match=rf"decoding is {decoding} and fake is asked in prompted"):
        go(f"generate.decoding={decoding}", "generate.format=prompted-v1")


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


def bytes_of(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.stage("generate").parts()}


def test_settings_that_nobody_uses_are_not_in_the_keys(go: Callable[..., Run]) -> None:
    stated = go().stage("generate").manifest["settings"]
    assert not {"budget", "passes", "voices"} & stated.keys()


def test_a_budget_gives_every_passage_a_draft(go: Callable[..., Run]) -> None:
    run = go("generate.budget={per_100_words: 8, at_most: 3}")
    counts = run.stage("generate").manifest["counts"]
    n_passages = run.stage("ingest").manifest["counts"]["passed"]
    assert 3 * n_passages < counts["arrived"] < 9 * n_passages


def test_a_second_pass_keeps_the_first_and_adds_to_it(go: Callable[..., Run]) -> None:
    once = bytes_of(go())
    run = go("generate.passes=2")
    twice = bytes_of(run)
    assert set(once.values()) < set(twice.values())
    passages = {
        row["id"]: row["text"] for part in run.stage("ingest").parts() for row in tables.read(part)
    }
    tasks = list(tables.tasks(run.stage("generate").parts()))
    assert len({task.id for task in tasks}) == len(tasks)
    assert all(task.context in passages[task.context_id] for task in tasks)
    assert any(task.context != passages[task.context_id] for task in tasks)


def test_a_second_pass_that_was_lost_comes_out_the_same(go: Callable[..., Run]) -> None:
    run = go("generate.passes=2")
    before = bytes_of(run)
    for cell in (run.home / "2-tasks").iterdir():
        if (cell / "rows.parquet").read_bytes() == before["part-00001.parquet"]:
            shutil.rmtree(cell)
    shutil.rmtree(run.stage("generate").folder)
    assert bytes_of(go("generate.passes=2")) == before


def test_a_filter_that_finds_other_evidence_has_a_second_pass_of_its_own(
    go: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = go("generate.passes=2")
    cells = set((run.home / "2-tasks").iterdir())
    shutil.rmtree(run.stage("generate").folder)
    monkeypatch.setattr(Grounded, "edition", Grounded.edition + 1)
    go("generate.passes=2")
    n_shards = len(run.stage("ingest").parts())
    assert len(set((run.home / "2-tasks").iterdir()) - cells) == n_shards


def test_a_second_pass_wants_the_filter_that_finds_evidence(go: Callable[..., Run]) -> None:
    with pytest.raises(RecipeError, match="passes is 2 and curate has no filter grounded"):
        go("generate.passes=2", "curate=[well_formed]")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("generate.voices=[exam]", "voices is set and fake is asked in bonito-v1, which cannot"),
        ("generate.voices=[exams]", "'exams' is no voice; the voices are plain, exam"),
        ("generate.voices=[]", "generate.voices"),
        ("generate.budget={at_most: 0}", "generate.budget.at_most"),
        ("generate.budget={per_100_words: 0}", "generate.budget.per_100_words"),
        ("generate.passes=3", "generate.passes"),
    ],
)
def test_what_cannot_be_asked_is_refused(go: Callable[..., Run], change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        go("generate.format=bonito-v1", change)
