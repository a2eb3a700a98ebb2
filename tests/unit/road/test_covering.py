"""The map counts every kept task once, however contexts and tasks lie in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.road import covering, travel
from katsuo.road.trip import Trip
from katsuo.store import tables
from katsuo.store.runs import Run

RANKED = """
topic:
  like: topic_class
  labels: [fees, wind, pilots]
  instruction: "{{ context }}\\n\\nWhich is it: {{ labels }}?"
  use: 1
"""


def gone(recipe: Path, into: Path, *changes: str) -> Trip:
    chosen = recipes.load(recipe, changes)
    run = Run.at(into)
    travel(chosen, run, until="curate", listen=lambda _: None)
    return Trip(recipe=chosen, run=run, listen=lambda _: None)


def test_small_shards_share_files_and_the_map_is_the_same(
    fake_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(RANKED, "utf-8")
    changes = ["generate.passes=2", "generate.task_types=[exqa]", f"generate.tasks={own}"]
    whole = gone(fake_recipe, tmp_path / "a" / "whole", *changes)
    monkeypatch.setattr(tables, "ROW_GROUP", 30)
    cut = gone(fake_recipe, tmp_path / "b" / "cut", *changes, "ingest.shard_passages=4")
    stages = [one.run.stage("curate") for one in (whole, cut)]
    assert [path.name for path in stages[0].parts()] == ["part-00000.parquet"]
    assert [path.name for path in stages[0].dropped_parts()] == ["part-00000.parquet"]
    n_shards = len(cut.run.stage("ingest").parts())
    assert 1 < len(stages[1].parts()) < n_shards
    n_tasks = sum(1 for _ in tables.tasks(stages[1].parts()))
    assert stages[1].manifest["counts"]["passed"] == n_tasks
    found = covering.coverage({"": cut})
    assert found == covering.coverage({"": whole})
    assert found["tasks"] == n_tasks
    assert found["covered"] > 0
