"""How far has a run come, told from another process?

    manifests ─▶ done │ cells ─▶ so many of so many, how fast, how long still │ nothing ─▶ not begun

Nothing is locked, written or computed: while another process writes, a file is whole or absent.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from katsuo import recipe as recipes
from katsuo.errors import KatsuoError, RecipeError
from katsuo.planning.making import current
from katsuo.planning.shards import shards_of
from katsuo.planning.tunings import tunings_of
from katsuo.road import studying
from katsuo.road.asking import known
from katsuo.road.evaluating import plan_of
from katsuo.road.ingesting import files_of
from katsuo.road.trip import Trip
from katsuo.sections import Recipe
from katsuo.store.runs import FOLDERS, Run

DONE: Final = "done"
UNDER_WAY: Final = "under way"
NOT_BEGUN: Final = "not begun"
_ALONE: Final = ("ingest", "generate", "curate", "adapt")
"""Stages that every domain of a study takes on its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far one stage of one run is."""

    stage: str
    state: str
    """`done`, `under way` or `not begun`."""
    unit: str = ""
    done: int = 0
    total: int | None = None
    """None where it is not known."""
    seconds: float = 0.0
    """Of work, earlier processes included."""
    rate: float | None = None
    """Units per second."""
    left_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a run is, or a domain of a study, or an arm with tasks of its own."""

    run: str
    stages: tuple[Standing, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"run": self.run, "stages": [asdict(stage) for stage in self.stages]}


def status(folder: Path) -> list[Status]:
    """The run in `folder` and those inside it, in the order in which they are taken.

    Raises:
        RecipeError: If it is no run folder.
    """
    if not (folder / "recipe.yaml").is_file():
        raise RecipeError(f"{folder}: is no run folder; name one, such as runs/demo")
    recipe, run = recipes.load(folder), Run.at(folder)
    found = [_status(str(folder), recipe, run, tuple(FOLDERS))]
    inner = [
        _status(f"{folder}/{name}", recipes.domain(recipe, name), run.within(name), _ALONE)
        for name in recipe.domains
    ]
    return [_summed(found[0], inner), *inner] if inner else found


def at_work(folder: Path) -> bool | None:
    """Whether a process holds the run; None where this system does not tell."""
    try:
        held = Path("/proc/locks").read_text("utf-8")
        inode = (folder / ".lock").stat().st_ino
    except OSError:
        return None
    return any(line.split()[5].endswith(f":{inode}") for line in held.splitlines())


def _status(name: str, recipe: Recipe, run: Run, verbs: Sequence[str]) -> Status:
    manifests = {verb: run.stage(verb).manifest for verb in verbs}
    done = current(run)
    stages = []
    begun = True
    for verb in verbs:
        if verb in done:
            stages.append(_finished(verb, done[verb]))
            continue
        is_next = begun and (bool(done) or verb == "ingest") and not manifests[verb]
        found = _going(verb, recipe, run) if is_next else None
        stages.append(found or Standing(stage=verb, state=NOT_BEGUN, note=_old(manifests[verb])))
        begun = False
    return Status(run=name, stages=tuple(stages))


def _old(manifest: Mapping[str, Any]) -> str:
    return "done with other inputs, to be made anew" if manifest else ""


def _finished(verb: str, manifest: Mapping[str, Any]) -> Standing:
    counts = manifest.get("counts") or {}
    seconds = float(manifest.get("seconds", 0.0))
    passed = int(counts.get("passed", 0))
    return Standing(
        stage=verb,
        state=DONE,
        unit=str(counts.get("unit", "")),
        done=passed,
        total=int(counts.get("arrived", 0)),
        seconds=seconds,
        rate=counts["arrived"] / seconds if counts.get("arrived") and seconds else None,
        left_seconds=0.0,
    )


