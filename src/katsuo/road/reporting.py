"""What the manifests say, gathered into report.json and report.html."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Final

from katsuo import seeds
from katsuo.own import named
from katsuo.recipe import resolved
from katsuo.road import covering, holding
from katsuo.road.adapting import losses
from katsuo.road.studying import domains
from katsuo.road.trip import Trip, key_of
from katsuo.stages.report import PageExtras, ReportFacts, measured, page
from katsuo.stages.report import report as content_of
from katsuo.store import tables
from katsuo.store.files import read_json, write_json, write_text
from katsuo.store.runs import FOLDERS, StageFolder
from katsuo.types import Dropped, Task
from katsuo.version import VERSION

SAMPLES: Final = 8
DROPPED_EXAMPLES: Final = 400
"""Ledger lines read for the page; it shows the first few of each reason."""
_FUNNEL: Final = ("ingest", "generate", "curate", "adapt")
_LIBRARIES: Final = ("openvino-genai", "torch", "transformers", "peft", "pyarrow", "tokenizers")


def report(trip: Trip) -> None:
    """Take the stage `report`."""
    earlier = {verb: trip.manifest(verb) for verb in FOLDERS if verb != "report"}
    inputs = {verb: manifest.get("outputs", {}) for verb, manifest in earlier.items()}

    def work(folder: StageFolder) -> dict[str, Any]:
        scores = read_json(trip.run.stage("evaluate").folder / "scores.json")
        known = measured(scores) if scores else None
        facts = ReportFacts(
            name=trip.recipe.name,
            version=VERSION,
            seed=trip.recipe.seed,
            base=earlier["adapt"]["base"],
            generator=earlier["generate"]["settings"]["identity"],
            recipe=trip.recipe.model_dump(mode="json"),
            machine=machine(),
            n_documents=earlier["ingest"]["n_documents"],
            n_contexts=earlier["ingest"]["counts"]["passed"],
            n_tasks=earlier["curate"]["counts"]["passed"],
            funnel=[{"stage": verb, **earlier[verb]["counts"]} for verb in _FUNNEL],
            arms=known.arms if known else {},
            gains=known.gains if known else {},
            over_best=known.over_best if known else {},
            resampling=known.resampling if known else {},
            seconds={verb: manifest["seconds"] for verb, manifest in earlier.items()},
            peak_mib={verb: manifest["peak_mib"] for verb, manifest in earlier.items()},
            samples=_samples(trip),
            losses=_losses(trip),
            harm=read_json(trip.run.stage("evaluate").folder / "harm.json"),
            held_out=_held_out(trip),
            nothing_learned=_nothing_learned(trip),
            coverage=covering.coverage(_trips(trip)),
            phrasing=covering.phrasings(_trips(trip), trip.recipe.seed),
            labels=earlier["curate"].get("labels", {}),
            leaks=earlier["curate"].get("leaks", ()),
        )
        content = content_of(facts)
        write_json(folder.folder / "report.json", content)
        extras = PageExtras(
            dropped=tuple(_dropped(trip)),
            recipe_yaml=resolved(trip.recipe),
            places=_places(trip),
            made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
        write_text(folder.folder / "report.html", page(content, extras))
        return {"inputs": inputs, "note": str(folder.folder / "report.html")}

    trip.stage("report", key_of("report", inputs, trip.recipe.name), work)


def machine() -> dict[str, Any]:
    """What figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gpu() -> str:
    """The GPUs of this machine as their driver calls them, or nothing."""
    found = [
        line.partition(":")[2].strip()
        for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("Model:")
    ]
    return ", ".join(found)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _trips(trip: Trip) -> dict[str, Trip]:
    """The runs that a report speaks of: the run itself, or every domain of a study."""
    return domains(trip) or {"": trip}


def _held_out(trip: Trip) -> dict[str, Any]:
    """Domain, or nothing where there are none -> what was kept out of all learning there."""
    said = {name: holding.facts(one) for name, one in _trips(trip).items()}
    return {name: facts["held_out"] for name, facts in said.items() if facts}


def _nothing_learned(trip: Trip) -> dict[str, str]:
    """Arm, behind its domain where there are any -> why nothing was learned there."""
    return {
        f"{name}/{arm}" if name else arm: reason
        for name, one in _trips(trip).items()
        for arm, reason in one.manifest("adapt").get("nothing_learned", {}).items()
    }


def _samples(trip: Trip) -> tuple[Task, ...]:
    """A few kept tasks of every type, drawn by seed."""
    by_type: dict[str, list[Task]] = {}
    for one in _trips(trip).values():
        for task in islice(tables.tasks(one.run.stage("curate").parts()), 5000):
            by_type.setdefault(named(task), []).append(task)
    chance = seeds.stream(trip.recipe.seed, "report", "samples")
    each = max(1, SAMPLES // max(1, len(by_type)))
    chosen = [chance.sample(found, min(each, len(found))) for found in by_type.values()]
    return tuple(task for found in chosen for task in found)


def _losses(trip: Trip) -> dict[str, list[tuple[int, float]]]:
    """The loss curve of every arm's first tuning."""
    return {
        f"{name}/{path.parent.name}" if name else path.parent.name: losses(path.parent)
        for name, one in _trips(trip).items()
        for path in sorted(one.run.stage("adapt").folder.glob("*/losses.jsonl"))
    }


def _dropped(trip: Trip) -> Iterator[Dropped]:
    trips = _trips(trip).values()
    for verb in _FUNNEL:
        parts = (part for one in trips for part in one.run.stage(verb).dropped_parts())
        rows = (row for part in parts for row in tables.read(part))
        yield from (tables.dropped_of(row) for row in islice(rows, DROPPED_EXAMPLES))


def _places(trip: Trip) -> dict[str, str]:
    """Where each sampled passage stands: its file, and its page where there is one."""
    wanted = {task.context_id for task in _samples(trip)}
    places = {}
    parts = (part for one in _trips(trip).values() for part in one.run.stage("ingest").parts())
    for part in parts:
        for row in tables.read(part):
            if row["id"] in wanted:
                name = Path(row["source"]).name
                places[row["id"]] = f"{name}, page {row['page']}" if row["page"] else name
    return places
