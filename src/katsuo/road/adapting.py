"""Tasks and passages to adapters: one arm after the other, each resumable and shared.

    arm ──learn──▶ pairs (tasks | passages | elsewhere | remix), with replay
        ──seed───▶ one tuning each, found done or tuned into a cell

Control arms learn as many tasks as the arm `tasks`, the passages as many steps as it takes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from katsuo import engines, seeds
from katsuo.errors import RecipeError
from katsuo.recipe import of_arm
from katsuo.road import lineage
from katsuo.road.adapters import ASKED_LATER, adapted, is_whole, tuned_with, without
from katsuo.road.crews import Job
from katsuo.road.sources import Sources, contexts
from katsuo.road.trip import Counts, Event, Trip, key_of
from katsuo.sections import Recipe
from katsuo.stages.tuning import Limit, fit, tapt_pairs, task_pairs, with_replay
from katsuo.store import tables
from katsuo.store.files import link, sync, write_json
from katsuo.store.runs import Cell, StageFolder
from katsuo.training import Step, TuneSettings
from katsuo.types import Dropped, Pair, Task

if TYPE_CHECKING:
    from katsuo.models.lint import Lint

_ASKED_LATER: Final = ASKED_LATER | {"max_steps", "compile"}
"""Of this section; a teaching recipe had those two from the beginning."""
TASKS = "tasks"
"""The arm that sets the number of tasks of control arms, and of steps of the passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """One arm, tuned with one seed."""

    arm: str
    seed: int
    base: engines.Named
    pairs: Sequence[Pair]
    dropped: Sequence[Dropped]
    settings: TuneSettings
    lint: Lint | None
    """What the trainer will read; None for the fake."""


def adapt(trip: Trip) -> None:
    """Take the stage `adapt`."""
    asked = trip.recipe.adapt
    base = engines.find(asked.base)
    sources = Sources(trip)
    tunings = _Tunings(trip, base, sources)
    inputs = {verb: trip.manifest(verb)["outputs"] for verb in ("ingest", "curate")}
    inputs |= sources.prepare()
    stated = {**asked.model_dump(mode="json"), "seed": trip.recipe.seed, "base": base.identity}
    key = key_of("adapt", inputs, without(stated, _ASKED_LATER))

    def work(folder: StageFolder) -> dict[str, Any]:
        counts = Counts(unit="pair")
        lines: list[Dropped] = []
        learned: list[dict[str, Any]] = []
        done: list[dict[str, Any]] = []
        for tuning in tunings:
            counts.keep(len(tuning.pairs))
            counts.drop(tuning.dropped)
            lines.extend(tuning.dropped)
            learned.extend(_learned(tuning))
            done.append(_tuned(trip, tuning, folder))
            if tuning.arm == TASKS:
                tunings.steps[tuning.seed] = done[-1]["steps"]
        tables.write(folder.dropped(0), tables.DROPPED, map(tables.dropped_row, lines))
        tables.write(folder.folder / lineage.LEARNED, tables.LEARNED, learned)
        return {
            "settings": stated,
            "base": {"name": base.name, "sha256": base.sha256, "note": base.note},
            "inputs": inputs,
            "counts": counts.facts,
            "tunings": done,
            **({"nothing_learned": tunings.idle} if tunings.idle else {}),
            "seconds": sum(row["seconds"] for row in done),
        }

    trip.stage("adapt", key, work)


def _learned(tuning: Tuning) -> Iterator[dict[str, Any]]:
    """Which pairs a tuning learns, so that a row can say which adapters know it."""
    for pair in tuning.pairs:
        yield {"arm": tuning.arm, "seed": tuning.seed, "pair_id": lineage.pair_id(pair)}


def adapter_folder(trip: Trip, arm: str, seed: int) -> Path:
    """Where the adapter of an arm lies: the first seed's in the folder of the arm itself."""
    folder = trip.run.stage("adapt").folder / arm
    return folder if seed == trip.recipe.seed else folder / f"seed-{seed}"


