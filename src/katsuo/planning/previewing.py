"""What will the tasks look like? A few passages, the recipe's own generator and filters.

    documents ──sample──▶ passages ──generate, curate──▶ shown with their verdicts ──▶ thrown away

The stages are those of the road, in a run of its own inside the run folder, so that a run that is
there is neither changed nor made to wait. What the preview made is deleted in the end.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo import engines
from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.planning.making import weights_of
from katsuo.planning.rates import Fact, Rate
from katsuo.planning.sampling import Sample, drawn, sample
from katsuo.road.curating import curate
from katsuo.road.generating import generate, generator_of, settings_of
from katsuo.road.ingesting import shards
from katsuo.road.trip import Counts, Listener, Trip, key_of
from katsuo.sections import Recipe
from katsuo.stages.generate import draft_ids
from katsuo.store import tables
from katsuo.store.runs import Run, StageFolder
from katsuo.store.tombstones import forbid, forgotten
from katsuo.types import Context, Dropped, Pair, Task

FOLDER: Final = ".preview"
"""In the run folder, while a preview is at work."""
MOST_PASSAGES: Final = 5
_MOST_DRAFTS: Final = 40
"""More would be no preview where a recipe asks for many drafts of a passage."""
_FEWEST_KEPT: Final = 10
"""Drafts below which the share that filters keep is told by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One draft and what became of it."""

    context: Context
    source: str
    task: Task
    """With its scores, where it is kept."""
    dropped: Dropped | None
    """The ledger line, if a filter turned it away."""

    @property
    def kept(self) -> bool:
        """Whether it would be learned from."""
        return self.dropped is None

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "context": tables.context_row(self.context, self.source),
            "task": tables.task_row(self.task),
            "dropped": None if self.dropped is None else tables.dropped_row(self.dropped),
            "kept": self.kept,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What was seen, and how fast it went."""

    shown: tuple[Shown, ...]
    n_drafts: int
    n_tasks: int
    """Of them that the recipe's filters keep."""
    dropped: Mapping[str, int]
    """Why the others went, by reason."""
    rates: tuple[Rate, ...]
    """Measured on the way."""


