"""The recipes for law, medicine, support and news: they load, and give tasks of every type."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.runs import Run

ROOT = Path(__file__).parents[2]
FIELDS = ("law", "medicine", "support", "news")
SENTENCES = (
    "The tenant of shed {0} pays the rent in advance, on the first working day of each quarter.",
    "Whoever finds shed {0} unlocked reports it to the harbour office on the same day.",
    "Since March the lamp above shed {0} has been broken, and two people have stumbled there.",
)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Eight short documents of ours."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(8):
        text = "\n\n".join(sentence.format(number) for sentence in SENTENCES)
        (folder / f"shed-{number}.md").write_text(text + "\n", "utf-8")
    return folder


@pytest.mark.parametrize("field", FIELDS)
def test_a_recipe_of_a_field_takes_documents_to_tasks_of_its_own_types(
    field: str, documents: Path, tmp_path: Path
) -> None:
    changes = [
        f"ingest.paths=['{documents}']",
        "ingest.max_tokens=24",
        "generate.generator=fake",
        "adapt.base=fake",
    ]
    recipe = recipes.load(ROOT / "recipes" / f"{field}.yaml", changes)
    run = Run.at(tmp_path / "runs" / field)
    travel(recipe, run, until="curate", listen=lambda _: None)
    drafts = list(tables.tasks(run.stage("generate").parts()))
    ranked = {name for name, own in recipe.generate.tasks.items() if own.question}
    assert ranked, "each recipe has labels that a passage decides"
    named = {task.name for task in drafts if task.name}
    assert named & ranked
    assert {task.type for task in drafts if not task.name} == set(recipe.generate.task_types)
    for task in drafts:
        own = recipe.generate.tasks.get(task.name)
        if own is not None and own.labels:
            assert task.response in own.labels


@pytest.mark.parametrize("field", FIELDS)
def test_a_recipe_of_a_field_is_worded_for_it_alone(field: str) -> None:
    others = [one for one in FIELDS if one != field]
    mine = recipes.load(ROOT / "recipes" / f"{field}.yaml").generate.tasks
    for other in others:
        theirs = recipes.load(ROOT / "recipes" / f"{other}.yaml").generate.tasks
        assert not set(mine) & set(theirs)
