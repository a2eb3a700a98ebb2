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
    ("yes", "no", "unclear"),
    ("true", "false", "can't say"),
    ("agrees", "disagrees", "does not say"),
)
LABELS: Final[Mapping[TaskType, tuple[tuple[str, ...], ...]]] = {
    TaskType.YNQA: _YES_NO,
    TaskType.TE: (*_YES_NO, ("entailed", "not entailed")),
    TaskType.NLI: _THREE_WAYS,
    TaskType.PARAPHRASE_ID: (*_YES_NO, ("same", "different")),
    TaskType.WSD: (*_YES_NO, ("same", "different")),
    TaskType.SENTIMENT: (("positive", "negative"), ("Positive", "Negative"), ("good", "bad")),
}
"""The labels that an answer may be one of where nobody named any."""
_LETTERS: Final = ("A", "B", "C", "D")
VOICES: Final = ("plain", "exam", "chat", "editor", "clerk", "form", "support", "quiz", "search")
"""How the bundled templates put things."""
_ANY: Final = ""
"""No voice is told."""
MANNERS: Final[Mapping[TaskType, Mapping[tuple[str, ...], tuple[str, ...]]]] = {
    TaskType.YNQA: {
        ("Yes", "No"): (_ANY, "clerk", "support", "editor", "chat", "exam", "quiz"),
        ("yes", "no"): (_ANY, "chat"),
        ("True", "False"): (_ANY, "exam"),
        ("true", "false"): ("form", "chat"),
        ("correct", "incorrect"): (_ANY, "plain", "exam"),
    },
    TaskType.TE: {
        ("Yes", "No"): (_ANY, "form", "plain"),
        ("yes", "no"): (_ANY, "chat"),
        ("true", "false"): ("plain",),
        ("entailed", "not entailed"): (_ANY,),
    },
    TaskType.NLI: {
        ("Yes", "No", "Maybe"): (_ANY,),
        ("yes", "no", "unclear"): ("support",),
        ("True", "False", "Inconclusive"): (_ANY, "exam"),
        ("true", "false", "can't say"): ("chat",),
        ("Supported", "Refuted", "Not enough information"): (_ANY, "editor"),
        ("entailment", "contradiction", "neutral"): (_ANY, "clerk"),
        ("agrees", "disagrees", "does not say"): ("clerk",),
    },
    TaskType.PARAPHRASE_ID: {
        ("Yes", "No"): (_ANY, "support"),
        ("yes", "no"): ("editor",),
        ("True", "False"): ("plain",),
        ("true", "false"): ("chat",),
        ("correct", "incorrect"): ("exam",),
        ("same", "different"): (_ANY,),
    },
    TaskType.WSD: {
        ("Yes", "No"): ("plain",),
        ("yes", "no"): ("support",),
        ("True", "False"): ("exam",),
        ("same", "different"): ("chat",),
    },
    TaskType.SENTIMENT: {
        ("positive", "negative"): (_ANY, "chat"),
        ("Positive", "Negative"): ("plain",),
        ("good", "bad"): ("chat",),
    },
}
"""Labels to ask for, with the voices that offer them. A voice never taught with such labels
offers others, and the answer would be none of the words that the instruction names."""
_SPOKEN: Final[Mapping[TaskType, tuple[str, ...]]] = {
    TaskType.EXQA: (_ANY, "form", "clerk", "chat", "exam", "editor"),
    TaskType.MCQA: (_ANY, "exam", "plain", "quiz"),
    TaskType.QG: (_ANY, "exam", "quiz", "search", "plain", "editor"),
    TaskType.QA: (_ANY, "support", "exam", "chat", "plain"),
    TaskType.COREF: ("exam", "chat", "plain", "clerk", "editor", "form"),
    TaskType.PARAPHRASE: ("editor", "search", "exam", "plain", "clerk"),
    TaskType.SENT_COMP: ("plain", "exam", "form", "quiz", "chat"),
    TaskType.SUMMARIZATION: (_ANY, "editor", "chat", "clerk", "plain", "support"),
    TaskType.TEXT_GEN: ("plain", "editor", "exam", "chat", "support"),
    TaskType.TOPIC_CLASS: (_ANY, "exam", "clerk", "search"),
}
"""The voices in which the bundled templates ask for a type whose labels are not named."""


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
        labels: Labels that somebody named, by type; others have those of `MANNERS`.
        voices: Voices that somebody named; without any, those that were taught with such labels.
    """
    chance: random.Random = seeds.stream(seed, "generate", "wish")
    if kind in labels or kind in MANNERS:
        own, voice = _manner(chance, kind, labels, voices)
        answer = "" if kind.settled else chance.choice(own)[0]  # such a one can only be asked
        return Wish(type=kind, labels=own, answer=answer, voice=voice)
    voice = chance.choice(voices or _SPOKEN[kind])
    if kind is TaskType.MCQA:
        return Wish(type=kind, answer=chance.choice(_LETTERS), voice=voice)
    spans = phrases.spans(context.text) if kind is TaskType.EXQA else []
    # Names and figures are not all that can be asked for: the other half is the generator's choice.
    answer = chance.choice(spans) if spans and chance.random() < _SAID else ""
    return Wish(type=kind, answer=answer, voice=voice)


def _manner(
    chance: random.Random, kind: TaskType, labels: Labels, voices: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], str]:
    """Labels, with their descriptions, and a voice that was taught with such labels."""
    if named := labels.get(kind):
        return named, chance.choice(voices or (_ANY,))
    sets = MANNERS[kind]
    fitting = {
        some: [one for one in said if one in voices or not voices] for some, said in sets.items()
    }
    some = chance.choice([some for some, said in fitting.items() if said] or list(sets))
    voice = chance.choice(fitting[some] or voices)
    return tuple((label, "") for label in some), voice


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
    voice = chance.choice(voices or _SPOKEN[TaskType.EXQA])
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
