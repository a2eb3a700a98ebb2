"""A form takes words and gives them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from katsuo.review.editing import SLOT, edited, form_of
from katsuo.store.decisions import undecided
from katsuo.types import Origin, Task, TaskType

CONTEXT = "The quay is wet."


def task(instruction: str) -> Task:
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=CONTEXT,
        type=TaskType.QA,
        instruction=instruction,
        response="wet",
        origin=Origin(generator="g", format="f", seed=0),
    )


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        pytest.param(f"{CONTEXT}\n\nHow is it?", f"{SLOT}\n\nHow is it?", id="passage-once"),
        pytest.param("How is it?", "How is it?", id="no-passage"),
        pytest.param(f"{CONTEXT} {CONTEXT}", f"{CONTEXT} {CONTEXT}", id="passage-twice"),
        pytest.param(f"{CONTEXT} {SLOT}", f"{CONTEXT} {SLOT}", id="the-slot-is-in-the-text"),
    ],
)
def test_a_slot_stands_for_the_passage_where_it_is_clear(instruction: str, shown: str) -> None:
    assert form_of(task(instruction), undecided(task(instruction))).instruction == shown


@pytest.mark.parametrize("instruction", [f"{CONTEXT}\r\n\r\nHow?", f"{CONTEXT} {SLOT}", "How?"])
def test_a_form_that_comes_back_as_it_was_is_no_edit(instruction: str) -> None:
    form = form_of(task(instruction), undecided(task(instruction)))
    sent = replace(form, instruction=form.instruction.replace("\r\n", "\n"))
    assert not edited(task(instruction), undecided(task(instruction)), sent).is_edit


def test_the_slot_becomes_the_passage_again() -> None:
    draft = task(f"{CONTEXT}\n\nHow is it?")
    form = replace(form_of(draft, undecided(draft)), instruction=f"Read.\n{SLOT}\nHow is it?")
    found = edited(draft, replace(undecided(draft), verdict="keep"), form)
    assert (found.instruction, found.verdict) == (f"Read.\n{CONTEXT}\nHow is it?", "")
    assert form_of(draft, found).instruction == form.instruction
