"""Contexts in, task drafts out; a draft that is no task leaves its reason.

    contexts, types, per_context ──▶ requests ──model──▶ completions ──parse──▶ Task | Dropped

The unit of the ledger is the draft, since one context may give several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from katsuo import own, prompted, wire, wishes
from katsuo.own import OwnTask
from katsuo.protocols import Completes, Completion, Request, Sampling, Shots
from katsuo.seeds import derive
from katsuo.types import EXCERPT_CHARS, Context, Dropped, Flaw, Origin, Task, TaskType, digest
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
    steered: bool = False
    """Whether the generator is told what to answer; `katsuo-v1` alone can say it."""
    labels: wishes.Labels = field(default_factory=dict)
    """The only answers of a type; `katsuo-v1` alone can say them."""
    own: tuple[OwnTask, ...] = ()
    """Task types of the user's own that a generator writes."""
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One draft to be written."""

    id: str
    context: Context
    wish: Wish
    seed: int
    own: OwnTask | None = None

    @property
    def type_name(self) -> str:
        """What its type is called."""
        return self.wish.type.value if self.own is None else self.own.name


def generate(
    contexts: Sequence[Context], model: Completes, settings: GenerateSettings
) -> Iterator[Task | Dropped]:
    """One task or one ledger line per draft, by context, then type, then number.

    All contexts enter the model as one unit; a draft's seed follows from the root
    seed, its context, type and number alone.
    """
    form = FORMATS[settings.format]
    wanted = list(_wanted(contexts, settings))
    requests = [
        Request(
            id=draft.id,
            prompt=form.prompt(draft.context.text, draft.wish),
            sampling=settings.sampling,
            seed=draft.seed,
            chat=form.chat,
            shots=_shots(draft, form),
        )
        for draft in wanted
    ]
    for draft, completion in zip(wanted, model.complete(requests), strict=True):
        assert draft.id == completion.id, f"asked for {draft.id}, got {completion.id}"
        yield _task(draft, completion, form, settings)


def draft_id(generator: str, form: str, context_id: str, kind: str, number: int) -> str:
    """Names a draft before it is written: by whom, in which format, of what, the how-manieth."""
    return digest("draft", generator, form, context_id, kind, str(number))


def _wanted(contexts: Sequence[Context], settings: GenerateSettings) -> Iterator[_Wanted]:
    for context in contexts:
        for kind in settings.task_types:
            for number in range(settings.per_context):
                names = (context.id, kind.value, str(number))
                seed = derive(settings.seed, "generate", *names)
                wish = (
                    wishes.drawn(context, kind, seed, settings.labels)
                    if settings.steered
                    else wishes.asked(kind, settings.labels)
                )
                yield _Wanted(
                    id=draft_id(settings.generator, settings.format, context.id, kind, number),
                    context=context,
                    wish=wish,
                    seed=seed,
                )
        yield from _own(context, settings)


def _own(context: Context, settings: GenerateSettings) -> Iterator[_Wanted]:
    """The drafts of the user's own task types about one passage."""
    steered = settings.format == wire.KATSUO_V1
    for task in settings.own:
        for number in range(settings.per_context):
            seed = derive(settings.seed, "generate", context.id, task.name, str(number))
            yield _Wanted(
                id=draft_id(settings.generator, settings.format, context.id, task.name, number),
                context=context,
                wish=own.wish(task, seed) if steered else Wish(type=task.like),
                seed=seed,
                own=task,
            )


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
