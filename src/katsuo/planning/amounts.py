"""What is to be done, stage by stage, in numbers that a rate can be laid to?

Made, arms, sets ──▶ Work: parts (an amount, the name of its rate), tokens, memory, disk
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from katsuo import engines, training
from katsuo.planning.making import Made, weights_of
from katsuo.planning.rates import Facts
from katsuo.recipe import of_arm
from katsuo.road.adapting import TASKS, tune_settings
from katsuo.sections import Arm
from katsuo.training import TuneSettings

_READERS: Final = ("agreed", "needed", "likely")
"""Filters that ask a model, and so are counted by that model's rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So much of something that has a rate."""

    amount: float
    rate: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One line of an estimate, before it is priced."""

    stage: str
    what: str
    """In words, with its numbers."""
    ways: tuple[tuple[Part, ...], ...]
    """Parts that add up to its seconds; of several ways the first whose rates are all known."""
    tokens: float | None = None
    mib: Part | None = None
    """Peak memory; the amount is 1."""
    bytes: tuple[Part, ...] = ()
    """What it leaves on the disk."""
    seconds: float | None = None
    """Measured, where it is done."""
    place: str = ""
    """The domain, or the arm that makes tasks of its own."""
    arm: str = ""
    """Of a tuning."""
    notes: tuple[str, ...] = ()


def of_tasks(made: Made) -> Iterator[Work]:
    """From documents to curated tasks."""
    yield _ingest(made)
    yield _generate(made)
    yield _curate(made)


def _ingest(made: Made) -> Work:
    facts = {**made.facts, "place": made.place}
    what = f"{made.n_passages:,} passages"
    if "ingest" not in made.done:
        found = made.sample
        what += f", from {found.n_read} of {found.n_files} files"
    return _done(
        made,
        Work(
            stage="ingest",
            what=what,
            # All passages are cut, also those over a limit.
            ways=((Part(amount=_cut(made), rate="passages_per_second", facts=facts),),),
            mib=Part(amount=1, rate="ingest_mib", facts=facts),
            bytes=(Part(amount=made.n_passages, rate="bytes_per_passage", facts=facts),),
        ),
    )


def _cut(made: Made) -> float:
    return made.sample.n_cut if "ingest" not in made.done else made.n_passages


def _generate(made: Made) -> Work:
    facts, n_drafts = made.facts, made.n_drafts
    written = None if made.draft_tokens is None else n_drafts * made.draft_tokens
    ranked = _ranked(made)
    ways = [(Part(amount=n_drafts, rate="drafts_per_second", facts=facts), *ranked)]
    if written is not None:
        read = Part(amount=made.n_read_tokens, rate="read_tokens_per_second", facts=facts)
        told = Part(amount=written, rate="written_tokens_per_second", facts=facts)
        ways.append((read, told, *ranked))
    n_read = made.n_read_tokens + sum(part.amount for part in ranked)
    return _done(
        made,
        Work(
            stage="generate",
            what=f"{n_drafts:,} drafts by {made.generator.name}"
            + (f", {made.n_labelled:,} tasks with ranked labels" if ranked else ""),
            ways=tuple(ways) if n_drafts else (ranked,),
            tokens=None if written is None and n_drafts else n_read + (written or 0),
            mib=Part(amount=1, rate="generate_mib", facts=facts),
            bytes=(Part(amount=n_drafts, rate="bytes_per_draft", facts=facts),),
            notes=_where(made),
        ),
    )


def _ranked(made: Made) -> tuple[Part, ...]:
    """What readers read to rank the labels of the user's own task types."""
    base = made.recipe.adapt.base
    return tuple(
        Part(
            amount=made.n_passages * made.passage_tokens,
            rate="ranked_tokens_per_second",
            facts={
                "weights": weights_of(engines.find(own.reader or base)),
                "device": made.rates.device,
            },
        )
        for own in made.ranked
    )


def _where(made: Made) -> tuple[str, ...]:
    if made.recipe.execution.executor == "local":
        return ()
    return (f"by one process; the recipe asks for {made.recipe.execution.workers}",)


def _curate(made: Made) -> Work:
    names = [name for name, _ in made.recipe.filters]
    target, generator = weights_of(engines.find(made.recipe.adapt.base)), weights_of(made.generator)
    filters = tuple(
        Part(
            amount=made.n_drafts,
            rate="tasks_per_second",
            facts={"filter": name, "weights": generator if name == "likely" else target},
        )
        for name in names
    )
    facts = {**made.facts, "filters": ", ".join(names)}
    whole = (Part(amount=made.n_drafts, rate="curated_per_second", facts=facts),)
    return _done(
        made,
        Work(
            stage="curate",
            what=f"{made.n_tasks:,} tasks of {made.n_drafts + made.n_labelled:,} drafts",
            ways=(whole, filters),
            mib=Part(amount=1, rate="curate_mib", facts={"reads": _reads(names)}),
            bytes=(Part(amount=made.n_tasks, rate="bytes_per_task", facts=facts),),
            notes=tuple(made.notes),
        ),
    )


