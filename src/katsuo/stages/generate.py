"""Contexts in, task drafts out; a draft that is no task leaves its reason.

    contexts, types, per_context ──▶ requests ──model──▶ completions ──parse──▶ Task | Dropped

The unit of the ledger is the draft, since one context may give several. A second pass has the
evidence of what the first one gave, and asks about the stretches that it left. A draft that is
mended (`mending.py`) keeps its instruction, and gets another response where it needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from katsuo import budgets, own, prompted, wire, wishes
from katsuo.budgets import Budget
from katsuo.mending import Attempt, Decoding, Mender, Rule
from katsuo.own import OwnTask
from katsuo.protocols import Completes, Completion, Request, Sampling, Shots
from katsuo.scoring.coverage import Gap, gaps
from katsuo.seeds import derive
from katsuo.types import EXCERPT_CHARS, Context, Dropped, Flaw, Origin, Span, Task, TaskType, digest
from katsuo.wire import Draft, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to ask a generator for a task, and to read its answer."""

    name: str
    prompt: Callable[[str, Wish], str]
    parse: Callable[[str, str, TaskType], Draft | Flaw]
    chat: bool
    """Whether the prompt goes through the model's chat template."""
    shots: Callable[[TaskType], Shots] = lambda _: ()
    """Worked examples of a type, as earlier turns."""


