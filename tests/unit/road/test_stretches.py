"""A generator is taught in stretches, on a real trainer and a model made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from katsuo import school
from katsuo.road.trip import Event
from katsuo.store.runs import Run

pytest.importorskip("torch")
N_ROWS = 24


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> school.Lesson:
    """Thirty-odd pairs for the tiny model."""
    monkeypatch.setenv("KATSUO_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "sources" / "boolq"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        table = {
            "question": [f"does berth {n} close" for n in range(N_ROWS)],
            "passage": [f"{split} -- Berth {n} closes {split}." for n in range(N_ROWS)],
            "label": [n % 2 for n in range(N_ROWS)],
        }
        pq.write_table(pa.table(table), folder / f"{split}.parquet")
    recipe = tmp_path / "teach.yaml"
    recipe.write_text(
        "name: school\nremix: {sources: [boolq]}\n"
        f"teach: {{base: {tiny}, batch_tokens: 640, rank: 2, precision: float32}}\n",
        "utf-8",
    )
    return school.load(recipe)


def taught(
    lesson: school.Lesson, folder: Path, max_minutes: float | None = None
) -> tuple[dict[str, Any], int]:
    """What school says, and how many steps were taken."""
    heard: list[Event] = []
    result = school.go(
        lesson, Run.at(folder), until="teach", listen=heard.append, max_minutes=max_minutes
    )
    return result, sum(event.unit == "step" for event in heard)


def losses(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "generator" / "losses.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def test_stretches_end_in_the_weights_and_losses_of_one_go(
    lesson: school.Lesson, tmp_path: Path
) -> None:
    whole, n_steps = taught(lesson, tmp_path / "runs" / "whole")
    assert n_steps > 3
    assert whole["format"] == "bonito-v1"
    folder = tmp_path / "runs" / "stretches"
    for done in (1, 2):
        result, taken = taught(lesson, folder, max_minutes=0)
        assert taken == 1
        assert result["paused"] == f"{done} of {n_steps} steps"
    result, taken = taught(lesson, folder)
    assert taken == n_steps - 2
    assert losses(folder) == losses(tmp_path / "runs" / "whole")
    one, other = (
        load_file(tmp_path / "runs" / name / "generator" / "adapter_model.safetensors")
        for name in ("whole", "stretches")
    )
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)
