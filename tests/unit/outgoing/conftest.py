"""Runs on the fakes, as far as curated tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.road import travel
from katsuo.store.runs import Run

Travelled = Callable[..., Run]


@pytest.fixture
def travelled(fake_recipe: Path, tmp_path: Path) -> Travelled:
    """Take the fake road until curation, with changes of the recipe."""

    def made(*changes: str, run: str = "harbour", until: str = "curate") -> Run:
        found = Run.at(tmp_path / "runs" / run)
        types = "generate.task_types=[exqa, ynqa, summarization]"
        travel(recipes.load(fake_recipe, [types, *changes]), found, until=until,
               listen=lambda _: None)  # fmt: skip
        return found

    return made


@pytest.fixture
def run(travelled: Travelled) -> Run:
    """A run with curated tasks about twelve documents."""
    return travelled()


@pytest.fixture
def study(fake_recipe: Path, corpus: Path, tmp_path: Path) -> Run:
    """A study of two domains: the first six documents, and the others."""
    domains = []
    for name, numbers in (("near", range(6)), ("far", range(6, 12))):
        paths = [str(corpus / f"order-{number:02d}.md") for number in numbers]
        domains.append(f"  {name}: {{ingest: {{paths: {paths}}}}}")
    path = tmp_path / "study.yaml"
    path.write_text(fake_recipe.read_text("utf-8") + "\n".join(["domains:", *domains]) + "\n")
    found = Run.at(tmp_path / "runs" / "study")
    travel(recipes.load(path), found, until="curate", listen=lambda _: None)
    return found
