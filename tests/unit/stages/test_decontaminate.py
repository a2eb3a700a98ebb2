from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring.overlap import GRAM_WORDS
from katsuo.stages.decontaminate import Known
from katsuo.types import Origin, Task, TaskType

EXAM = "The harbour master shall keep a log of every vessel that enters or leaves after dark."
TASK = Task(
    id="t",
    document_id="d",
    context_id="c",
    context="The mill stands still in winter.",
    type=TaskType.QA,
    instruction="The mill stands still in winter. When does it stand still?",
    response="in winter",
    origin=Origin(generator="g", format="f", seed=0),
)
RUN = " ".join(EXAM.split()[2 : 2 + GRAM_WORDS])


@pytest.mark.parametrize(
    ("task", "said"),
    [
        pytest.param(TASK, False, id="clean"),
        pytest.param(replace(TASK, context=f"Note: {RUN.upper()}!"), True, id="passage"),
        pytest.param(replace(TASK, instruction=f"{RUN}?"), True, id="question"),
        pytest.param(replace(TASK, response=RUN), True, id="answer"),
        pytest.param(replace(TASK, response=RUN.rsplit(" ", 1)[0]), False, id="one-word-too-few"),
    ],
)
def test_thirteen_words_in_a_row_are_no_chance(task: Task, said: object) -> None:
    assert Known([EXAM]).says(task) is said


@pytest.mark.parametrize(
    ("text", "said"),
    [("Who rang the harbour bell?", True), ("Who rang it?", False)],
)
def test_a_short_question_counts_as_a_whole_if_it_has_five_words(text: str, said: object) -> None:
    asked = replace(TASK, instruction=f"{TASK.context} Tell me: {text.lower()} Please.")
    assert Known([text]).says(asked) is said


def test_without_texts_nothing_is_known() -> None:
    assert len(Known()) == 0
    assert not Known([""]).says(TASK)


@given(st.lists(st.sampled_from("abcdef"), min_size=13, max_size=30), st.integers(0, 17))
def test_every_run_of_a_known_text_is_known(letters: list[str], start: int) -> None:
    known = Known([" ".join(letters)])
    run = letters[start : start + GRAM_WORDS]
    assert known.says(replace(TASK, response=" ".join(run))) is (len(run) == GRAM_WORDS)
