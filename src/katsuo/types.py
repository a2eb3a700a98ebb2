"""The nouns: what travels the road.

    Document ─chunk─▶ Context ─generate─▶ Task ─tuning─▶ Pair
                                           │
                  Dropped ◀── Verdict ─────┘            Probe ─evaluate─▶ Score

Values never change. A field that may be absent says so by `| None`; nothing is
"filled in later". `TaskType` is the only place where task types differ by fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from katsuo.errors import RecipeError


class TaskType(StrEnum):
    """One of the sixteen task types (paper, table 1); the value is the short name."""

    EXQA = "exqa"
    MCQA = "mcqa"
    QG = "qg"
    QA = "qa"
    YNQA = "ynqa"
    COREF = "coref"
    PARAPHRASE = "paraphrase"
    PARAPHRASE_ID = "paraphrase_id"
    SENT_COMP = "sent_comp"
    SENTIMENT = "sentiment"
    SUMMARIZATION = "summarization"
    TEXT_GEN = "text_gen"
    TOPIC_CLASS = "topic_class"
    WSD = "wsd"
    TE = "te"
    NLI = "nli"

    @property
    def full_name(self) -> str:
        """The name that the wire format carries, such as `extractive question answering`."""
        return FULL_NAMES[self]

    @property
    def extractive(self) -> bool:
        """Whether the response must stand in the context word for word."""
        return self is TaskType.EXQA

    @property
    def closed_choice(self) -> bool:
        """Whether the response is one of a few labels that the instruction offers."""
        return self in _CLOSED_CHOICE

    @property
    def labelled(self) -> bool:
        """Whether its labels could serve another task as well: words, not options of a question."""
        return self in _CLOSED_CHOICE and self is not TaskType.MCQA

    @property
    def settled(self) -> bool:
        """Whether the passage has settled the answer before anybody asks: topic and sentiment."""
        return self in _SETTLED

    @classmethod
    def named(cls, name: str) -> TaskType:
        """The type called `name`, short or long; letter case and outer space do not matter.

        Raises:
            RecipeError: If no type has that name.
        """
        folded = " ".join(name.casefold().split())
        for kind in cls:
            if folded in (kind.value, kind.full_name):
                return kind
        known = ", ".join(f"{kind.value} ({kind.full_name})" for kind in cls)
        raise RecipeError(f"task type {name!r} is unknown; the sixteen types are {known}")


FULL_NAMES: Final[Mapping[TaskType, str]] = {
    TaskType.EXQA: "extractive question answering",
    TaskType.MCQA: "multiple-choice question answering",
    TaskType.QG: "question generation",
    TaskType.QA: "question answering without choices",
    TaskType.YNQA: "yes-no question answering",
    TaskType.COREF: "coreference resolution",
    TaskType.PARAPHRASE: "paraphrase generation",
    TaskType.PARAPHRASE_ID: "paraphrase identification",
    TaskType.SENT_COMP: "sentence completion",
    TaskType.SENTIMENT: "sentiment",
    TaskType.SUMMARIZATION: "summarization",
    TaskType.TEXT_GEN: "text generation",
    TaskType.TOPIC_CLASS: "topic classification",
    TaskType.WSD: "word sense disambiguation",
    TaskType.TE: "textual entailment",
    TaskType.NLI: "natural language inference",
}

_CLOSED_CHOICE: Final = frozenset(
    {
        TaskType.MCQA,
        TaskType.YNQA,
        TaskType.PARAPHRASE_ID,
        TaskType.SENTIMENT,
        TaskType.TOPIC_CLASS,
        TaskType.WSD,
        TaskType.TE,
        TaskType.NLI,
    }
)

_SETTLED: Final = frozenset({TaskType.SENTIMENT, TaskType.TOPIC_CLASS})


def digest(*parts: str) -> str:
    """A 16-digit hexadecimal name for `parts`, used for every id; collisions need 2^32 items."""
    hashed: list[bytes] = []
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hashed += (len(encoded).to_bytes(8, "big"), encoded)
    return hashlib.blake2b(b"".join(hashed), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text as the user has it."""

    id: str
    """Digest of `source` and `text`: an edited document is another document."""
    text: str
    """The whole text; offsets everywhere are characters of this string."""
    source: str
    """Where it came from: a path as the recipe named it, with `#row` behind a table's path."""
    page_starts: tuple[int, ...] = ()
    """Offset in `text` at which each page begins; empty where the format has no pages."""

    @classmethod
    def of(cls, *, text: str, source: str, page_starts: tuple[int, ...] = ()) -> Document:
        """The document with this text, its id worked out."""
        return cls(id=digest(source, text), text=text, source=source, page_starts=page_starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A passage of a document: `document.text[start:end] == text`, always."""

    id: str
    document_id: str
    text: str
    start: int
    """Offset of the first character in the document's text."""
    end: int
    """Offset behind the last character."""
    page: int | None = None
    """Page of `start`, counted from 1, where the format has pages."""
    heading: str | None = None
    """The nearest heading above the passage, where the format has headings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open range of characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who made a task, and how to make it again."""

    generator: str
    """Name of the generator and its sha256, or of the template for a remixed task."""
    format: str
    """Name of the wire format, such as `bonito-v1`."""
    seed: int
    """The seed of this draft alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One instruction and its response about a context; the noun that travels both roads."""

    id: str
    document_id: str
    context_id: str
    context: str
    """The passage itself, so that a row can be read without the others."""
    type: TaskType
    instruction: str
    """What the tuned model will read, the passage written out in it."""
    response: str
    origin: Origin
    labels: tuple[str, ...] = ()
    """The only answers that it allows, where whoever made it said so."""
    answerable: bool = True
    """Whether the passage answers it; False only where it was made to have no answer there."""
    voice: str = ""
    """One word for how it is put, where whoever made it said so."""
    evidence: tuple[Span, ...] = ()
    """Where in `context` the response is supported; empty until a filter has looked."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What each filter measured, by the filter's name; 1 under `snapped` or `held` where the
    response was mended."""
    surrogates: int = 0
    """Places where something else stands than in the document; offsets hold all the same."""
    name: str = ""
    """What a user calls it, where it is a task type of the user's own; `type` is then its like."""
    review: str = ""
    """What a person decided: `edited`, `kept`, both, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why a completion is no task: a slug that states the fact."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What left the road, and why."""

    item_id: str
    """Id of the file, context, draft or task; a file appears with its path."""
    stage: str
    by: str
    """The part that turned it away: a reader, the wire format, a filter."""
    reason: str
    """A slug that states the fact, such as `answer-not-in-context`."""
    excerpt: str = ""
    """The first characters of what was dropped, at most `EXCERPT_CHARS`."""


EDITED: Final = "edited"
"""Marks a task whose words are those of a person who reviewed the run."""
KEPT: Final = "kept"
"""Marks a task that stays because a person said so, whatever filters say."""
GENERATED: Final = "(generated)"
"""Behind the name of an evaluation set whose questions and answers a generator made."""
EXCERPT_CHARS: Final = 300
"""How much of a dropped item its ledger line shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A filter's word on one task: a reason exactly when it drops."""

    keep: bool
    reason: str = ""
    score: float | None = None
    """What the filter measured, in [0, 1], where it measures at all."""
    evidence: tuple[Span, ...] = ()
    """Support found in the context, to be recorded in the task."""
    twin: str = ""
    """Id of the task that stays in the place of a dropped one, where a selector names it."""

    def __post_init__(self) -> None:
        assert self.keep != bool(self.reason), "a verdict has a reason exactly when it drops"


KEEP: Final = Verdict(keep=True)


def drop(reason: str, *, score: float | None = None) -> Verdict:
    """The verdict that turns a task away for `reason`."""
    return Verdict(keep=False, reason=reason, score=score)


def reached(score: float | None, least: float, reason: str) -> Verdict:
    """Keep a task whose `score` is `least` or more, or that has none; else drop it for `reason`."""
    if score is None:
        return KEEP
    return drop(reason, score=score) if score < least else Verdict(keep=True, score=score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What the trainer sees; the loss falls on `target` only."""

    prompt: str
    """Empty for next-word prediction: then every token of `target` is learned."""
    target: str
    chat: bool = True
    """Whether `prompt` is a user's turn, to be put through the model's own chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One evaluation question, as its row stated it."""

    id: str
    set: str
    """Name of the evaluation set."""
    document_id: str
    """The unit that is resampled for intervals."""
    context: str
    question: str
    """The question, claim or hypothesis."""
    label: str | None = None
    """The gold label of a closed question, in the set's own words."""
    answers: tuple[str, ...] = ()
    """All gold answers of a span question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A number is never without its interval, its n and what could not be scored."""

    metric: str
    value: float
    """In points, 0 to 100."""
    low: float
    high: float
    n: int
    unscored: int = 0
