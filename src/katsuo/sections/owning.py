r"""Which task types of a user's own can be asked for?

    topic:
      like: topic_class
      labels: {fees: what berths and pilots cost, ice: the rules of the ice season, …}
      instruction: "{{ context }}\n\nWhich of these is it about: {{ labels }}?"
      examples: [{passage: …, response: fees}]

A file holds one or more of them by name, for several recipes to share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from jinja2 import TemplateError
from pydantic import Field, field_validator

from katsuo.errors import RecipeError
from katsuo.own import KNOWN, Answer, Example, OwnTask
from katsuo.scoring.roles import role_of
from katsuo.sections.section import NAME, Filters, Section
from katsuo.templates.language import names_in_text
from katsuo.types import TaskType
from katsuo.wire import Wish

MOST_EXAMPLES: Final = 5
_SLOTS: Final = frozenset({"context", "question", "labels", "described"})
_WORDINGS: Final[Mapping[TaskType, str]] = {
    TaskType.TOPIC_CLASS: "{{ context }}\n\nWhich of these is the passage about: {{ labels }}?",
    TaskType.SENTIMENT: "{{ context }}\n\nHow does the writer feel: {{ labels }}?",
}
_WORDING: Final = "{{ context }}\n\n{{ question }}\nAnswer with one of these: {{ labels }}."
"""Around the question of a draft that a label answers."""
_ASKED: Final[Mapping[TaskType, str]] = {
    TaskType.TOPIC_CLASS: "What is this passage about?",
    TaskType.SENTIMENT: "How does the writer of this passage feel?",
}


class OwnExample(Section):
    """A worked example of a task type of one's own."""

    passage: str = Field(min_length=1)
    """What is read."""
    instruction: str = ""
    """What is asked about the passage; only where the passage alone does not decide the answer."""
    response: str
    """The right answer: one of the labels, a part of the passage, or free text."""

    @field_validator("response", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return _as_text(value)


class Own(Section):
    """A task type in the user's own words."""

    like: TaskType
    """Which of the sixteen it is like: as what a generator is asked for it. With labels,
    `topic_class` and `sentiment` are decided by the passage; others by the question."""
    answer: Answer | None = None
    """A label, a span of the passage, or free text; by default what is usual for `like`."""
    labels: dict[str, str] = {}
    """The only answers, each with a description or an empty text."""
    means: dict[str, str] = {}
    """What each label says, where a generator writes the question: `yes` or `no`; for `nli`
    `supported`, `refuted` or `unknown`. Needless for labels that say so themselves."""
    instruction: str | list[str] = []
    """What the tuned model reads, in Jinja, with `{{ context }}`, `{{ labels }}`, `{{ described }}`
    (labels with their descriptions) and, where a generator writes it, `{{ question }}`, which only
    a free answer can do without. Of several one is drawn for each task."""
    voice: str = ""
    """One word for how a question is put; wants a generator that was taught `katsuo-v1`."""
    examples: list[OwnExample] = Field(default=[], max_length=MOST_EXAMPLES)
    """At most five. A reader that ranks sees them, and so does a generator that is prompted; one
    that was taught a format cannot be shown any."""
    checks: Filters | None = None
    """Filters that look at one task alone, in place of the recipe's; by default the recipe's."""
    asked: str = ""
    """What a reader that ranks the labels is asked about a passage."""
    reader: str = ""
    """The model that ranks the labels; the target model where it is empty."""
    prior: Literal["passages", "empty"] = "passages"
    """What a label's likelihood is held against: its mean over all passages, or its likelihood
    behind passages that say nothing."""
    shares: dict[str, float] = {}
    """Label -> the share of the tasks that answer so, in (0, 1); together 1. Even by default."""
    use: float = Field(default=0.5, gt=0, le=1)
    """Share of the passages that get a task, the clearest; 1 labels all and must force some."""
    min_margin: float | None = None
    """Least margin of a label over the next best one, in nats; 0 forces no label on a passage."""
    hold_shares: bool = True
    """Whether other labels are cut down where one finds too few passages; else they are kept."""

    @field_validator("like", mode="before")
    @classmethod
    def _named(cls, name: object) -> TaskType:
        return TaskType.named(str(name))

    @field_validator("labels", mode="before")
    @classmethod
    def _labelled(cls, given: object) -> object:
        if isinstance(given, list):
            if len({str(label) for label in given}) < len(given):
                raise ValueError("a label is there twice")
            given = dict.fromkeys(given, "")
        if not isinstance(given, dict):
            return given
        for label in given:
            if not isinstance(label, str):
                raise ValueError(  # noqa: TRY004 -- what pydantic turns into a line
                    f"label {label!r} is no text to YAML; write it in quotes"
                )
        return {label: "" if about is None else about for label, about in given.items()}

    @field_validator("means", "shares", mode="before")
    @classmethod
    def _mapped(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {_as_text(label): _as_text(said) for label, said in given.items()}

    @property
    def form(self) -> Answer:
        """The form of the answer, worked out where nothing is said."""
        usual: Answer = "span" if self.like.extractive else "free"
        return self.answer or ("label" if self.labels or self.like.labelled else usual)

    @property
    def question(self) -> str:
        """What a reader that ranks is asked."""
        return self.asked or _ASKED.get(self.like, "")

    @property
    def even(self) -> dict[str, float]:
        """The share of every label."""
        return self.shares or dict.fromkeys(self.labels, 1 / max(1, len(self.labels)))


def _as_text(value: object) -> object:
    """`yes` and `no` without quotes are truth values to YAML; here they are words."""
    return ("yes" if value else "no") if isinstance(value, bool) else value


def settled(name: str, own: Own, where: str) -> OwnTask:
    """The task type `name`, checked as a whole.

    Raises:
        RecipeError: If it cannot be asked for; `where` names the file.
    """
    fault = next(_faults(name, own), "")
    if fault:
        raise RecipeError(f"{where}: {name}{fault}")
    form = own.form
    given = [own.instruction] if isinstance(own.instruction, str) else own.instruction
    usual = [_WORDINGS.get(own.like, _WORDING)] if form == "label" else []
    return OwnTask(
        name=name,
        like=own.like,
        answer=form,
        labels=own.labels,
        means=_meanings(own),
        wordings=tuple(given or usual),
        voice=own.voice,
        examples=tuple(
            Example(passage=one.passage, response=one.response, instruction=one.instruction)
            for one in own.examples
        ),
    )


def _meanings(own: Own) -> dict[str, str]:
    if own.form != "label" or own.like.settled:
        return {}
    return {label: role_of(own.means.get(label, label)) for label in own.labels}


def _faults(name: str, own: Own) -> Iterator[str]:
    """What is wrong with a task type, each in half a line that goes on behind its name."""
    if not NAME.fullmatch(name) or name in {kind.value for kind in TaskType}:
        yield (
            " is no name for a task type of your own; write letters, digits, _ and -, and none of "
            "the sixteen names"
        )
    if own.form == "label":
        yield from _label_faults(own)
    elif own.labels or own.means or own.shares:
        yield f".labels are given and its answer is {own.form}; leave one of the two out"
    elif own.like.labelled:
        yield f".answer is {own.form} and {own.like} is answered with a label; name its labels"
    yield from _wording_faults(own)
    yield from _example_faults(own)


def _label_faults(own: Own) -> Iterator[str]:
    if not own.like.labelled:
        yield (
            f".answer is label and {own.like} has none; take topic_class where the passage decides,"
            " and nli or ynqa where a question does"
        )
        return
    if len(own.labels) < 2:
        yield f".labels has {len(own.labels)}; name two or more"
    if said := _unsayable(own.like, labels=own.labels):
        yield f".labels: {said}"
    for setting, given in (("means", own.means), ("shares", own.shares)):
        for label in given.keys() - own.labels.keys():
            yield f".{setting} names {label!r}; its labels are {', '.join(own.labels)}"
    yield from _share_faults(own)
    yield from _meaning_faults(own)


def _meaning_faults(own: Own) -> Iterator[str]:
    if own.like.settled:
        if own.means:
            yield f".means is for types whose question is written; a passage decides {own.like}"
        return
    known, meanings = KNOWN[own.like], _meanings(own)
    for label, role in meanings.items():
        if role not in known:
            listed = " or ".join(word.casefold() for word in known.values())
            yield f".labels.{label} says nothing that is known; write means: {{{label}: {listed}}}"
    if len(set(meanings.values())) < len(own.labels):
        yield ".labels has two that mean the same; name one for each meaning"


def _unsayable(kind: TaskType, *, labels: Mapping[str, str] | None = None, voice: str = "") -> str:
    """Why no generator could be told this; empty where it could."""
    try:
        Wish(type=kind, labels=tuple((labels or {}).items()), voice=voice)
    except RecipeError as error:
        return str(error)
    return ""


def _share_faults(own: Own) -> Iterator[str]:
    if not own.shares:
        return
    if not own.like.settled:
        yield f".shares is for labels that a reader ranks; a generator writes {own.like}"
    if set(own.shares) != set(own.labels) or min(own.shares.values()) <= 0:
        yield ".shares must name every label, each with a number above 0"
    if abs(sum(own.shares.values()) - 1) > 1e-6:
        yield f".shares sum to {sum(own.shares.values()):g}; they must sum to 1"


def _wording_faults(own: Own) -> Iterator[str]:
    given = [own.instruction] if isinstance(own.instruction, str) else own.instruction
    alone = own.form == "label" and own.like.settled
    for text in given:
        yield from _slot_faults(text, alone=alone, free=own.form == "free")
    if own.voice and (said := _unsayable(own.like, voice=own.voice)):
        yield f".voice: {said}"


def _slot_faults(text: str, *, alone: bool, free: bool) -> Iterator[str]:
    """What is wrong with one wording.

    Args:
        text: The wording.
        alone: Whether no question is written.
        free: Whether the answer is free text, which may answer fixed words as well.
    """
    try:
        names = names_in_text(text)
    except TemplateError as error:
        yield f".instruction {text!r} is no Jinja: {error}"
        return
    if unknown := names - _SLOTS:
        listed = ", ".join(sorted(_SLOTS))
        yield f".instruction asks for {min(unknown)!r}; it may ask for {listed}"
    if "context" not in names:
        yield f".instruction {text!r} lacks {{{{ context }}}}; the passage stands there"
    if alone and "question" in names:
        yield ".instruction asks for 'question' and there is none; the passage decides alone"
    if not (alone or free) and "question" not in names:
        yield f".instruction {text!r} lacks {{{{ question }}}}; what was asked stands there"


def _example_faults(own: Own) -> Iterator[str]:
    for number, one in enumerate(own.examples, start=1):
        if own.form == "label" and one.response not in own.labels:
            yield (
                f".examples: the response of number {number} is {one.response!r}; "
                f"its labels are {', '.join(own.labels)}"
            )
        if own.form == "span" and one.response not in one.passage:
            yield f".examples: the response of number {number} does not stand in its passage"
        if not one.instruction and not (own.form == "label" and own.like.settled):
            yield f".examples: number {number} has no instruction; write what is asked there"
