"""Tasks and passages to adapters: one arm after the other, each resumable and shared.

tasks             the curated tasks
tapt              next-word prediction on the same passages, for as many steps
tasks_elsewhere   as many tasks, as many steps, made from unrelated text
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from katsuo import engines, seeds
from katsuo.errors import RecipeError
from katsuo.recipe import Recipe
from katsuo.road.curating import curate
from katsuo.road.generating import generate
from katsuo.road.ingesting import ingest
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.stages.tuning import Limit, fit, tapt_pairs, task_pairs
from katsuo.store import tables
from katsuo.store.files import link, sync, write_json
from katsuo.store.runs import Cell, StageFolder
from katsuo.training import Step, TuneSettings
from katsuo.types import Context, Dropped, Pair, Task

CONTROL = "tasks_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One adapter to be tuned."""

    name: str
    pairs: Sequence[Pair]
    dropped: Sequence[Dropped]
    settings: TuneSettings


def adapt(trip: Trip) -> None:
    """Take the stage `adapt`."""
    asked = trip.recipe.adapt
    base = engines.find(asked.base)
    if CONTROL in asked.arms and not asked.elsewhere:
        raise RecipeError(
            f"adapt.arms has {CONTROL} and adapt.elsewhere is empty; name unrelated text there"
        )
    inputs = {verb: trip.manifest(verb)["outputs"] for verb in ("ingest", "curate")}
    elsewhere = _elsewhere(trip) if CONTROL in asked.arms else None
    if elsewhere is not None:
        inputs["elsewhere"] = elsewhere.manifest("curate")["outputs"]
    stated = {**asked.model_dump(mode="json"), "seed": trip.recipe.seed, "base": base.identity}

    def work(folder: StageFolder) -> dict[str, Any]:
        counts = Counts(unit="pair")
        lines: list[Dropped] = []
        done: dict[str, Any] = {}
        seconds = 0.0
        for arm in _arms(trip, base, elsewhere, done):
            counts.keep(len(arm.pairs))
            counts.drop(arm.dropped)
            lines.extend(arm.dropped)
            cell = trip.run.cell("adapt", _key(arm, base))
            with cell.alone():  # another run beside this one may want the same arm
                if not cell.done:
                    _tune(trip, arm, base, cell)
            done[arm.name] = cell.facts
            seconds += cell.facts["seconds"]
            for path in sorted(cell.folder.iterdir()):
                if path.name != "cell.json":
                    link(path, folder.folder / arm.name / path.name)
        tables.write(folder.dropped(0), tables.DROPPED, map(tables.dropped_row, lines))
        return {
            "settings": stated,
            "base": {"name": base.name, "sha256": base.sha256, "note": base.note},
            "inputs": inputs,
            "counts": counts.facts,
            "arms": done,
            "seconds": seconds,
        }

    trip.stage("adapt", key_of("adapt", inputs, stated), work)


def _elsewhere(trip: Trip) -> Trip:
    """A run inside this one that makes tasks from the unrelated text."""
    other = trip.recipe.ingest.model_copy(update={"paths": trip.recipe.adapt.elsewhere})
    recipe = trip.recipe.model_copy(update={"ingest": other})
    inner = Trip(recipe=recipe, run=trip.run.within("elsewhere"), listen=trip.listen)
    for stage in (ingest, generate, curate):
        stage(inner)
    return inner


def _arms(
    trip: Trip, base: engines.Named, elsewhere: Trip | None, done: dict[str, Any]
) -> Iterator[Arm]:
    """The arms in an order in which each knows how many steps the tasks took."""
    settings = _settings(trip.recipe)
    limit = Limit(max_tokens=settings.max_tokens)
    size = engines.pair_sizes(base)
    wanted = trip.recipe.adapt.arms
    found = _drawn(list(tables.tasks(trip.run.stage("curate").parts())), trip.recipe)
    if "tasks" in wanted or CONTROL in wanted:
        pairs, dropped = fit(task_pairs(found), size, limit)
        _need(pairs, "curation kept no task that can be learned; 3-curated/dropped says why")
        yield Arm(name="tasks", pairs=pairs, dropped=dropped, settings=settings)
    steps = done["tasks"]["steps"] if "tasks" in done else None
    matched = replace(settings, max_steps=steps) if steps else settings
    if "tapt" in wanted:
        pairs, dropped = fit(tapt_pairs(_contexts(trip)), size, limit)
        _need(pairs, "there is no passage to read; see the ledger of 1-contexts")
        yield Arm(name="tapt", pairs=pairs, dropped=dropped, settings=matched)
    if elsewhere is not None:
        other = list(tables.tasks(elsewhere.run.stage("curate").parts()))
        drawn = _sample(other, len(found), trip.recipe)
        pairs, dropped = fit(task_pairs(drawn), size, limit)
        _need(pairs, "adapt.elsewhere gave no task; name more unrelated text there")
        yield Arm(name=CONTROL, pairs=pairs, dropped=dropped, settings=matched)


def _tune(trip: Trip, arm: Arm, base: engines.Named, cell: Cell) -> None:
    """Tune one arm into `cell`; an interrupted one goes on from its checkpoint."""

    def on_step(step: Step) -> None:
        note = f"{arm.name}: loss {step.loss:.3f}, {step.tokens_per_second:.0f} tokens/s"
        trip.listen(
            Event(stage="adapt", done=step.step, total=step.n_steps, unit="step", note=note)
        )

    tuner = engines.open_tuner(base, arm.settings, on_step=on_step)
    unfinished = cell.folder.with_name(f".{cell.folder.name}.tuning")
    unfinished.mkdir(parents=True, exist_ok=True)
    report = tuner.tune(arm.pairs, unfinished)
    write_json(unfinished / "cell.json", {**asdict(report), "pairs": len(arm.pairs)})
    sync(unfinished)
    unfinished.replace(cell.folder)


def _key(arm: Arm, base: engines.Named) -> str:
    learned = [[pair.prompt, pair.target, pair.chat] for pair in arm.pairs]
    return key_of("adapt", base.identity, engines.trainer_version(), asdict(arm.settings), learned)


def _settings(recipe: Recipe) -> TuneSettings:
    asked = recipe.adapt
    return TuneSettings(
        rank=asked.rank,
        alpha=asked.alpha,
        learning_rate=asked.learning_rate,
        batch_tokens=asked.batch_tokens,
        epochs=asked.epochs,
        max_tokens=asked.max_tokens,
        seed=recipe.seed,
    )


def _drawn(found: list[Task], recipe: Recipe) -> list[Task]:
    limit = recipe.adapt.max_tasks
    return found if limit is None else _sample(found, limit, recipe)


def _sample(found: list[Task], number: int, recipe: Recipe) -> list[Task]:
    """At most `number` of the tasks, drawn by seed, in their order."""
    if len(found) <= number:
        return found
    chance: random.Random = seeds.stream(recipe.seed, "adapt", "sample")
    chosen = sorted(chance.sample(range(len(found)), number))
    return [found[i] for i in chosen]


def _contexts(trip: Trip) -> list[Context]:
    parts = trip.run.stage("ingest").parts()
    return [tables.context_of(row) for part in parts for row in tables.read(part)]


def _need(pairs: Sequence[Pair], otherwise: str) -> None:
    if not pairs:
        raise RecipeError(otherwise)


def losses(folder: Path) -> list[tuple[int, float]]:
    """Step and loss of an adapter folder."""
    rows = [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]
