"""How does a person change a task's words without touching its passage?

The form shows the instruction with `[the passage]` where it repeats the passage, which is long and
has to stay as it is. Where that cannot be told apart, it shows everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from katsuo.store.decisions import Decision
from katsuo.types import Task

SLOT: Final = "[the passage]"
MOST_CHARS: Final = 100_000
"""Longest instruction or response that a form takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What stands in the two fields."""

    instruction: str
    response: str
    slotted: bool
    """Whether `SLOT` stands for the passage."""

    @property
    def fits(self) -> bool:
        """Whether it may be edited here."""
        return len(self.instruction) <= MOST_CHARS and len(self.response) <= MOST_CHARS


def form_of(draft: Task, decision: Decision) -> Form:
    """The words that stand now: a person's, or else the draft's."""
    instruction, response = draft.instruction, draft.response
    if decision.instruction is not None and decision.response is not None:
        instruction, response = decision.instruction, decision.response
    passage = draft.context.strip()
    slotted = bool(passage) and instruction.count(passage) == 1 and SLOT not in instruction
    if slotted:
        instruction = instruction.replace(passage, SLOT)
    return Form(instruction=instruction, response=response, slotted=slotted)


def edited(draft: Task, decision: Decision, form: Form) -> Decision:
    """`decision` with the words of `form`; without words of its own where they are the draft's.

    The filters decide about new words, so an earlier verdict goes.
    """
    instruction, response = form.instruction, form.response
    if form.slotted:
        instruction = instruction.replace(SLOT, draft.context.strip(), 1)
    if (_lines(instruction), _lines(response)) == (
        _lines(draft.instruction),
        _lines(draft.response),
    ):
        return replace(decision, verdict="", instruction=None, response=None)
    return replace(decision, verdict="", instruction=instruction, response=response)


def _lines(text: str) -> str:
    """`text` as a browser sends it: it knows one end of a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