def model_of(trip: Trip, base: engines.Named, arm: str, seed: int) -> engines.Named:
    """What an arm made of `base`: the base as it was where the arm found nothing to learn."""
    if arm in trip.manifest("adapt").get("nothing_learned", {}):
        return base
    return adapted(base, adapter_folder(trip, arm, seed))


class _NothingToLearnError(RecipeError):
    """An arm found no pair: a refusal for the arm `tasks`, a fact of every other."""


class _Tunings:
    """The arms of a recipe as tunings, in an order in which each knows what it builds on."""

    def __init__(self, trip: Trip, base: engines.Named, sources: Sources) -> None:
        self.trip, self.base, self.sources = trip, base, sources
        self.arms = trip.recipe.adapt.arms_by_name
        self.steps: dict[int, int] = {}
        """Steps that the arm `tasks` took, by seed; filled in while the tunings are taken."""
        self.idle: dict[str, str] = {}
        """Arms that found nothing to learn, and why; filled in while the tunings are taken."""

    def __iter__(self) -> Iterator[Tuning]:
        for name in sorted(
            self.arms, key=lambda name: (name != TASKS, bool(self.arms[name].after))
        ):
            for number in range(self.trip.recipe.adapt.seeds):
                try:
                    yield self._tuning(name, self.trip.recipe.seed + number)
                except _NothingToLearnError as nothing:
                    # A generator that writes nothing of use leaves the model as it was.
                    if name == TASKS or TASKS not in self.arms:
                        raise
                    self.idle[name] = str(nothing)
                    self.trip.listen(Event(stage="adapt", note=self.idle[name]))
                    break

    def _tuning(self, name: str, seed: int) -> Tuning:
        arm = self.arms[name]
        recipe = of_arm(self.trip.recipe, name)
        settings = tune_settings(recipe, seed)
        if arm.learn == "passages" and seed in self.steps:
            settings = replace(settings, max_steps=self.steps[seed])
        pairs = self._pairs(name, recipe, seed)
        if arm.replay:
            pairs = with_replay(pairs, self.sources.replay(seed), arm.replay)
        limit = Limit(max_tokens=settings.max_tokens)
        sizes = engines.pair_sizes(self.base, pairs)
        kept, dropped = fit(pairs, sizes.__getitem__, limit)
        if not kept:
            raise _NothingToLearnError(
                f"the arm {name} has nothing to learn: {_WHY_NOTHING[arm.learn]}"
            )
        start = self._start(name, settings)
        return Tuning(
            arm=name, seed=seed, base=start, pairs=kept, dropped=dropped, settings=settings,
            lint=self._lint([sizes[pair] for pair in kept], dropped, settings),
        )  # fmt: skip

    def _pairs(self, name: str, recipe: Recipe, seed: int) -> list[Pair]:
        arm = self.arms[name]
        if arm.learn == "passages":
            return tapt_pairs(contexts(self.trip))
        limit = recipe.adapt.max_tasks
        if arm.learn != "tasks" and TASKS in self.arms:
            n_tasks = len(self.sources.tasks(TASKS))  # a control learns as many, not more
            limit = min(n_tasks, limit or n_tasks)
        return task_pairs(_drawn(self.sources.tasks(name), limit, seed), arm.book)

    def _lint(
        self, sizes: Sequence[tuple[int, int]], dropped: Sequence[Dropped], settings: TuneSettings
    ) -> Lint | None:
        """What the trainer will read; the fake has no tokens to speak of."""
        if self.base.is_fake:
            return None
        from katsuo.models.lint import of_sizes

        return of_sizes(sizes, [line.reason for line in dropped], settings)

    def _start(self, name: str, settings: TuneSettings) -> engines.Named:
        """The model that an arm begins with: the base, or what an earlier arm made of it."""
        after = self.arms[name].after
        if not after or after in self.idle:
            return self.base
        if after not in self.arms or after == name:
            raise RecipeError(f"adapt.arms.{name}.after is {after!r}; it must name another arm")
        folder = adapter_folder(self.trip, after, settings.seed)
        if not folder.is_dir():
            raise RecipeError(
                f"adapt.arms.{name}.after is {after!r}, which comes later; write that arm first"
            )
        if not self.base.is_fake and is_whole(folder) != (settings.method == "full"):
            raise RecipeError(
                f"adapt.arms.{name} learns by {settings.method} and comes after {after!r}, which "
                f"{'learned every weight' if is_whole(folder) else 'made an adapter'}; of two such "
                "arms both must be full, or none"
            )
        return adapted(self.base, folder)


