"""Tasks that are spoilt on purpose, for the bench of filters, have the one error that is meant."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from katsuo.types import Origin, Task, TaskType

PATH = Path(__file__).parents[2] / "benchmarks" / "quality" / "errors.py"
CONTEXT = (
    "Ada Moss lit the lighthouse in 1881, before the storm came. Ben Frost kept its log for many "
    "long years and wrote down each ship that passed. The tower is made of grey stone from a "
    "quarry near the harbour, and its lamp burns oil."
)


def _loaded() -> Any:  # noqa: ANN401 -- a module outside the package
    spec = importlib.util.spec_from_file_location("errors", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ERRORS = _loaded()


def task(
    response: str = "Ada Moss",
    *,
    kind: TaskType = TaskType.EXQA,
    question: str = "Who lit the lighthouse?",
    labels: tuple[str, ...] = (),
) -> Task:
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=CONTEXT,
        type=kind,
        instruction=f"{CONTEXT}\n\n{question}",
        response=response,
        labels=labels,
        origin=Origin(generator="g", format="f", seed=0),
    )


def spoilt(kind: str, made: Task, *others: Task) -> Task | None:
    found: Task | None = ERRORS.MAKERS[kind](made, others, random.Random(0))
    return found


def test_a_swapped_answer_is_that_of_another_question_about_the_passage() -> None:
    others = (task("Ben Frost"), task("Moss"), replace(task("Elsewhere"), context="Another."))
    bad = spoilt("swapped answer", task(), *others)
    assert bad is not None
    assert bad.response == "Ben Frost"
    assert spoilt("swapped answer", task(), *others[1:]) is None


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("unanswerable", TaskType.EXQA), ("unanswerable, free answer", TaskType.QA)],
)
def test_a_passage_loses_the_sentence_that_answers(kind: str, type_: TaskType) -> None:
    bad = spoilt(kind, task(kind=type_))
    assert bad is not None
    assert "Ada Moss" not in bad.instruction
    assert bad.context.startswith("Ben Frost kept")
    assert bad.context in bad.instruction
    spaced = replace(task("Nobody", kind=type_), context=CONTEXT.replace(". ", ".  "))
    elsewhere = replace(spaced, instruction=f"{spaced.context}\n\nWho lit it?")
    assert spoilt(kind, elsewhere) is None


def test_a_label_is_given_in_a_word_that_is_not_offered() -> None:
    asked = "Did she light it? Yes or No."
    bad = spoilt(
        "label not offered",
        task("Yes", kind=TaskType.YNQA, question=asked, labels=("Yes", "No")),
    )
    assert bad is not None
    assert bad.response.casefold() in ERRORS.WORDS["yes"]
    assert bad.response not in ("Yes", "No")
    open_ = task("Yes", kind=TaskType.YNQA, question="Did she light it?", labels=("Yes", "No"))
    assert spoilt("label not offered", open_) is None


def test_another_language_stands_in_the_place_of_the_question_or_the_response() -> None:
    asked = spoilt("question in another language", task())
    said = spoilt("response in another language", task(kind=TaskType.QA))
    assert asked is not None
    assert asked.instruction.removeprefix(f"{CONTEXT}\n\n") in ERRORS.german()
    assert said is not None
    assert said.response in ERRORS.german()


@pytest.mark.parametrize(
    "kind",
    ["wrong span", "absent answer", "question of another passage", "swapped answer",
     "unanswerable"],
)  # fmt: skip
def test_a_task_made_to_have_no_answer_has_no_room_for_a_wrong_one(kind: str) -> None:
    other = replace(task("Ben Frost"), context="Elsewhere Cora Vale sang.")
    made = replace(task(), answerable=False)
    assert spoilt(kind, made, other, task("Ben Frost")) is None
