"""How a generator is made: annotated datasets to tasks, tasks to an adapter that writes tasks.

    sources ─remix─▶ runs/NAME/remix/{rows,dropped}.parquet, card.json
                 ─teach─▶ runs/NAME/generator/  adapter, losses.jsonl, katsuo.json, report.html

The trainer is the road's; only the pairs differ: a prompt in the wire format,
and the task as the generator should write it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from katsuo import engines
from katsuo.errors import RecipeError
from katsuo.page.teaching import NEW_SOURCE
from katsuo.recipe import apply, first_error, read_yaml
from katsuo.road import lessons
from katsuo.road.adapters import ASKED_LATER, without
from katsuo.road.crews import Job
from katsuo.road.remixing import remix, taken
from katsuo.road.reporting import machine
from katsuo.road.trip import Event, Listener, key_of
from katsuo.sections import Execution, Remix, Section
from katsuo.stages.mixture import is_held_out, mixed
from katsuo.stages.tuning import Limit, fit, teach_pairs
from katsuo.store import tables
from katsuo.store.files import read_json, write_json, write_text
from katsuo.store.runs import Run
from katsuo.templates import load_sources
from katsuo.training import Pause, Step, TuneSettings
from katsuo.types import Dropped, Pair, Task, TaskType
from katsuo.version import VERSION


class Teach(Section):
    """Tasks in, a generator out."""

    base: str = "smollm2-135m"
    """The model that learns to write tasks: a bundled name, a model folder, or a hub id."""
    format: Literal["bonito-v1", "katsuo-v1"] = "bonito-v1"
    """What the generator learns to read: the published format, or ours, passage first."""
    held_out_fraction: float = Field(default=0.04, gt=0, lt=1)
    """Share of the passages whose tasks are never learned, for the held-out losses."""
    held_out_per_type: int = Field(default=40, ge=1)
    """Most held-out tasks of a type."""
    held_out_sources: list[str] = Field(default_factory=list)
    """Folders of sources that nothing is learned from: what a generator makes of kinds of text that
    it never saw is told apart in the held-out losses."""
    held_out_steps: int | None = Field(default=None, ge=1)
    """Measure the held-out losses each time after so many steps, not only at the end."""
    tokens: int | None = Field(default=None, ge=1)
    """Learn about so many tokens, prompts included, in one epoch, instead of everything."""
    mixture: dict[TaskType, float] = Field(default_factory=dict)
    """Share of each task type's tokens relative to the others'; 1 where it is not named."""
    epochs: float = Field(default=1.0, gt=0)
    """How often every task is seen, where `max_steps` says nothing else."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Its peak, behind the warm-up; then it falls linearly to 0."""
    rank: int = Field(default=16, ge=1)
    """Of the LoRA."""
    alpha: float = Field(default=32, gt=0)
    """The LoRA's update is scaled by alpha / rank."""
    batch_tokens: int = Field(default=2048, ge=64)
    """Most tokens of one optimizer step."""
    max_tokens: int = Field(default=768, ge=16)
    """Longest example; a longer one is dropped with a reason, never cut."""
    max_steps: int | None = Field(default=None, ge=1)
    """Exactly so many optimizer steps, over as many epochs as that takes."""
    compile: bool = False
    """Compile the model first: minutes and a C++ compiler, then faster; for long tunings."""
    method: Literal["lora", "qlora"] = "lora"
    """A LoRA, on a base in 4 bits with `qlora`; a generator is served as an adapter."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to tune; `auto` is the GPU if there is one."""
    share_passages: bool = True
    """Read a passage once for all tasks about it: the same losses for fewer tokens. Only
    `katsuo-v1` has the passage in front."""
    micro_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of one forward and backward pass, where a step is more than memory holds."""
    warmup_fraction: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of AdamW."""
    grad_clip: float = Field(default=1.0, gt=0)
    """Longest gradient, as a 2-norm; the paper has 0.3."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the inputs of each LoRA that is dropped."""
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the frozen weights and of matrix products."""
    checkpoint_seconds: float = Field(default=180.0, ge=0)
    """Most work that a kill can cost."""

    @field_validator("mixture", mode="before")
    @classmethod
    def _named(cls, mixture: object) -> object:
        if not isinstance(mixture, dict):
            return mixture
        return {TaskType.named(str(name)): weight for name, weight in mixture.items()}

    @model_validator(mode="after")
    def _weighed(self) -> Teach:
        if any(weight < 0 for weight in self.mixture.values()):
            raise ValueError("mixture holds a weight below 0; 0 leaves a type out")
        if self.tokens is not None and self.epochs != 1.0:
            raise ValueError("tokens are counted in one epoch; leave epochs out")
        return self


class Lesson(Section):
    """A teaching recipe."""

    name: str = "generator"
    """Of the run, whose folder is runs/NAME unless `--run` names another."""
    seed: int = 0
    """The root of all chance."""
    remix: Remix = Remix()
    teach: Teach = Teach()
    execution: Execution = Execution()
    """Where rows are looked at; the tasks do not hang on it."""


def load(path: Path, changes: Sequence[str] = ()) -> Lesson:
    """The teaching recipe in the YAML file `path`, with `changes` applied.

    Raises:
        RecipeError: If the file, a key or a value is none.
    """
    raw = read_yaml(path)
    for change in changes:
        apply(raw, change)
    try:
        return Lesson.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(f"{path}: {first_error(error, Lesson)}") from error


def go(
    lesson: Lesson, run: Run, *, until: str, listen: Listener, max_minutes: float | None = None
) -> dict[str, Any]:
    """Remix, and with `until` = `teach` also teach; the card of what was made.

    Args:
        lesson: The recipe.
        run: Where it all goes.
        until: `remix` or `teach`.
        listen: Hears how far it has come.
        max_minutes: Stop then with a checkpoint, from which the same call goes on.

    Raises:
        KatsuoError: If a source or the base cannot be read.
    """
    with run.alone():
        write_text(run.folder / "recipe.yaml", _resolved(lesson))
        card = remix(lesson.remix, lesson.seed, run.folder / "remix", listen, lesson.execution)
        if until == "remix":
            return card
        return _teach(lesson, run.folder, card, listen, max_minutes)


def teach_remixed(
    lesson: Lesson, run: Run, *, listen: Listener, max_minutes: float | None = None
) -> dict[str, Any]:
    """Teach on the rows that lie in the run folder, on a machine without their sources.

    Args:
        lesson: The recipe that the rows were made by.
        run: Whose `remix/` holds the rows and their card.
        listen: Hears how far it has come.
        max_minutes: Stop then with a checkpoint, from which the same call goes on.

    Raises:
        KatsuoError: If the rows are not there or not of this recipe, or the base cannot be read.
    """
    with run.alone():
        write_text(run.folder / "recipe.yaml", _resolved(lesson))
        card = taken(lesson.remix, lesson.seed, run.folder / "remix")
        listen(Event(stage="remix", finished=True, note="rows taken as they lie there"))
        return _teach(lesson, run.folder, card, listen, max_minutes)


def make_ready(lesson: Lesson, run: Run, *, listen: Listener, remixed: bool) -> None:
    """Have in the run folder all that teaching needs on a machine without the sources.

    Args:
        lesson: The recipe.
        run: Gets the recipe as resolved, and the rows.
        listen: Hears how far it has come.
        remixed: Whether the rows are there, and the sources are not.

    Raises:
        KatsuoError: If the recipe cannot be taught without its sources, or they cannot be read.
    """
    if lesson.remix.promptsource is not None:
        raise RecipeError(
            f"remix.promptsource is {lesson.remix.promptsource}; its templates do not travel, so "
            "teach here, or with the bundled ones"
        )
    if not remixed:
        go(lesson, run, until="remix", listen=listen)
        return
    with run.alone():
        taken(lesson.remix, lesson.seed, run.folder / "remix")
        write_text(run.folder / "recipe.yaml", _resolved(lesson))


def _resolved(lesson: Lesson) -> str:
    return str(yaml.safe_dump(lesson.model_dump(mode="json"), sort_keys=False))


def text(card: Mapping[str, Any]) -> str:
    """A card for a person."""
    return str(yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True)).rstrip()


def _teach(
    lesson: Lesson,
    folder: Path,
    remix_card: Mapping[str, Any],
    listen: Listener,
    max_minutes: float | None,
) -> dict[str, Any]:
    base = engines.find(lesson.teach.base)
    into = folder / "generator"
    asked = {
        **lesson.model_dump(mode="json", exclude={"execution"}),
        "teach": without(_stated(lesson.teach), ASKED_LATER),
    }
    key = key_of("teach", remix_card["key"], asked, base.identity)
    card = read_json(into / "katsuo.json")
    if card is not None and card["key"] == key:
        if not (into / "report.html").is_file():
            lessons.report(folder)
        listen(Event(stage="teach", finished=True, note="done already"))
        return card
    pupils = _class(lesson, folder / "remix" / "rows.parquet", base)

    began = time.monotonic()

    def on_step(step: Step) -> None:
        note = f"loss {step.loss:.3f}, {step.tokens_per_second:.0f} tokens/s"
        listen(Event(stage="teach", done=step.step, total=step.n_steps, unit="step", note=note))
        late = max_minutes is not None and time.monotonic() - began >= 60 * max_minutes
        if late and step.step < step.n_steps:
            raise Pause(f"{step.step} of {step.n_steps} steps")

    settings = _settings(lesson)
    job = Job(base=base, settings=settings, pairs=pupils.pairs, into=into, held_out=pupils.held_out)
    try:
        report = job.lead(on_step)
    except Pause as pause:
        listen(Event(stage="teach", finished=True, note=f"paused after {pause}"))
        return {"paused": str(pause), "go_on": "the same command goes on from here"}
    tables.write(into / "dropped.parquet", tables.DROPPED, map(tables.dropped_row, pupils.lines))
    card = {
        "key": key,
        "katsuo": VERSION,
        "format": lesson.teach.format,
        "base": {"name": base.name, "sha256": base.sha256, "note": base.note},
        "settings": asdict(settings),
        "report": asdict(report),
        "pairs": len(pupils.learned),
        "pairs_by_type": pupils.by_type,
        "held_out": {name: len(pairs) for name, pairs in pupils.held_out.items()},
        "held_out_nats": _held_out_nats(into),
        "by_type": remix_card["by_type"],
        "licences": remix_card["licences"],
    }
    write_json(into / "katsuo.json", card)
    lessons.report(folder, machine())
    listen(Event(stage="teach", finished=True, seconds=report.seconds, note=str(into)))
    return card


def _stated(asked: Teach) -> dict[str, Any]:
    """The settings; one that says its default is the default, be that written 32 or 32.0."""
    defaults = {name: field.default for name, field in Teach.model_fields.items()}
    return {
        name: defaults[name] if value == defaults[name] else value
        for name, value in asked.model_dump().items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """What is learned, and what is not."""

    learned: list[tuple[TaskType, Pair]]
    held_out: dict[str, list[Pair]]
    """By passage under the name of a type, by source under that name and `, new source`."""
    lines: list[Dropped]
    """What fits nowhere."""

    @property
    def pairs(self) -> list[Pair]:
        """What the trainer sees."""
        return [pair for _, pair in self.learned]

    @property
    def by_type(self) -> dict[str, int]:
        """Pairs of each task type, by name."""
        return dict(sorted(Counter(kind.value for kind, _ in self.learned).items()))


def _class(lesson: Lesson, rows: Path, base: engines.Named) -> _Class:
    asked = lesson.teach
    strange = tuple(f"{source.name}/" for source in load_sources(asked.held_out_sources or []))
    learned: list[Task] = []
    aside: dict[str, list[Task]] = {}
    for task in tables.tasks([rows]):
        if task.origin.generator.startswith(strange):
            name = f"{task.type.value}{NEW_SOURCE}"
        elif is_held_out(task.document_id, asked.held_out_fraction):
            name = task.type.value
        else:
            learned.append(task)
            continue
        if len(group := aside.setdefault(name, [])) < asked.held_out_per_type:
            group.append(task)
    typed, lines = _fitted(lesson, learned, base)
    return _Class(
        learned=_mixed(lesson, typed),
        held_out={
            name: [pair for _, pair, _ in _fitted(lesson, group, base)[0]]
            for name, group in sorted(aside.items())
        },
        lines=lines,
    )


def _mixed(
    lesson: Lesson, typed: Sequence[tuple[TaskType, Pair, int]]
) -> list[tuple[TaskType, Pair]]:
    """What is learned: of every type its share."""
    asked = lesson.teach
    if asked.tokens is None and not asked.mixture:
        return [(kind, pair) for kind, pair, _ in typed]
    by_pair = {pair: (kind, n_tokens) for kind, pair, n_tokens in typed}
    known = [(kind, pair) for pair, (kind, _) in by_pair.items()]
    chosen = mixed(
        list(by_pair.values()),
        tokens=asked.tokens,
        weights=asked.mixture,
        seed=lesson.seed,
    )
    return [known[number] for number in chosen]


def _fitted(
    lesson: Lesson, found: Sequence[Task], base: engines.Named
) -> tuple[list[tuple[TaskType, Pair, int]], list[Dropped]]:
    """The pairs of the tasks that can be learned whole, with tokens; the lines of the others."""
    limit = Limit(max_tokens=lesson.teach.max_tokens, stage="teach")
    made = list(teach_pairs(found, wire_format=lesson.teach.format, seed=lesson.seed))
    sizes = engines.pair_sizes(base, [item for item in made if isinstance(item, Pair)])
    typed: list[tuple[TaskType, Pair, int]] = []
    lines: list[Dropped] = []
    for task, item in zip(found, made, strict=True):
        if isinstance(item, Dropped):
            lines.append(item)
            continue
        kept, dropped = fit([item], sizes.__getitem__, limit)
        typed += [(task.type, pair, sum(sizes[pair])) for pair in kept]
        lines += dropped
    return typed, lines


def _settings(lesson: Lesson) -> TuneSettings:
    others = {
        "base", "format", "held_out_fraction", "held_out_per_type", "held_out_sources", "tokens",
        "mixture",
    }  # fmt: skip
    chosen = lesson.teach.model_dump(exclude=others)
    return TuneSettings(**chosen, seed=lesson.seed)


def _held_out_nats(folder: Path) -> dict[str, float]:
    rows = [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]
    measured = [row["held_out"] for row in rows if "held_out" in row]
    return {name: round(nats, 4) for name, nats in measured[-1].items()} if measured else {}