_WHY_NOTHING = {
    "tasks": "curation kept no task that can be learned; 3-curated/dropped says why",
    "passages": "there is no passage to read; see the ledger of 1-contexts",
    "elsewhere": "adapt.elsewhere gave no task; name more unrelated text there",
    "remix": "adapt.remix gave no task of the types in generate.task_types; add sources or types",
}


def _tuned(trip: Trip, tuning: Tuning, folder: StageFolder) -> dict[str, Any]:
    """The facts of a tuning, found done or done now, its files in the folder of the stage."""
    cell = trip.run.cell("adapt", _key(tuning))
    with cell.alone():  # another run beside this one may want the same
        if not cell.done:
            _tune(trip, tuning, cell)
    into = adapter_folder(trip, tuning.arm, tuning.seed)
    for path in sorted(cell.folder.iterdir()):
        if path.name != "cell.json":
            link(path, into / path.name)
    where = str(into.relative_to(folder.folder))
    facts = {"arm": tuning.arm, "seed": tuning.seed, "folder": where, **cell.facts}
    return facts if tuning.lint is None else {**facts, "lint": tuning.lint.facts}


def _tune(trip: Trip, tuning: Tuning, cell: Cell) -> None:
    """Tune into `cell`; an interrupted tuning goes on from its checkpoint."""

    def on_step(step: Step) -> None:
        note = f"{tuning.arm}: loss {step.loss:.3f}, {step.tokens_per_second:.0f} tokens/s"
        trip.listen(
            Event(stage="adapt", done=step.step, total=step.n_steps, unit="step", note=note)
        )

    if tuning.lint is not None and tuning.seed == trip.recipe.seed:
        trip.listen(Event(stage="adapt", note=f"{tuning.arm}: {tuning.lint.line}"))
    unfinished = cell.folder.with_name(f".{cell.folder.name}.tuning")
    unfinished.mkdir(parents=True, exist_ok=True)
    job = Job(base=tuning.base, settings=tuning.settings, pairs=tuning.pairs, into=unfinished)
    report = job.lead(on_step)
    write_json(unfinished / "cell.json", {**asdict(report), "pairs": len(tuning.pairs)})
    sync(unfinished)
    unfinished.replace(cell.folder)


def _key(tuning: Tuning) -> str:
    learned = [[pair.prompt, pair.target, pair.chat] for pair in tuning.pairs]
    settings = tuned_with(tuning.settings)
    return key_of("adapt", tuning.base.identity, engines.trainer_version(), settings, learned)


def tune_settings(recipe: Recipe, seed: int) -> TuneSettings:
    """How a recipe tunes with one seed."""
    asked = recipe.adapt.model_dump()
    return TuneSettings(
        **{one.name: asked[one.name] for one in fields(TuneSettings) if one.name in asked},
        seed=seed,
    )


def _drawn(found: list[Task], limit: int | None, seed: int) -> list[Task]:
    """At most `limit` of the tasks, drawn by seed, in their order."""
    if limit is None or len(found) <= limit:
        return found
    chance: random.Random = seeds.stream(seed, "adapt", "sample")
    chosen = sorted(chance.sample(range(len(found)), limit))
    return [found[i] for i in chosen]


def losses(folder: Path) -> list[tuple[int, float]]:
    """Step and loss of an adapter folder."""
    rows = [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]
