"""A recipe for the whole road on the small model."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml


@pytest.fixture
def tiny_recipe(tmp_path: Path, tiny: Path, corpus: Path, probes: Path) -> Path:
    """A recipe for the whole road on the tiny model: the fake writes the tasks."""
    path = tmp_path / "tiny.yaml"
    recipe = {
        "name": "tiny",
        "ingest": {"paths": [str(corpus)], "max_tokens": 120, "min_words": 4},
        "generate": {"generator": "fake", "task_types": ["ynqa"]},
        "adapt": {
            "base": str(tiny),
            "arms": ["tasks"],
            "rank": 2,
            "learning_rate": 1e-3,
            "precision": "float32",
            "device": "cpu",
        },
        "evaluate": {"sets": [str(probes)], "prompts": 1, "harm": {"check": False}},
    }
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    return path
