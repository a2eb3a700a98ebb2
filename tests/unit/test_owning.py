"""Task types of one's own in a recipe: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo import recipe
from katsuo.errors import RecipeError
from katsuo.sections import Recipe
from katsuo.sections.owning import settled
from katsuo.types import TaskType

TOPIC = "like: topic_class, labels: [a, b]"
CLAIM = "like: nli, labels: {ja: '', nein: ''}, means: {ja: yes, nein: no}"


def loaded(tmp_path: Path, entry: str, name: str = "mine") -> Recipe:
    file = tmp_path / "tasks.yaml"
    file.write_text(f"{name}: {{{entry}}}\n", "utf-8")
    path = tmp_path / "r.yaml"
    path.write_text(f"generate: {{tasks: '{file}'}}\n", "utf-8")
    return recipe.load(path)


def test_a_file_is_read_into_the_recipe_and_nothing_else_is_asked_for(tmp_path: Path) -> None:
    found = loaded(tmp_path, TOPIC)
    assert found.generate.tasks["mine"].labels == {"a": "", "b": ""}
    assert found.generate.task_types == []
    again = tmp_path / "again.yaml"
    again.write_text(recipe.resolved(found), "utf-8")
    assert recipe.load(again) == found


def test_task_types_that_are_named_stay(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"generate: {{task_types: [exqa], tasks: {{mine: {{{TOPIC}}}}}}}\n", "utf-8")
    assert recipe.load(path).generate.task_types == [TaskType.EXQA]


def test_yes_and_no_without_quotes_are_words_where_labels_are_explained(tmp_path: Path) -> None:
    own = settled("mine", loaded(tmp_path, CLAIM).generate.tasks["mine"], "here")
    assert own.means == {"ja": "yes", "nein": "no"}
    assert "{{ question }}" in own.wordings[0]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param("like: poem", r"mine: like is|'poem' is unknown", id="like"),
        pytest.param(f"{TOPIC}, lables: 3", r"mine: unknown key 'lables'; did you mean", id="key"),
        pytest.param("like: topic_class", "mine.labels has 0; name two or more", id="no-label"),
        pytest.param("like: ynqa, labels: {yes: '', no: ''}", "write it in quotes", id="yaml-yes"),
        pytest.param("like: topic_class, labels: [a, a]", "a label is there twice", id="twice"),
        pytest.param(
            "like: topic_class, labels: {'a: b': '', c: ''}", "without a colon", id="colon"
        ),
        pytest.param("like: exqa, labels: [a, b]", "exqa has none; take topic_class", id="span"),
        pytest.param("like: qa, answer: free, labels: [a, b]", "its answer is free", id="free"),
        pytest.param("like: nli, answer: free", "nli is answered with a label", id="unlabelled"),
        pytest.param("like: nli, labels: [ja, 'no']", "write means: {ja: supported", id="meaning"),
        pytest.param("like: ynqa, labels: ['yes', 'true']", "two that mean the same", id="same"),
        pytest.param("like: ynqa, labels: ['yes', unknown]", "says nothing", id="open-yes-no"),
        pytest.param(f"{TOPIC}, means: {{a: yes}}", "a passage decides topic_class", id="means"),
        pytest.param(f"{CLAIM}, shares: {{ja: 0.5, nein: 0.5}}", "shares is for", id="written"),
        pytest.param(f"{TOPIC}, shares: {{a: 0.5, c: 0.5}}", "shares names 'c'", id="share-of"),
        pytest.param(f"{TOPIC}, shares: {{a: 0.5, b: 0.6}}", "shares sum to 1.1", id="shares"),
        pytest.param(f"{TOPIC}, use: 0", "mine: use is 0", id="use"),
        pytest.param(f"{TOPIC}, instruction: 'Which?'", r"lacks {{ context }}", id="context"),
        pytest.param(f"{TOPIC}, instruction: '{{{{ contxt }}}}'", "asks for 'contxt'", id="slot"),
        pytest.param(f"{TOPIC}, instruction: '{{% if %}}'", "is no Jinja", id="jinja"),
        pytest.param(
            f"{TOPIC}, instruction: '{{{{ context }}}} {{{{ question }}}}'",
            "there is none; the passage decides alone",
            id="question",
        ),
        pytest.param(
            f"{CLAIM}, instruction: '{{{{ context }}}}'", r"lacks {{ question }}", id="no-question"
        ),
        pytest.param(f"{CLAIM}, voice: '<|task|>'", "cannot be told", id="voice"),
        pytest.param(
            f"{TOPIC}, examples: [{{passage: x, response: c}}]", "its labels are a, b", id="example"
        ),
        pytest.param(
            f"{TOPIC}, examples: [{', '.join(['{passage: x, response: a}'] * 6)}]",
            "at most 5",
            id="six",
        ),
        pytest.param(
            f"{CLAIM}, examples: [{{passage: x, response: ja}}]", "has no instruction", id="asked"
        ),
        pytest.param(
            "like: exqa, examples: [{passage: x, instruction: y, response: z}]",
            "does not stand in its passage",
            id="span-example",
        ),
        pytest.param(f"{TOPIC}, checks: [fresh]", "fresh looks at all tasks", id="selector"),
        pytest.param(f"{TOPIC}, checks: [unleaked]", "put unleaked into curate", id="unleaked"),
        pytest.param(f"{TOPIC}, checks: [grounbed]", "did you mean 'grounded'", id="check"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_place(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as refused:
        loaded(tmp_path, entry)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["nli", "a b", "'42 '"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="is no name for a task type of your own"):
        loaded(tmp_path, TOPIC, name)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "holds no task type"), ("- a\n", "holds a list"), (None, "is no file")],
    ids=["empty", "list", "absent"],
)
def test_a_file_that_holds_none_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "tasks.yaml"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(RecipeError, match=said):
        recipe.of({"generate": {"tasks": str(file)}}, "the test")
