"""The generator's text formats: a task as text, and text as a task again.

    prompt:      <|tasktype|> ⏎ full type name ⏎ <|context|> ⏎ context ⏎ <|task|> ⏎
    completion:  instruction with {{context}} ⏎ <|pipe|> ⏎ response

`bonito-v1` is the format of the published Bonito generators, byte for byte.
`render` and `parse` are inverse: `parse(prompt's context, type, render(task))`
gives the task's instruction and response back. `render` refuses what could not
come back, so the identity holds by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from katsuo.types import Flaw, TaskType

BONITO_V1: Final = "bonito-v1"
"""Name of the published format (PAPER: the library's `Bonito` class)."""

TASKTYPE_MARK: Final = "<|tasktype|>"
CONTEXT_MARK: Final = "<|context|>"
TASK_MARK: Final = "<|task|>"
PIPE_MARK: Final = "<|pipe|>"
MARKS: Final = (TASKTYPE_MARK, CONTEXT_MARK, TASK_MARK, PIPE_MARK)

CONTEXT_SLOT: Final = "{{context}}"
"""Stands for the passage inside a completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An instruction and its response, the passage written out in both."""

    instruction: str
    response: str


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
    if any(mark in part for mark in MARKS for part in (passage, *parts)):
        return Flaw(reason="marker-in-text")
    if parse(text, context) != draft:
        return Flaw(reason="not-invertible")
    return text


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
