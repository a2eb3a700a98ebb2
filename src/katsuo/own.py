"""What is a task in the user's own words?

A user's task type is like one of the sixteen, which says how a generator is asked for it. What the
tuned model reads and answers is the user's own:

    of the passage (topic, sentiment)   own wording, own labels; a reader ranks the labels
    of a draft (claims, yes or no)      own wording around the draft's question, own labels for
                                        what the generator answered: `means` says which for which
    span and free text                  own wording around the draft's question

So no answer but the user's labels can come out, whatever a generator writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from katsuo import seeds
from katsuo.scoring.roles import WORDS, role_of
from katsuo.templates.language import fill
from katsuo.types import Flaw, Task, TaskType
from katsuo.wire import Draft, Wish

Answer = Literal["label", "span", "free"]

_TWO_WAYS: Final = {"yes": "Yes", "no": "No"}
_THREE_WAYS: Final = {"yes": "Supported", "no": "Refuted", "open": "Not enough information"}
KNOWN: Final[Mapping[TaskType, Mapping[str, str]]] = {
    TaskType.YNQA: _TWO_WAYS,
    TaskType.TE: _TWO_WAYS,
    TaskType.PARAPHRASE_ID: _TWO_WAYS,
    TaskType.WSD: _TWO_WAYS,
    TaskType.NLI: _THREE_WAYS,
}
"""What an answer of these types can mean, and the label that a generator knows for it."""

_OFFERED: Final = frozenset(word for role in _THREE_WAYS for word in WORDS[role])
_PIECE: Final = re.compile(r"[^\n.?!]*[.?!]*\s*")
_HEADING: Final = re.compile(r"\W*(?:options|choices|answer choices|possible answers)\W*", re.I)
_MARKS: Final = " \t\n.,:;!?*-•()[]\"'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A worked example, in the user's own words."""

    passage: str
    response: str
    instruction: str = ""
    """What stands where a generator's question would; empty where the passage decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTask:
    """A task type of the user's own, checked."""

    name: str
    like: TaskType
    """As what a generator is asked for it."""
    answer: Answer
    labels: Mapping[str, str] = field(default_factory=dict)
    """The only answers, each with its description or an empty text."""
    means: Mapping[str, str] = field(default_factory=dict)
    """Label -> `yes`, `no` or `open`, where a generator's answer is put into own words."""
    wordings: tuple[str, ...] = ()
    """Instructions in Jinja; one is drawn for each task."""
    voice: str = ""
    examples: tuple[Example, ...] = ()

    @property
    def ranked(self) -> bool:
        """Whether a reader decides the answer, rather than whoever wrote the question."""
        return self.answer == "label" and self.like.settled

    @property
    def offer(self) -> str:
        """The labels in a row, as an instruction offers them: `fees, safety, mooring`."""
        return ", ".join(self.labels)

    @property
    def described(self) -> str:
        """The labels one a line, each with its description."""
        return "\n".join(
            f"- {label}: {about}" if about else f"- {label}" for label, about in self.labels.items()
        )


def instruction(task: OwnTask, passage: str, question: str, seed: int) -> str | Flaw:
    """What the tuned model will read: one of the wordings, drawn by `seed`, filled in."""
    wording: str = seeds.stream(seed, "own", "wording").choice(task.wordings)
    names = {
        "context": passage.strip(),
        "question": question,
        "labels": task.offer,
        "described": task.described,
    }
    return fill(wording, names)


def wish(task: OwnTask, seed: int) -> Wish:
    """What a `katsuo-v1` generator is told for one draft: every meaning as often."""
    if task.answer != "label":
        return Wish(type=task.like, voice=task.voice)
    meant = [label for role, label in KNOWN[task.like].items() if role in task.means.values()]
    told: str = seeds.stream(seed, "own", "wish").choice(meant)
    labels = tuple((label, "") for label in KNOWN[task.like].values())
    return Wish(type=task.like, labels=labels, answer=told, voice=task.voice)


def known(task: OwnTask, label: str) -> str:
    """The label that a generator knows for one of the user's; the text itself where it is none."""
    return KNOWN[task.like][task.means[label]] if label in task.means else label


def answers(task: OwnTask) -> tuple[str, ...]:
    """All that a generator may answer, in labels that it knows; empty where there are no labels."""
    return tuple(dict.fromkeys(known(task, label) for label in task.labels))


def in_own_words(task: OwnTask, draft: Draft, passage: str, seed: int) -> Draft | Flaw:
    """The draft of a generator as a task of the user's type, or why it cannot be one."""
    response = draft.response
    if task.answer == "label":
        role = role_of(response)
        found = [label for label, meant in task.means.items() if meant == role]
        if not found:
            return Flaw(reason="label-without-meaning")
        response = found[0]
    elif task.answer == "span" and _plain(response) not in _plain(passage):
        return Flaw(reason="answer-not-in-context")
    if not task.wordings:
        return Draft(instruction=draft.instruction, response=response)
    question = _question(draft.instruction, passage, labelled=task.answer == "label")
    if not question:
        return Flaw(reason="question-missing")
    worded = instruction(task, passage, question, seed)
    if isinstance(worded, Flaw):
        return worded
    return Draft(instruction=worded, response=response)


def named(task: Task) -> str:
    """What a task's type is called: by the user, or among the sixteen."""
    return task.name or task.type.value


def _question(text: str, passage: str, *, labelled: bool) -> str:
    """What an instruction asks, without its passage and without the labels that it offers."""
    outside = text.replace(passage.strip(), "\n") if passage.strip() else text
    if not labelled:
        return outside.strip()
    kept = [piece for piece in _PIECE.findall(outside) if not _offers(piece)]
    return "".join(kept).strip()


def _offers(piece: str) -> bool:
    """Whether a sentence or line offers known labels: two of them, or one and nothing else."""
    folded = _plain(piece)
    bare = folded.strip(_MARKS)
    if not bare:
        return False
    if bare in _OFFERED or _HEADING.fullmatch(folded):
        return True
    said = {
        role_of(word) for word in _OFFERED if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", bare)
    }
    return len(said) > 1


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
