"""The recipe: strict, with defaults, and errors that name the mend."""

from __future__ import annotations

import re
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
        pytest.param("seed=[", "'seed=\\[': is not YAML", id="not-yaml"),
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


def test_a_known_arm_needs_only_its_name() -> None:
    arms = recipe.of({"adapt": {"arms": ["tapt", {"short": {"adapt": {"max_tasks": 5}}}]}}, "r")
    assert list(arms.adapt.arms_by_name) == ["tapt", "short"]
    assert arms.adapt.arms_by_name["tapt"].learn == "passages"
    assert arms.adapt.arms_by_name["short"].adapt == {"max_tasks": 5}


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        pytest.param(["taps"], "'taps' is no arm that is known by its name alone", id="unknown"),
        pytest.param(["tasks", "tasks"], "'tasks' is there twice", id="twice"),
        pytest.param([{"zero_shot": {}}], "is no name for an arm", id="taken"),
        pytest.param([{"a/b": {}}], "is no name for an arm", id="a-path"),
        pytest.param([{"x": {"lern": "tasks"}}], "did you mean 'learn'?", id="unknown-key"),
        pytest.param([{"x": {"replay": 1}}], "less than 1", id="all-replay"),
    ],
)
def test_an_arm_that_cannot_be_is_one_line(arms: list[object], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        recipe.of({"adapt": {"arms": arms}}, "r.yaml")


def test_an_arm_changes_the_recipe_that_makes_its_tasks() -> None:
    whole = recipe.of(
        {
            "adapt": {
                "elsewhere": ["other"],
                "arms": [
                    "tasks_elsewhere",
                    {"mine": {"generate": {"generator": "fake"}, "curate": ["fresh"]}},
                ],
            }
        },
        "r.yaml",
    )
    mine, other = recipe.of_arm(whole, "mine"), recipe.of_arm(whole, "tasks_elsewhere")
    assert (mine.generate.generator, mine.curate) == ("fake", ["fresh"])
    assert other.ingest.paths == ["other"]
    with pytest.raises(RecipeError, match=r"adapt\.arms\.bad: unknown key 'adapt\.rang'"):
        recipe.of_arm(recipe.of({"adapt": {"arms": [{"bad": {"adapt": {"rang": 4}}}]}}, "r"), "bad")


def test_a_domain_changes_the_study_section_by_section() -> None:
    study = recipe.of(
        {
            "name": "s",
            "evaluate": {"prompts": 2},
            "domains": {"law": {"ingest": {"paths": ["a"]}, "evaluate": {"sets": ["b"]}}},
        },
        "r.yaml",
    )
    law = recipe.domain(study, "law")
    assert (law.name, law.ingest.paths, law.domains) == ("s/law", ["a"], {})
    assert (law.evaluate.prompts, law.evaluate.sets) == (2, ["b"])


def test_a_recipe_lies_over_the_one_it_extends(tmp_path: Path) -> None:
    (tmp_path / "below.yaml").write_text("seed: 3\nevaluate: {prompts: 2, part: dev}\n", "utf-8")
    above = tmp_path / "above.yaml"
    above.write_text("extends: below.yaml\nevaluate: {prompts: 1}\n", "utf-8")
    found = recipe.load(above)
    assert (found.seed, found.evaluate.prompts, found.evaluate.part) == (3, 1, "dev")
    above.write_text("extends: above.yaml\n", "utf-8")
    with pytest.raises(RecipeError, match="extends itself"):
        recipe.load(above)


def test_what_an_arm_or_a_domain_changes_is_checked_when_the_recipe_is_read(tmp_path: Path) -> None:
    bad_arm = written(tmp_path, "adapt: {arms: [{mine: {generate: {format: poem}}}]}")
    with pytest.raises(RecipeError, match=r"adapt\.arms\.mine: generate\.format is 'poem'"):
        recipe.load(bad_arm)
    bad_domain = written(tmp_path, "domains: {law: {evaluate: {promts: 1}}}")
    with pytest.raises(RecipeError, match=r"domains\.law: unknown key 'evaluate\.promts'"):
        recipe.load(bad_domain)


@pytest.mark.parametrize(
    "change",
    [
        "curate=[{well_formed: {languages: maybe}}]",
        "adapt.arms=[tasks, {other: {curate: [{well_formed: {languages: maybe}}]}}]",
    ],
)
def test_a_filters_setting_is_checked_when_the_recipe_is_read(tmp_path: Path, change: str) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("generate: {generator: fake}\n", "utf-8")
    with pytest.raises(RecipeError, match="languages is 'maybe'"):
        recipe.load(file, [change])


@pytest.mark.parametrize("shares", ["{yes: 0.5, no: 0.5}", "{'yes': 0.5, 'no': 0.5}"])
def test_shares_of_labels_may_be_written_with_or_without_quotes(
    tmp_path: Path, shares: str
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(f"curate: [balanced: {{targets: {{ynqa: {shares}}}}}]\n", "utf-8")
    found = recipe.load(file)
    file.write_text(recipe.resolved(found), "utf-8")
    assert [name for name, _ in recipe.load(file).filters] == ["balanced"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("curate=[{unleaked: {against: 5}}]", "against is 5; name a file"),
        ("curate=[{unleaked: {against: [1]}}]", "name a file, or several in a list"),
        ("curate=[{grounded: {against: a.jsonl}}]", r"curate\.grounded\.against: no such setting"),
    ],
)
def test_files_to_compare_with_are_checked_when_the_recipe_is_read(
    tmp_path: Path, change: str, said: str
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("generate: {generator: fake}\n", "utf-8")
    with pytest.raises(RecipeError, match=said):
        recipe.load(file, [change])


def test_a_key_that_looks_like_a_form_of_a_value_is_an_unknown_key() -> None:
    with pytest.raises(RecipeError, match=r"unknown key 'generate\[w'"):
        recipe.of({"generate[w": 1}, "r.yaml")
