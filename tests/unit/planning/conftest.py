"""A recipe on fakes, its run folder, and a table of rates for the fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from katsuo import recipe as recipes
from katsuo.planning.rates import Rates, load
from katsuo.road import travel
from katsuo.sections import Recipe
from katsuo.store.runs import Run

Travel = Callable[[str], Run]


@pytest.fixture
def chosen(fake_recipe: Path) -> Recipe:
    return recipes.load(fake_recipe)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.at(tmp_path / "runs" / "fake")


@pytest.fixture
def travelled(chosen: Recipe, run: Run) -> Travel:
    """Take the road up to a stage; the run."""

    def until(verb: str) -> Run:
        travel(chosen, run, until=verb, listen=lambda _: None)
        return run

    return until


@pytest.fixture
def rates(tmp_path: Path) -> Rates:
    """Rates of an invented machine that is slow at round numbers."""
    fake = {"weights": "fake"}
    rows = [
        {"name": "passages_per_second", "value": 4},
        {"name": "draft_tokens", "value": 10},
        {"name": "read_tokens_per_second", "value": 100, "when": fake},
        {"name": "written_tokens_per_second", "value": 10, "when": fake},
        {"name": "kept_fraction", "value": 0.5, "when": {"generator": "fake"}},
        *(
            {"name": "tasks_per_second", "value": 8, "when": {"filter": name}}
            for name in ("well_formed", "grounded", "fresh")
        ),
        {"name": "trained_tokens_per_second", "value": 50, "when": fake},
        {"name": "ranked_tokens_per_second", "value": 20, "when": fake},
        {"name": "generate_mib", "value": 700, "when": fake},
        {"name": "bytes_per_draft", "value": 2**20, "when": fake},
    ]
    for row in rows:
        row["measured"] = "here, once"
    path = tmp_path / "rates.yaml"
    slow = {"machine": "an invented one", "rates": rows}
    path.write_text(yaml.safe_dump({"slow": slow}), "utf-8")
    return load("slow", path)