def _going(verb: str, recipe: Recipe, run: Run) -> Standing | None:
    """How far a stage is that is not done; None where nothing of it is there."""
    trip = Trip(recipe=recipe, run=run, listen=lambda _: None)
    try:
        found = _LOOKS[verb](trip)
    except KatsuoError as error:
        note = f"cannot be told: {' '.join(str(error).split())}"
        return Standing(stage=verb, state=NOT_BEGUN, note=note)
    if found is None or trip.run.stage(verb).folder.is_dir():
        return found
    note = f"{found.done} of {found.total} {found.unit}s are found done" if found.done else ""
    return Standing(stage=verb, state=NOT_BEGUN, note=note)


def _ingesting(trip: Trip) -> Standing | None:
    cells = files_of(trip)
    done = [cell.facts["seconds"] for cell in cells if cell.done]
    return _paced("ingest", "file", done, len(cells))


def _generating(trip: Trip) -> Standing | None:
    found = shards_of(trip.recipe, trip.run)
    standing = _paced("generate", "shard", [found.seconds / max(1, found.done)] * found.done,
                      found.total)  # fmt: skip
    speed = f"{found.n_drafts / found.seconds:.1f} drafts/s" if found.seconds else ""
    return replace(standing, note=speed)


def _curating(trip: Trip) -> Standing | None:
    folder = trip.run.stage("curate").folder
    if not folder.is_dir():
        return None
    total = len(trip.run.stage("generate").parts())
    note = "how many are judged is told by no cell of its own"
    return Standing(stage="curate", state=UNDER_WAY, unit="shard", total=total, note=note)


def _adapting(trip: Trip) -> Standing | None:
    found = tunings_of(trip)
    standing = _paced("adapt", "tuning", found.seconds, found.total)
    return replace(standing, note=found.note)


def _evaluating(trip: Trip) -> Standing | None:
    plan = studying.plan_of(trip) if trip.recipe.domains else plan_of(trip)
    cells = [cell for pair in plan if (cell := known(trip, pair)) is not None]
    return _paced("evaluate", "set", [cell.facts["seconds"] for cell in cells], len(plan))


def _reporting(_: Trip) -> Standing | None:
    return None


_LOOKS: Final[Mapping[str, Callable[[Trip], Standing | None]]] = {
    "ingest": _ingesting,
    "generate": _generating,
    "curate": _curating,
    "adapt": _adapting,
    "evaluate": _evaluating,
    "report": _reporting,
}


def _paced(verb: str, unit: str, seconds: list[float], total: int) -> Standing:
    """A stage with so many units done, each in its seconds."""
    spent = sum(seconds)
    left = statistics.fmean(seconds) * (total - len(seconds)) if seconds else None
    return Standing(
        stage=verb,
        state=UNDER_WAY,
        unit=unit,
        done=len(seconds),
        total=total,
        seconds=spent,
        rate=len(seconds) / spent if spent else None,
        left_seconds=left,
    )


def _summed(whole: Status, inner: list[Status]) -> Status:
    """A study's own stages: those that each domain takes alone are counted in domains."""
    stages = []
    for place, stage in enumerate(whole.stages):
        if stage.state == DONE or stage.stage not in _ALONE:
            stages.append(stage)
        else:
            stages.append(_of_domains(stage, [one.stages[place] for one in inner]))
    return Status(run=whole.run, stages=tuple(stages))


def _of_domains(stage: Standing, each: list[Standing]) -> Standing:
    n_done = sum(one.state == DONE for one in each)
    begun = any(one.state != NOT_BEGUN for one in each)
    return Standing(
        stage=stage.stage,
        state=UNDER_WAY if begun else NOT_BEGUN,
        unit="domain" if begun else "",
        done=n_done,
        total=len(each) if begun else None,
        seconds=sum(one.seconds for one in each),
        left_seconds=_left(each) if begun else None,
    )


def _left(each: list[Standing]) -> float | None:
    """What is left of all domains, if that is known of each or can be taken from the others."""
    spent = [one.seconds for one in each if one.state == DONE]
    left = [one.left_seconds for one in each if one.state == UNDER_WAY]
    waiting = sum(one.state == NOT_BEGUN for one in each)
    if any(one is None for one in left) or (waiting and not spent):
        return None
    return sum(one or 0.0 for one in left) + waiting * (statistics.fmean(spent) if spent else 0.0)
