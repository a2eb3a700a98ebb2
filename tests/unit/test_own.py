from __future__ import annotations

from collections import Counter

import pytest

from katsuo import own
from katsuo.own import OwnTask
from katsuo.types import Flaw, TaskType
from katsuo.wire import Draft

PASSAGE = "The gate opens at dawn."
CLAIM = OwnTask(
    name="stand",
    like=TaskType.NLI,
    answer="label",
    labels={"stimmt": "", "stimmt nicht": ""},
    means={"stimmt": "yes", "stimmt nicht": "no"},
    wordings=("{{ context }}\n{{ question }}\n{{ labels }}",),
)
SPAN = OwnTask(name="span", like=TaskType.QA, answer="span")


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        pytest.param("Does it follow: it opens. Yes, No or Maybe?", "Does it follow: it opens."),
        pytest.param("It opens.\nOptions:\n- Yes\n- No", "It opens."),
        pytest.param("Is it right that it opens?", "Is it right that it opens?"),
        pytest.param("Supported, refuted or unknown?\nIt opens", "It opens"),
    ],
)
def test_known_labels_that_are_offered_make_room_for_the_users(asked: str, question: str) -> None:
    draft = Draft(instruction=f"{PASSAGE}\n{asked}", response="Supported")
    assert own.in_own_words(CLAIM, draft, PASSAGE, 1) == Draft(
        instruction=f"{PASSAGE}\n{question}\nstimmt, stimmt nicht", response="stimmt"
    )


@pytest.mark.parametrize(
    ("task", "draft", "reason"),
    [
        pytest.param(CLAIM, ("It opens.", "Maybe"), "label-without-meaning", id="not-asked-for"),
        pytest.param(CLAIM, ("It opens.", "a lecture"), "label-without-meaning", id="no-label"),
        pytest.param(CLAIM, ("True or false?", "True"), "question-missing", id="labels-alone"),
        pytest.param(SPAN, ("When?", "at noon"), "answer-not-in-context", id="no-span"),
    ],
)
def test_a_draft_that_cannot_be_put_into_own_words_says_why(
    task: OwnTask, draft: tuple[str, str], reason: str
) -> None:
    written = Draft(instruction=f"{PASSAGE}\n{draft[0]}", response=draft[1])
    assert own.in_own_words(task, written, PASSAGE, 1) == Flaw(reason=reason)


def test_a_span_of_the_passage_stays_as_it_is() -> None:
    draft = Draft(instruction=f"{PASSAGE}\nWhen?", response="at dawn")
    assert own.in_own_words(SPAN, draft, PASSAGE, 1) == draft


def test_a_generator_hears_labels_that_it_knows_each_about_as_often() -> None:
    wishes = [own.wish(CLAIM, seed) for seed in range(400)]
    answers = Counter(wish.answer for wish in wishes)
    assert set(answers) == {"Supported", "Refuted"}
    assert min(answers.values()) > 150
    assert dict(wishes[0].labels).keys() == {"Supported", "Refuted", "Not enough information"}
    assert own.known(CLAIM, "stimmt nicht") == "Refuted"


def test_what_stands_in_a_passage_is_no_template() -> None:
    passage = "{{ labels }} and {% raw %}"
    assert own.instruction(CLAIM, passage, "?", 1) == f"{passage}\n?\nstimmt, stimmt nicht"