FORMATS: Final = {
    wire.BONITO_V1: Format(
        name=wire.BONITO_V1,
        prompt=lambda context, wish: wire.prompt(context, wish.type),
        parse=lambda text, context, _: wire.parse(text, context),
        chat=False,
    ),
    prompted.PROMPTED_V1: Format(
        name=prompted.PROMPTED_V1,
        prompt=lambda context, wish: prompted.prompt(context, wish.type),
        parse=prompted.parse,
        chat=True,
    ),
    prompted.PROMPTED_3SHOT_V1: Format(
        name=prompted.PROMPTED_3SHOT_V1,
        prompt=lambda context, wish: prompted.prompt(context, wish.type),
        parse=prompted.parse,
        chat=True,
        shots=prompted.shots,
    ),
    wire.KATSUO_V1: Format(
        name=wire.KATSUO_V1,
        prompt=wire.katsuo_prompt,
        parse=lambda text, context, _: wire.parse(text, context),
        chat=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateSettings:
    """What is asked of the generator."""

    generator: str
    """Its name and sha256, as recorded in every task."""
    format: str
    task_types: tuple[TaskType, ...]
    seed: int
    per_context: int = 1
    """Drafts of each type from each passage."""
    budget: Budget | None = None
    """What a passage deserves, in place of `per_context`."""
    steered: bool = False
    """Whether the generator is told what to answer; `katsuo-v1` alone can say it."""
    labels: wishes.Labels = field(default_factory=dict)
    """The only answers of a type; `katsuo-v1` alone can say them."""
    voices: tuple[str, ...] = ()
    """How tasks are put, each drawn as often; `katsuo-v1` alone can say them."""
    own: tuple[OwnTask, ...] = ()
    """Task types of the user's own that a generator writes."""
    sampling: Sampling = field(default_factory=Sampling)
    decoding: Decoding = "free"
    """What becomes of a draft that is not what its type promises; `wire` formats alone."""
    holds: bool = True
    """Whether the engine can hold to what a completion must be."""


Evidence: TypeAlias = Mapping[str, Sequence[Span]]
"""Context id -> where in the passage the tasks about it have their evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What a draft is about."""

    whole: Context
    gap: Gap | None = None
    """The stretch of it that a second pass asks about."""

    @property
    def window(self) -> Context:
        """The passage, or the part of it around the gap, under the same id."""
        if self.gap is None:
            return self.whole
        start, end = self.gap.window.start, self.gap.window.end
        return replace(
            self.whole,
            text=self.whole.text[start:end],
            start=self.whole.start + start,
            end=self.whole.start + end,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One draft to be written."""

    id: str
    context: Context
    """The passage that it is about; in a second pass maybe a part of one, under the same id."""
    wish: Wish
    seed: int
    own: OwnTask | None = None

    @property
    def type_name(self) -> str:
        """What its type is called."""
        return self.wish.type.value if self.own is None else self.own.name


def generate(
    contexts: Sequence[Context],
    model: Completes,
    settings: GenerateSettings,
    evidence: Evidence | None = None,
) -> Iterator[Task | Dropped]:
    """One task or one ledger line per draft, by context, then type, then number.

    All contexts enter the model as one unit; a draft's seed follows from the root
    seed, its context, type and number alone.

    Args:
        contexts: A shard.
        model: The generator.
        settings: What is asked of it.
        evidence: Of the tasks of a first pass that are worth keeping; then the drafts are those of
            a second pass, about what the evidence does not touch.
    """
    form = FORMATS[settings.format]
    wanted = list(_wanted(contexts, settings, evidence))
    if not wanted:
        return
    requests = [
        Request(
            id=draft.id,
            prompt=form.prompt(draft.context.text, draft.wish),
            sampling=settings.sampling,
            seed=draft.seed,
            chat=form.chat,
            stop=(wire.PIPE_MARK,) if settings.decoding == "held" else (),
            shots=_shots(draft, form),
        )
        for draft in wanted
    ]
    completions = zip(wanted, requests, model.complete(requests), strict=True)
    if settings.decoding == "free":
        for draft, request, completion in completions:
            assert request.id == completion.id, f"asked for {draft.id}, got {completion.id}"
            yield _task(draft, completion, form, settings)
        return
    first = [
        Attempt(
            request=request,
            completion=completion,
            rule=_rule(draft),
            read=partial(_task, draft, form=form, settings=settings),
        )
        for draft, request, completion in completions
    ]
    mender = Mender(model=model, holds=settings.holds, always=settings.decoding == "held")
    yield from mender.mended(first)


def draft_id(generator: str, form: str, context_id: str, kind: str, number: int) -> str:
    """Names a draft before it is written: by whom, in which format, of what, the how-manieth."""
    return digest("draft", generator, form, context_id, kind, str(number))


def draft_ids(
    contexts: Sequence[Context], settings: GenerateSettings, evidence: Evidence | None = None
) -> set[str]:
    """The ids of the drafts that `generate` would ask for about a shard."""
    return {draft.id for draft in _wanted(contexts, settings, evidence)}


def unwritten(
    contexts: Sequence[Context], settings: GenerateSettings, evidence: Evidence | None = None
) -> Iterator[Dropped]:
    """The ledger lines of what `generate` would ask for about passages that workers died at."""
    for draft in _wanted(contexts, settings, evidence):
        line = _dropped(draft, "worker-died", draft.context.text)
        yield replace(line, by="executor")


def _wanted(
    contexts: Sequence[Context], settings: GenerateSettings, evidence: Evidence | None
) -> Iterator[_Wanted]:
    if settings.budget is None:
        each = [settings.per_context] * len(contexts)
    else:
        each = budgets.shares(contexts, settings.budget)
    for context, n_drafts in zip(contexts, each, strict=True):
        if evidence is not None:
            yield from _wanted_again(context, n_drafts, settings, evidence.get(context.id, ()))
            continue
        for kind in settings.task_types:
            for number in range(n_drafts):
                yield _one(_Subject(whole=context), kind, number, settings)
        yield from _own(context, n_drafts, settings)


def _wanted_again(
    context: Context, n_drafts: int, settings: GenerateSettings, evidence: Sequence[Span]
) -> Iterator[_Wanted]:
    """As many drafts as in the first pass, but none where nothing is left.

    The longest gaps come first, and types begin at different ones. A task is about the window of
    its gap; where the generator can be told what to ask for there, it is about the whole passage.
    """
    left = gaps(context.text, evidence)
    for place, kind in enumerate(settings.task_types):
        for number in range(min(n_drafts, len(left))):
            subject = _Subject(whole=context, gap=left[(place + number) % len(left)])
            yield _one(subject, kind, n_drafts + number, settings)


def _one(subject: _Subject, kind: TaskType, number: int, settings: GenerateSettings) -> _Wanted:
    whole, gap = subject.whole, subject.gap
    seed = derive(settings.seed, "generate", whole.id, kind.value, str(number))
    context, told = subject.window, None
    if gap is not None and settings.steered and kind is TaskType.EXQA:
        told = wishes.drawn_within(whole, Span(start=gap.start, end=gap.end), seed, settings.voices)
    if told is not None:
        context, wish = whole, told
    elif settings.steered:
        wish = wishes.drawn(context, kind, seed, settings.labels, settings.voices)
    else:
        wish = wishes.asked(kind, seed, settings.labels, settings.voices)
    return _Wanted(
        id=draft_id(settings.generator, settings.format, whole.id, kind, number),
        context=context,
        wish=wish,
        seed=seed,
    )


def _own(context: Context, n_drafts: int, settings: GenerateSettings) -> Iterator[_Wanted]:
    """The drafts of the user's own task types about one passage."""
    steered = settings.format == wire.KATSUO_V1
    for task in settings.own:
        for number in range(n_drafts):
            seed = derive(settings.seed, "generate", context.id, task.name, str(number))
            yield _Wanted(
                id=draft_id(settings.generator, settings.format, context.id, task.name, number),
                context=context,
                wish=own.wish(task, seed) if steered else Wish(type=task.like),
                seed=seed,
                own=task,
            )


def _rule(draft: _Wanted) -> Rule:
    """What is known of a draft before it is written."""
    told = tuple(dict(draft.wish.labels)) if draft.own is None else own.answers(draft.own)
    extractive = draft.wish.type.extractive
    if draft.wish.answer and not extractive:
        told = (draft.wish.answer,)
    if draft.own is not None:
        extractive = draft.own.answer == "span"
    kind, passage = draft.wish.type, draft.context.text
    return Rule(kind=kind, passage=passage, told=told, extractive=extractive)


def _shots(draft: _Wanted, form: Format) -> Shots:
    """The worked examples of the user's task type, or else the format's; a taught one has none."""
    kind = draft.wish.type
    if draft.own is None or not draft.own.examples or not form.chat:
        return form.shots(kind)
    return tuple(
        (
            prompted.prompt(one.passage, kind),
            prompted.answer(one.instruction, own.known(draft.own, one.response), kind),
        )
        for one in draft.own.examples
    )


def _task(
    draft: _Wanted, completion: Completion, form: Format, settings: GenerateSettings
) -> Task | Dropped:
    if completion.failure:
        return _dropped(draft, completion.failure, completion.text)
    parsed = form.parse(completion.text, draft.context.text, draft.wish.type)
    if isinstance(parsed, Flaw):
        reason = parsed.reason if completion.finished else f"cut-off-{parsed.reason}"
        return _dropped(draft, reason, completion.text)
    if not completion.finished:
        return _dropped(draft, "cut-off-response", completion.text)
    if reason := wishes.unmet(draft.wish, parsed.response):
        return _dropped(draft, reason, completion.text)
    if draft.own is not None:
        parsed = own.in_own_words(draft.own, parsed, draft.context.text, draft.seed)
        if isinstance(parsed, Flaw):
            return _dropped(draft, parsed.reason, completion.text)
    labels = dict(draft.wish.labels) if draft.own is None else draft.own.labels
    return Task(
        id=draft.id,
        document_id=draft.context.document_id,
        context_id=draft.context.id,
        context=draft.context.text,
        type=draft.wish.type,
        instruction=parsed.instruction,
        response=parsed.response,
        labels=tuple(labels),
        voice=draft.wish.voice,
        name="" if draft.own is None else draft.own.name,
        origin=Origin(generator=settings.generator, format=form.name, seed=draft.seed),
    )


def _dropped(draft: _Wanted, reason: str, text: str) -> Dropped:
    return Dropped(
        item_id=draft.id,
        stage="generate",
        by="wire",
        reason=reason,
        excerpt=f"{draft.type_name}: {text}"[:EXCERPT_CHARS],
    )
