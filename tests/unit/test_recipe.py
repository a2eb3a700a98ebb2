"""The recipe: strict, with defaults, and errors that name the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo import recipe
from katsuo.errors import RecipeError
from katsuo.types import TaskType


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_recipe_with_only_paths_has_defaults_for_the_rest(tmp_path: Path) -> None:
    loaded = recipe.load(written(tmp_path, "ingest: {paths: [docs]}"))
    assert loaded.generate.task_types == [TaskType.YNQA, TaskType.EXQA, TaskType.NLI]
    assert [name for name, _ in loaded.filters] == ["well_formed", "grounded", "fresh"]


def test_the_resolved_recipe_loads_as_the_same_recipe(tmp_path: Path) -> None:
    first = recipe.load(written(tmp_path, "curate: [fresh, {grounded: {max_answer_words: 9}}]"))
    again = recipe.load(written(tmp_path, recipe.resolved(first)))
    assert again == first
    assert again.filters == [("fresh", {}), ("grounded", {"max_answer_words": 9})]


def test_task_types_take_both_names(tmp_path: Path) -> None:
    text = "generate: {task_types: [nli, question generation]}"
    assert recipe.load(written(tmp_path, text)).generate.task_types == [TaskType.NLI, TaskType.QG]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("ingets: {}", "unknown key 'ingets'; did you mean 'ingest'", id="section"),
        pytest.param(
            "generate: {temprature: 1}",
            "unknown key 'generate.temprature'; did you mean 'temperature'",
            id="key",
        ),
        pytest.param("ingest: {max_tokens: 3}", "ingest.max_tokens is 3", id="range"),
        pytest.param("generate: {task_types: [poem]}", "'poem' is unknown", id="type"),
        pytest.param("- a", "a recipe is a mapping", id="list"),
        pytest.param("a: [", "is not YAML", id="yaml"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe.load(written(tmp_path, text))
    assert message in str(caught.value)
    assert str(tmp_path / "r.yaml") in str(caught.value) or "poem" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("generate.temperature", "write key=value", id="no-value"),
        pytest.param("seed.x=1", "'seed' is not a section", id="no-section"),
        pytest.param("seed=[", "the value is not YAML", id="not-yaml"),
    ],
)
def test_a_change_that_is_none_is_refused(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe.load(written(tmp_path, "seed: 3"), [change])


def test_changes_are_yaml_and_reach_into_sections(tmp_path: Path) -> None:
    loaded = recipe.load(written(tmp_path, ""), ["generate.task_types=[nli]", "seed=9"])
    assert (loaded.generate.task_types, loaded.seed) == ([TaskType.NLI], 9)


def test_a_missing_recipe_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="katsuo init writes a recipe"):
        recipe.load(tmp_path / "none.yaml")


def test_variables_in_paths_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_DATA", "/data")
    assert recipe.expand(["$SOME_DATA/a"], "ingest.paths") == [Path("/data/a")]
    with pytest.raises(RecipeError, match=r"ingest.paths: \$NOT_SET_ANYWHERE/a"):
        recipe.expand(["$NOT_SET_ANYWHERE/a"], "ingest.paths")