def preview(recipe: Recipe, run: Run, listen: Listener, n_tasks: int = 5) -> Preview:
    """Write and judge a few tasks of `recipe`; of a study, those of its first domain.

    Raises:
        RecipeError: If no document holds a passage, or another preview is at work here.
        KatsuoError: If the recipe cannot be carried out.
    """
    if recipe.domains:
        recipe = recipes.domain(recipe, next(iter(recipe.domains)))
    found = sample(recipe, frozenset(forgotten(run.home)))
    if not found.passages:
        raise RecipeError(
            f"none of the {found.n_read} files that were looked at holds a passage; "
            "katsuo ingest says why, in 1-contexts/dropped"
        )
    apart = Run.at(run.folder / FOLDER / "run")
    was_there = run.folder.is_dir()
    with apart.alone():
        try:
            forbid(apart.home, forgotten(run.home))
            trip = Trip(recipe=recipe, run=apart, listen=listen)
            _fill(trip, found)
            generate(trip)
            curate(trip)
            return _seen(trip, found, n_tasks)
        finally:  # while it is held, so that no other preview loses what it works on
            shutil.rmtree(run.folder / FOLDER, ignore_errors=True)
            if not was_there:
                _remove_empty(run.folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put something there
        folder.rmdir()


def _fill(trip: Trip, found: Sample) -> None:
    """Put a few of the passages where the stage `ingest` would put all of them."""
    recipe = trip.recipe
    settings = settings_of(recipe, generator_of(recipe.generate))
    each = max(1, len(draft_ids(found.passages[:1], settings)))
    number = max(1, min(MOST_PASSAGES, _MOST_DRAFTS // each, len(found.passages)))
    chosen = sorted(drawn(found, number, recipe.seed), key=lambda one: (one.document_id, one.start))

    def work(folder: StageFolder) -> dict[str, Any]:
        rows = (tables.context_row(one, found.sources[one.document_id]) for one in chosen)
        for place, shard in enumerate(shards(rows, recipe.ingest.shard_passages)):
            tables.write(folder.part(place), tables.CONTEXTS, shard)
        counts = Counts(unit="passage")
        counts.keep(len(chosen))
        return {"counts": counts.facts}

    trip.stage("ingest", key_of("preview", [one.id for one in chosen]), work)


def _seen(trip: Trip, found: Sample, n_tasks: int) -> Preview:
    drafts = list(tables.tasks(trip.run.stage("generate").parts()))
    everything = list(_shown(trip, found, drafts))
    counts = [trip.manifest(verb)["counts"] for verb in ("generate", "curate")]
    reasons = sum((Counter(one["dropped"]) for one in counts), Counter[str]())
    return Preview(
        shown=tuple(_mixed(everything, n_tasks)),
        n_drafts=counts[0]["arrived"],
        n_tasks=counts[1]["passed"],
        dropped=dict(reasons.most_common()),
        rates=tuple(_rates(trip, drafts)),
    )


def _shown(trip: Trip, found: Sample, drafts: Sequence[Task]) -> Iterator[Shown]:
    """Every draft that could be read as a task, and its fate."""
    parts = trip.run.stage("ingest").parts()
    contexts = {
        str(row["id"]): tables.context_of(row) for part in parts for row in tables.read(part)
    }
    kept = {task.id: task for task in tables.tasks(trip.run.stage("curate").parts())}
    lines = {line.item_id: line for line in _lines(trip.run.stage("curate"))}
    for task in drafts:
        context = contexts[task.context_id]
        yield Shown(
            context=context,
            source=found.sources[context.document_id],
            task=kept.get(task.id, task),
            dropped=lines.get(task.id),
        )


def _lines(folder: StageFolder) -> Iterator[Dropped]:
    for part in folder.dropped_parts():
        yield from map(tables.dropped_of, tables.read(part))


def _mixed(everything: Sequence[Shown], number: int) -> list[Shown]:
    """`number` of the drafts: of each passage one in turn, and each time another task type."""
    by_passage: defaultdict[str, list[Shown]] = defaultdict(list)
    for one in everything:
        by_passage[one.context.id].append(one)
    chosen: list[Shown] = []
    for turn in range(number):
        for place, group in enumerate(by_passage.values()):
            if turn < len(group) and len(chosen) < number:
                chosen.append(group[(turn + place) % len(group)])
    return chosen


def _rates(trip: Trip, drafts: Sequence[Task]) -> Iterator[Rate]:
    """How fast it went, how long drafts are, how many were kept."""
    generated, curated = (trip.manifest(verb) for verb in ("generate", "curate"))
    n_drafts, seconds = generated["counts"]["arrived"], generated["seconds"]
    named = generator_of(trip.recipe.generate)
    said = f"in the preview, {n_drafts} drafts"
    facts: dict[str, Fact] = {"generator": named.name}
    if n_drafts and seconds:
        yield Rate(
            name="drafts_per_second", value=n_drafts / seconds, when=facts,
            measured=f"{said}, which do not fill the engine",
        )  # fmt: skip
    if drafts:
        yield Rate(
            name="draft_tokens", value=max(1.0, _words(trip.recipe, drafts)), when=facts,
            measured=said,
        )  # fmt: skip
    kept = curated["counts"]["passed"]
    if n_drafts >= _FEWEST_KEPT and kept:
        when = {**facts, "weights": weights_of(named)}
        yield Rate(name="kept_fraction", value=kept / n_drafts, when=when, measured=said)


def _words(recipe: Recipe, drafts: Sequence[Task]) -> float:
    """Tokens of a draft without its passage, on the mean."""
    base = engines.find(recipe.adapt.base)
    own = [task.instruction.replace(task.context.strip(), "") for task in drafts]
    pairs = [
        Pair(prompt=said, target=task.response, chat=False)
        for said, task in zip(own, drafts, strict=True)
    ]
    sizes = engines.pair_sizes(base, pairs)
    return sum(sum(sizes[pair]) for pair in pairs) / len(pairs)
