"""The generator's text formats: a task as text, and text as a task again.

    bonito-v1    <|tasktype|> ⏎ full type name ⏎ <|context|> ⏎ context ⏎ <|task|> ⏎
    katsuo-v1    <|context|> ⏎ context ⏎ <|tasktype|> ⏎ full type name ⏎ wishes <|task|> ⏎
    completion   instruction with {{context}} ⏎ <|pipe|> ⏎ response        in both

`bonito-v1` is the format of the published Bonito generators, byte for byte.
`katsuo-v1` has the passage in front, so that all tasks about it begin alike and
one reading of it serves them all; behind the type it says, where somebody
cares, what else the task shall be:

    <|labels|> ⏎ one label a line, `label: description` ⏎     the only answers
    <|answer|> ⏎ a text ⏎                                     the answer
    <|answerable|> ⏎ yes or no ⏎                              whether the passage answers it
    <|voice|> ⏎ a word ⏎                                      how it is put
    <|book|> ⏎ open or closed ⏎                               whether the passage stands in it

`render` and `parse` are inverse: `parse(prompt's context, type, render(task))`
gives the task's instruction and response back. `render` refuses what could not
come back, so the identity holds by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from katsuo.errors import RecipeError
from katsuo.types import Flaw, TaskType

BONITO_V1: Final = "bonito-v1"
"""Name of the published format (PAPER: the library's `Bonito` class)."""
KATSUO_V1: Final = "katsuo-v1"
"""Name of our own."""

TASKTYPE_MARK: Final = "<|tasktype|>"
CONTEXT_MARK: Final = "<|context|>"
TASK_MARK: Final = "<|task|>"
PIPE_MARK: Final = "<|pipe|>"
LABELS_MARK: Final = "<|labels|>"
ANSWER_MARK: Final = "<|answer|>"
ANSWERABLE_MARK: Final = "<|answerable|>"
VOICE_MARK: Final = "<|voice|>"
BOOK_MARK: Final = "<|book|>"
MARKS: Final = (TASKTYPE_MARK, CONTEXT_MARK, TASK_MARK, PIPE_MARK)
"""Of `bonito-v1`; what holds one of them cannot be written in either format."""
WISH_MARKS: Final = (LABELS_MARK, ANSWER_MARK, ANSWERABLE_MARK, VOICE_MARK, BOOK_MARK)
"""Of `katsuo-v1` beside those."""

_MARKS_BEGIN: Final = "<|"
"""Of all marks; what has none of this has no mark."""

CONTEXT_SLOT: Final = "{{context}}"
"""Stands for the passage inside a completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An instruction and its response, the passage written out in both."""

    instruction: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a task shall be. `bonito-v1` can say the type alone."""

    type: TaskType
    labels: tuple[tuple[str, str], ...] = ()
    """The only answers, each with its description or an empty one."""
    answer: str = ""
    """What the response shall be, in one line; empty where nobody cares."""
    answerable: bool | None = None
    """Whether the passage answers it; None where nobody cares."""
    voice: str = ""
    """One word for how it is put, such as `exam`; empty where nobody cares."""
    book: Literal["", "open", "closed"] = ""
    """Whether the passage stands in the instruction; empty where nobody cares."""

    def __post_init__(self) -> None:
        for label, about in self.labels:
            if not sayable(label) or (about and not _in_line(about)):
                raise RecipeError(
                    f"label {label!r} ({about!r}) cannot be told to a generator; write both in one "
                    "line of plain text, and the label without a colon"
                )
        if self.answer and not sayable(self.answer):
            raise RecipeError(
                f"answer {self.answer!r} cannot be told to a generator; write one line of plain "
                "text without a colon"
            )
        if self.answer and self.labels and self.answer not in dict(self.labels):
            raise RecipeError(f"answer {self.answer!r} is none of the labels; name one of them")
        if self.voice and not _in_line(self.voice):
            raise RecipeError(f"voice {self.voice!r} cannot be told to a generator; write one word")


def sayable(label: str) -> bool:
    """Whether `katsuo-v1` can carry the label: a line of text, no colon, no marker."""
    return _in_line(label) and ":" not in label


def _in_line(text: str) -> bool:
    marks = (*MARKS, *WISH_MARKS)
    return bool(text.strip()) and "\n" not in text and not any(mark in text for mark in marks)


def katsuo_prompt(context: str, wish: Wish) -> str:
    """The prompt that asks a `katsuo-v1` generator for what `wish` says about `context`."""
    kind = f"{TASKTYPE_MARK}\n{wish.type.full_name}\n"
    return f"{katsuo_prefix(context)}{kind}{_wishes(wish)}{TASK_MARK}\n"


def katsuo_prefix(context: str) -> str:
    """What every `katsuo-v1` prompt about `context` begins with."""
    return f"{CONTEXT_MARK}\n{context.strip()}\n"


def _wishes(wish: Wish) -> str:
    lines: list[str] = []
    if wish.labels:
        told = (f"{label}: {about}" if about else label for label, about in wish.labels)
        lines += [LABELS_MARK, *told]
    if wish.answer:
        lines += [ANSWER_MARK, wish.answer]
    if wish.answerable is not None:
        lines += [ANSWERABLE_MARK, "yes" if wish.answerable else "no"]
    if wish.voice:
        lines += [VOICE_MARK, wish.voice]
    if wish.book:
        lines += [BOOK_MARK, wish.book]
    return "".join(f"{line}\n" for line in lines)


def prompt(context: str, kind: TaskType) -> str:
    """The prompt that asks a `bonito-v1` generator for a task of `kind` about `context`."""
    return f"{TASKTYPE_MARK}\n{kind.full_name}\n{CONTEXT_MARK}\n{context.strip()}\n{TASK_MARK}\n"


def render(draft: Draft, context: str) -> str | Flaw:
    """The completion that a generator should write for `draft`, or why there is none.

    The passage is abstracted to `{{context}}` wherever it stands in the
    instruction or the response. A text that holds a marker, or whose parts
    would not come back unchanged, is refused with a reason.
    """
    passage = context.strip()
    if not passage:
        return Flaw(reason="context-empty")
    parts = tuple(
        part.replace(passage, CONTEXT_SLOT) for part in (draft.instruction, draft.response)
    )
    text = f"{parts[0]}\n{PIPE_MARK}\n{parts[1]}"
    if any(_MARKS_BEGIN in part for part in (passage, *parts)) and any(
        mark in part for mark in MARKS for part in (passage, *parts)
    ):
        return Flaw(reason="marker-in-text")
    if parse(text, context) != draft:
        return Flaw(reason="not-invertible")
    return text


def before_response(
    draft: Draft, context: str, kind: TaskType, form: str
) -> tuple[str, str] | Flaw:
    """What a generator of the format `form` has read once it begins the response of `draft`.

    Returns:
        That text, and the response as it would write it; or why the draft cannot be written.
    """
    text = render(draft, context)
    if isinstance(text, Flaw):
        return text
    instruction, response = text.split(f"{PIPE_MARK}\n")
    asked = katsuo_prompt(context, Wish(type=kind)) if form == KATSUO_V1 else prompt(context, kind)
    return f"{asked}{instruction}{PIPE_MARK}\n", response


def parse(text: str, context: str) -> Draft | Flaw:
    """The draft that a generator's completion stands for, or what is wrong with it.

    A completion counts only if splitting at the pipe marker gives exactly two
    parts (paper, section 3); both must hold more than white space.
    """
    parts = text.split(PIPE_MARK)
    if len(parts) == 1:
        return Flaw(reason="pipe-missing")
    if len(parts) > 2:
        return Flaw(reason="pipe-repeated")
    passage = context.strip()
    instruction, response = (part.strip().replace(CONTEXT_SLOT, passage) for part in parts)
    if not instruction:
        return Flaw(reason="instruction-empty")
    if not response:
        return Flaw(reason="response-empty")
    return Draft(instruction=instruction, response=response)