def _reads(names: Sequence[str]) -> bool:
    return any(name in _READERS for name in names)


def _done(made: Made, work: Work) -> Work:
    """The work under the name of its place, with its seconds where its stage is done."""
    manifest = made.done.get(work.stage)
    seconds = float(manifest["seconds"]) if manifest else None
    return replace(work, place=made.place, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one arm learns, with one seed."""

    lengths: Sequence[int]
    """Tokens of each pair."""
    settings: TuneSettings

    @property
    def steps(self) -> list[tuple[int, ...]]:
        """The pairs of every optimizer step."""
        return training.plan(self.lengths, self.settings)


def of_arms(made: Made, own: Mapping[str, Made]) -> Iterator[Work]:
    """The tunings of every arm.

    Args:
        made: The tasks of the run, or of a domain.
        own: By arm, the tasks of those that have their own.
    """
    arms = made.recipe.adapt.arms_by_name
    n_steps: int | None = None
    for name in sorted(arms, key=lambda name: (name != TASKS, bool(arms[name].after))):
        lesson = _lesson(made, name, own.get(name, made), n_steps)
        steps = lesson.steps
        n_steps = len(steps) if name == TASKS else n_steps
        tokens = sum(lesson.lengths[i] for step in steps for i in step)
        yield _tuning(made, name, lesson, _Plan(n_steps=len(steps), n_tokens=tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    n_steps: int
    n_tokens: int


def _lesson(made: Made, name: str, source: Made, n_steps: int | None) -> Lesson:
    arm = made.recipe.adapt.arms_by_name[name]
    recipe = of_arm(made.recipe, name)
    settings = tune_settings(recipe, recipe.seed)
    left = 1 - made.recipe.evaluate.held_out
    if arm.learn == "passages":
        lengths = made.passage_lengths(round(made.n_passages * left))
        return Lesson(lengths=lengths, settings=replace(settings, max_steps=n_steps))
    number = round(_n_tasks(arm, made, source) * left)
    if recipe.adapt.max_tasks is not None:
        number = min(number, recipe.adapt.max_tasks)
    number *= 2 if arm.book == "both" else 1
    number += round(number * arm.replay / (1 - arm.replay))
    return Lesson(lengths=source.lengths(number), settings=settings)


def _n_tasks(arm: Arm, made: Made, source: Made) -> int:
    """Tasks that an arm may learn: a control learns as many as the arm `tasks`, not more."""
    if arm.learn == "tasks":
        return source.n_tasks
    if arm.learn == "remix":
        return made.n_tasks
    return min(made.n_tasks, source.n_tasks)


def _tuning(made: Made, name: str, lesson: Lesson, plan: _Plan) -> Work:
    recipe = of_arm(made.recipe, name)
    settings, n_seeds = lesson.settings, made.recipe.adapt.seeds
    device = made.rates.device if settings.device == "auto" else settings.device
    facts: Facts = {
        "weights": weights_of(engines.find(recipe.adapt.base)),
        "device": device,
        **{key: getattr(settings, key) for key in ("method", "precision", "batch_tokens", "rank")},
    }
    seeds = f", {n_seeds} seeds" if n_seeds > 1 else ""
    manifest = made.done.get("adapt")
    rows = [row for row in manifest["tunings"] if row["arm"] == name] if manifest else []
    return Work(
        stage="adapt",
        place=made.place,
        arm=name,
        what=f"{len(lesson.lengths):,} pairs, {plan.n_steps:,} steps{seeds}",
        ways=(
            (
                Part(
                    amount=plan.n_tokens * n_seeds,
                    rate="trained_tokens_per_second",
                    facts=facts,
                ),
            ),
        ),
        tokens=plan.n_tokens * n_seeds,
        mib=Part(amount=1, rate="adapt_mib", facts=facts),
        bytes=(Part(amount=n_seeds, rate="bytes_per_adapter", facts=facts),),
        seconds=sum(row["seconds"] for row in rows) if manifest else None,
        notes=_unknown(made, name),
    )


def _unknown(made: Made, name: str) -> tuple[str, ...]:
    arm = made.recipe.adapt.arms_by_name[name]
    said = []
    if arm.learn == "remix" or arm.replay:
        said.append("human-written tasks counted as long as those of the passages")
    if arm.learn != "passages" and made.draft_tokens is None:
        said.append("without the words of the tasks, whose length is not measured")
    return tuple(said)
