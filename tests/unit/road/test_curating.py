"""What a finished stage of curation hangs on is in its key, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.road import revisiting, travel
from katsuo.store import tables
from katsuo.store.runs import Cell, Run
from katsuo.types import Origin, Span, Task, TaskType

GERMAN = (
    "Der Wochenmarkt findet jeden Mittwoch und Samstag auf dem Lindenplatz statt. Wer einen Stand "
    "betreiben will, beantragt ihn spätestens zehn Tage vorher beim Ordnungsamt."
)
QUESTION = "On which square of the town is the weekly market held?"


@pytest.fixture
def curated(fake_recipe: Path, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """The manifest of curation by the filters that a recipe asks for."""

    def gone(asked: str) -> dict[str, Any]:
        run = Run.at(tmp_path / "runs" / "one")
        recipe = recipes.load(fake_recipe, [f"curate={asked}"])
        travel(recipe, run, until="curate", listen=lambda _: None)
        return run.stage("curate").manifest

    return gone


def test_a_library_that_decides_is_stated_where_it_is_asked(
    curated: Callable[[str], dict[str, Any]],
) -> None:
    assert list(curated("[well_formed]")["libraries"]) == ["py3langid"]
    assert "libraries" not in curated("[{well_formed: {languages: any}}]")
    assert "libraries" not in curated("[grounded]")


def test_a_second_pass_does_not_hang_on_the_language(fake_recipe: Path, tmp_path: Path) -> None:
    task = Task(
        id="t",
        document_id="d",
        context_id="c",
        context=GERMAN,
        type=TaskType.EXQA,
        instruction=f"{GERMAN}\n\n{QUESTION}",
        response="dem Lindenplatz",
        origin=Origin(generator="g", format="f", seed=0),
    )
    rows = [tables.task_row(each) for each in (task, replace(task, id="u", response="dem Mond"))]
    tables.write(tmp_path / "rows.parquet", tables.TASKS, rows)
    recipe = recipes.load(fake_recipe, ["curate=[well_formed, grounded]"])
    start = GERMAN.index("dem Lindenplatz")
    found = revisiting.evidence(recipe, Cell(folder=tmp_path))
    assert found == {"c": [Span(start=start, end=start + len("dem Lindenplatz"))]}
