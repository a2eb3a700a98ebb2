"""Which tunings of a run are finished, and how many steps has the one under way?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from katsuo.road.adapting import adapter_folder
from katsuo.road.trip import Trip
from katsuo.store.runs import FOLDERS
from katsuo.training import LOSSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunings:
    """How far the stage `adapt` is."""

    seconds: list[float]
    """Of each tuning that is done."""
    total: int
    note: str = ""
    """Of the one under way, as its last checkpoint tells."""


def tunings_of(trip: Trip) -> Tunings:
    """The tunings of a run; the one under way is the newest in the shared cells."""
    asked = trip.recipe.adapt
    seeds = range(trip.recipe.seed, trip.recipe.seed + asked.seeds)
    folders = [adapter_folder(trip, arm, seed) for arm in asked.arms_by_name for seed in seeds]
    done = [folder for folder in folders if (folder / LOSSES).is_file()]
    return Tunings(
        seconds=[_seconds(folder / LOSSES) for folder in done],
        total=len(folders),
        note=_newest(trip),
    )


def _seconds(losses: Path) -> float:
    """What a tuning took, as its list of losses says."""
    rows = [json.loads(line) for line in losses.read_text("utf-8").splitlines()]
    return max((float(row["seconds"]) for row in rows if "seconds" in row), default=0.0)


def _newest(trip: Trip) -> str:
    """The checkpoint that was written last, if that was after this stage had begun."""
    folder = trip.run.stage("adapt").folder
    if not folder.is_dir():
        return ""
    began = (trip.run.stage("curate").folder / "manifest.json").stat().st_mtime
    found = [
        (path.stat().st_mtime, path)
        for path in (trip.run.home / FOLDERS["adapt"]).glob(".*.tuning/checkpoint/*.safetensors")
        if not path.name.startswith(".")
    ]
    newer = [(at, path) for at, path in found if at > began]
    if not newer:
        return ""
    state = _state(max(newer)[1])
    return (
        f"one under way: {state['done']} steps in {state['seconds']:.0f} s at its last checkpoint"
        if state
        else ""
    )


def _state(path: Path) -> dict[str, Any] | None:
    """What a checkpoint says of itself; None if it goes while it is looked at."""
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(json.loads(file.metadata()["state"]))
    except (FileNotFoundError, SafetensorError):
        return None
