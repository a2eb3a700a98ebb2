from __future__ import annotations

import random

import pytest

from katsuo.scoring import agreement
from katsuo.scoring.agreement import Reading, choices_of

IN_USE = [("No", "Yes"), ("False", "True"), ("supported", "unclear", "refuted")]
LINES = "What waits?\nA) a heron\nB) a boat\nC) a mole"


@pytest.mark.parametrize(
    ("question", "response", "found"),
    [
        pytest.param("Is it? Answer yes or no.", "yes", (("No", "Yes"), 1), id="named"),
        pytest.param("It is. True or false?", "False.", (("False", "True"), 0), id="signs-around"),
        pytest.param("Does it follow?", "Yes", (("No", "Yes"), 1), id="commonest-that-holds-it"),
        pytest.param(
            "Answer Yes, No or Maybe. It waits.",
            "No",
            (("Yes", "Maybe", "No"), 2),
            id="the-longest-that-is-named-in-full",
        ),
        pytest.param(LINES, "b", (("A", "B", "C"), 1), id="letter"),
        pytest.param(LINES, "A mole.", (("a heron", "a boat", "a mole"), 2), id="text-of-a-line"),
        pytest.param(
            LINES, "A) a heron", (("A) a heron", "B) a boat", "C) a mole"), 0), id="whole-line"
        ),
        pytest.param("What? A) one B) two C) three", "B", (("A", "B", "C"), 1), id="in-one-line"),
        pytest.param(
            "What? A) one B) two C) three", "three", (("one", "two", "three"), 2), id="its-texts"
        ),
        pytest.param(
            "What kind?\nPossible answers: Film / Plant / Artist",
            "plant",
            (("Film", "Plant", "Artist"), 1),
            id="strokes",
        ),
        pytest.param(
            "Pick one of these: a dry dock; a mole",
            "a mole",
            (("a dry dock", "a mole"), 1),
            id="semicolons",
        ),
        pytest.param("Is it yes?", "It waits", None, id="no-choice"),
        pytest.param("", "", None, id="nothing"),
    ],
)
def test_choices_are_those_that_the_question_offers(
    question: str, response: str, found: tuple[tuple[str, ...], int] | None
) -> None:
    assert choices_of(question, response, IN_USE) == found


def written(expected: str, said: str | None, name: str = "t") -> Reading:
    return Reading(task_id=name, document_id=name, expected=expected, said=said)


def ranked(expected: str, said: str, nats: tuple[float, ...] = (-1.0, -2.0)) -> Reading:
    return Reading(
        task_id="t",
        document_id="t",
        expected=expected,
        said=said,
        choices=("yes", "no"),
        nats=nats,
    )


@pytest.mark.parametrize(
    ("reading", "agrees"),
    [
        pytest.param(written("the old mole", "Mole, old"), True, id="articles-and-order"),
        pytest.param(written("a b c d", "b x y z"), False, id="a-quarter-is-too-little"),
        pytest.param(written("left quay", "left"), True, id="two-thirds"),
        pytest.param(written("mole", None), False, id="no-answer"),
        pytest.param(ranked("yes", "yes"), True, id="same-choice"),
        pytest.param(ranked("yes", "no"), False, id="other-choice"),
    ],
)
def test_agreement_is_the_same_choice_or_half_the_words(reading: Reading, agrees: bool) -> None:
    assert reading.agrees is agrees


def test_what_always_says_yes_agrees_wholly_by_chance() -> None:
    assert agreement.chance([ranked("yes", "yes")] * 4) == 1.0


def test_chance_is_agreement_with_all_other_tasks() -> None:
    readings = [ranked("yes", "yes"), ranked("no", "no"), ranked("yes", "yes")]
    # 1 of 2, 0 of 2, 1 of 2
    assert agreement.chance(readings) == pytest.approx(1 / 3)


def test_chance_says_nothing_of_a_task_alone() -> None:
    assert agreement.chance([written("mole", "mole"), ranked("yes", "yes")]) is None


def test_chance_of_choices_of_other_words_is_by_place() -> None:
    letters = Reading(
        task_id="u", document_id="u", expected="B", said="A", choices=("A", "B"), nats=(-1.0, -2.0)
    )
    # "yes" (first) against "B" (second): no; "A" (first) against "yes" (first): yes.
    assert agreement.chance([ranked("yes", "yes"), letters]) == 0.5


def test_chance_of_the_same_words_is_by_word_whatever_their_order_and_case() -> None:
    other = Reading(task_id="u", document_id="u", expected="Yes", said="Yes", choices=("No", "Yes"))
    assert agreement.chance([ranked("yes", "yes"), other]) == 1.0


def test_chance_does_not_depend_on_the_order() -> None:
    readings = [written(w, s) for w, s in [("a1", "b1"), ("b1", "b1"), ("c1", "a1"), ("d1", None)]]
    shuffled = random.Random(0).sample(readings, len(readings))
    assert agreement.chance(readings) == agreement.chance(shuffled) == pytest.approx(2 / 12)


def test_a_liking_for_a_word_is_no_vote_when_calibrated() -> None:
    leaning = [ranked("yes", "yes", (-1.0, -3.0 - i % 2)) for i in range(8)]
    assert [one.said for one in agreement.calibrated(leaning)] == ["no", "yes"] * 4


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param([ranked("no", "yes", (-1.0, -3.0))] * 7, id="too-few"),
        pytest.param([written("mole", "boat")] * 9, id="written"),
    ],
)
def test_what_cannot_be_calibrated_stays(readings: list[Reading]) -> None:
    assert agreement.calibrated(readings) == readings


def test_a_reading_comes_back_from_its_row() -> None:
    reading = ranked("yes", "no")
    row = {**reading.row, "choices": list(reading.choices), "nats": list(reading.nats)}
    assert Reading.of(row) == reading
