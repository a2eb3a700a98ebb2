"""A task that asks what an evaluation set asks does not pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from katsuo.errors import RecipeError
from katsuo.filters.unleaked import Leak, Unleaked
from katsuo.types import KEEP, Origin, Task, TaskType, drop

EXAM = (
    "Does aspirin lower the risk of stroke in elderly patients?",
    "Will you sell it?",
    "The receiving party shall not disclose to any third party that the agreement was ever made.",
    "...",
)
CONTEXT = "We asked: does aspirin lower the risk of stroke in elderly patients? It does."


def task(question: str, *, context: str = CONTEXT) -> Task:
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=context,
        type=TaskType.YNQA,
        instruction=f"Read this. {context.strip()}\n\n{question}",
        response="yes",
        origin=Origin(generator="g", format="f", seed=0),
    )


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(EXAM[0], id="verbatim"),
        pytest.param("DOES ASPIRIN LOWER STROKE RISK IN ELDERLY PATIENTS", id="same-content-words"),
        pytest.param("Answer yes or no. Question: Does aspirin lower the stroke risk in elderly"
                     " patients? Say maybe where you cannot tell.", id="in-a-frame"),
        pytest.param('Is it right that "will you sell it?" is asked?', id="short-word-for-word"),
        pytest.param("True or false? In short, to any third party that the agreement was ever made"
                     " or broken, nothing may be said by anyone.", id="eight-words-in-a-row"),
    ],
)  # fmt: skip
def test_a_question_of_the_exam_leaks(question: str) -> None:
    assert Unleaked(texts=EXAM).judge([task(question)]) == [drop("evaluation-question")]


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("Does the text answer its own question?", id="the-passage-is-no-leak"),
        pytest.param("Does aspirin lower fever in children?", id="same-subject"),
        pytest.param("Will you sell the shares, and when?", id="short-in-other-words"),
        pytest.param("Shall the receiving party tell a third party?", id="some-shared-words"),
        pytest.param("...", id="no-words"),
    ],
)
def test_another_question_passes(question: str) -> None:
    assert Unleaked(texts=EXAM).judge([task(question)]) == [KEEP]


def test_a_question_that_is_to_be_written_leaks_too() -> None:
    asked = replace(task("Write a question."), type=TaskType.QG, response=EXAM[0])
    assert Unleaked(texts=EXAM).judge([asked]) == [drop("evaluation-question")]
    assert Unleaked(texts=EXAM).judge([replace(asked, type=TaskType.QA)]) == [KEEP]


def test_without_a_passage_the_whole_instruction_is_the_question() -> None:
    assert Unleaked(texts=EXAM).judge([task(EXAM[1], context=" ")]) == [drop("evaluation-question")]


@pytest.mark.parametrize(
    ("question", "leak"),
    [
        pytest.param(EXAM[0],
                     Leak(set="medicine", document="d0", way="words-in-a-row", overlap=1.0),
                     id="verbatim"),
        pytest.param('Is it right that "will you sell it?" is asked?',
                     Leak(set="sales", document="d1", way="same-words", overlap=1.0), id="short"),
        pytest.param("DOES ASPIRIN LOWER STROKE RISK IN ELDERLY PATIENTS",
                     Leak(set="medicine", document="d0", way="near-duplicate", overlap=1.0),
                     id="near"),
        pytest.param("Does aspirin lower fever in children?", None, id="none"),
    ],
)  # fmt: skip
def test_a_leak_names_the_set_the_document_and_how_near_it_is(
    question: str, leak: Leak | None
) -> None:
    part = Unleaked(texts=EXAM[:2], sets=("medicine", "sales"), documents=("d0", "d1"))
    assert part.leak(task(question)) == leak
    reason = f"evaluation-question-in-{leak.set}" if leak else ""
    assert [verdict.reason for verdict in part.judge([task(question)])] == [reason]


def test_without_an_exam_nothing_leaks() -> None:
    assert Unleaked().judge([task(EXAM[0]), task("Why?")]) == [KEEP, KEEP]


@pytest.mark.parametrize(
    ("texts", "idle"),
    [
        pytest.param((), True, id="no-exam"),
        pytest.param(("...", "?"), True, id="no-words"),
        pytest.param(("Why?",), False, id="a-short-question"),
        pytest.param(EXAM[:1], False, id="a-question"),
    ],
)
def test_a_filter_that_has_nothing_to_compare_with_says_so(
    texts: tuple[str, ...], *, idle: bool
) -> None:
    assert Unleaked(texts=texts).idle is idle


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"max_overlap": 0.0}, r"max_overlap is 0.0; it must lie in", id="share"),
        pytest.param({"texts": EXAM, "sets": ("one",)}, "leave them", id="sets"),
        pytest.param({"gram_words": 0}, "gram_words is 0; it must be >= 1", id="words"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Unleaked(**settings)
