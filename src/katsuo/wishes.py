"""What shall a task be, beside its type?

Left to itself a generator says yes more often than no and asks for what stands first. Told the
answer, it has only to write what leads there, which is easier than to judge what it wrote, and
labels come out as even as they were asked. A `katsuo-v1` generator learns wishes from human-written
tasks (`learned`), and hears them when it is steered (`drawn`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from katsuo import seeds
from katsuo.templates import phrases
from katsuo.types import Context, Span, Task, TaskType
from katsuo.wire import Wish, sayable

_SAID: Final = 0.5
"""Share of the wishes that are said, each by itself: what is not said must not be missed."""
_LONGEST_ANSWER: Final = 80
"""Characters of an answer that can be told; a longer one is to be written, not asked for."""

Labels: TypeAlias = Mapping[TaskType, tuple[tuple[str, str], ...]]
"""Labels that somebody named, each with its description or an empty one, by task type."""

_YES_NO: Final = (
    ("Yes", "No"),
    ("yes", "no"),
    ("True", "False"),
    ("true", "false"),
    ("correct", "incorrect"),
)
_THREE_WAYS: Final = (
    ("Supported", "Refuted", "Not enough information"),
    ("entailment", "contradiction", "neutral"),
    ("Yes", "No", "Maybe"),
    ("True", "False", "Inconclusive"),
)
LABELS: Final[Mapping[TaskType, tuple[tuple[str, ...], ...]]] = {
    TaskType.YNQA: _YES_NO,
    TaskType.TE: _YES_NO,
    TaskType.NLI: _THREE_WAYS,
    TaskType.PARAPHRASE_ID: (*_YES_NO, ("same", "different")),
    TaskType.WSD: (*_YES_NO, ("same", "different")),
    TaskType.SENTIMENT: (("positive", "negative"), ("Positive", "Negative"), ("good", "bad")),
}
"""The labels to ask for where nobody named any; the bundled templates have them all."""
_LETTERS: Final = ("A", "B", "C", "D")
VOICES: Final = ("plain", "exam", "chat", "editor", "clerk", "form", "support", "quiz")
"""How the bundled templates put things."""


def learned(task: Task, seed: int) -> Wish:
    """What is said of `task` to a generator that learns it: each thing by the toss of a coin."""
    chance: random.Random = seeds.stream(seed, "teach", "wish", task.id)
    labels, answerable, voice, book, answer = (chance.random() < _SAID for _ in range(5))
    plain = all(sayable(label) for label in task.labels)
    listed = chance.sample(task.labels, len(task.labels))  # the order must tell nothing
    return Wish(
        type=task.type,
        labels=tuple((label, "") for label in listed) if labels and plain else (),
        answer=task.response if answer and _tellable(task) else "",
        answerable=task.answerable if answerable else None,
        voice=task.voice if voice else "",
        book=("open" if task.context.strip() in task.instruction else "closed") if book else "",
    )


def asked(kind: TaskType, seed: int, labels: Labels, voices: Sequence[str] = ()) -> Wish:
    """What a generator is told that is not steered: the type, and what somebody named.

    Args:
        kind: Of the task.
        seed: The draft's own.
        labels: Labels that somebody named, by type.
        voices: Voices that somebody named, each drawn as often.
    """
    voice = seeds.stream(seed, "generate", "voice").choice(voices) if voices else ""
    return Wish(type=kind, labels=labels.get(kind, ()), voice=voice)


def drawn(
    context: Context, kind: TaskType, seed: int, labels: Labels, voices: Sequence[str] = ()
) -> Wish:
    """What a steered generator is told for one draft: drawn by `seed`, every label as often.

    Args:
        context: The passage.
        kind: Of the task.
        seed: The draft's own.
        labels: Labels that somebody named, by type; others have those of `LABELS`.
        voices: Voices that somebody named; without any, all of `VOICES`.
    """
    chance: random.Random = seeds.stream(seed, "generate", "wish")
    voice = chance.choice(voices or VOICES)
    if kind in labels or kind in LABELS:
        sets = LABELS.get(kind, ())
        own = labels.get(kind) or tuple((label, "") for label in chance.choice(sets))
        answer = "" if kind.settled else chance.choice(own)[0]  # such a one can only be asked
        return Wish(type=kind, labels=own, answer=answer, voice=voice)
    if kind is TaskType.MCQA:
        return Wish(type=kind, answer=chance.choice(_LETTERS), voice=voice)
    spans = phrases.spans(context.text) if kind is TaskType.EXQA else []
    # Names and figures are not all that can be asked for: the other half is the generator's choice.
    answer = chance.choice(spans) if spans and chance.random() < _SAID else ""
    return Wish(type=kind, answer=answer, voice=voice)


def drawn_within(
    context: Context, span: Span, seed: int, voices: Sequence[str] = ()
) -> Wish | None:
    """What a steered generator is told to ask for something that stands in `span` of the passage.

    None where no name and no figure stands there, or only such as stand elsewhere too.
    """
    places = ((phrase, context.text.index(phrase)) for phrase in phrases.spans(context.text))
    inside = [phrase for phrase, at in places if span.start <= at and at + len(phrase) <= span.end]
    if not inside:
        return None
    chance: random.Random = seeds.stream(seed, "generate", "wish")
    voice = chance.choice(voices or VOICES)
    return Wish(type=TaskType.EXQA, answer=chance.choice(inside), voice=voice)


def unmet(wish: Wish, response: str) -> str:
    """Why a draft that answers `response` is not what `wish` asked for; empty where it is."""
    if wish.answer and wish.type is not TaskType.EXQA and response != wish.answer:
        return "answer-not-the-told"
    if wish.labels and response not in dict(wish.labels):
        return "label-not-the-told"
    return ""


def _tellable(task: Task) -> bool:
    """Whether the response can be told beforehand without telling the task itself."""
    told = task.type.closed_choice or task.type.extractive
    short = len(task.response) <= _LONGEST_ANSWER and sayable(task.response)
    return told and short and (not task.labels or task.response in task.labels)
