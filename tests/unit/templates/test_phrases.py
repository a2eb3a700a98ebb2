from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.templates import phrases

TEXT = (
    "Ada Moss lit the lighthouse in 1871. In 1902 Tom Reed and J. B. Vale kept it for 40 years, at "
    "9% of its cost; it burned on 3 May 1910, and Lord Bann's men came on 4 May 1910 with 12 boats."
)


@pytest.mark.parametrize(
    ("answer", "question", "others"),
    [
        pytest.param("1871", "When was it lit?", ["1902", "1910"], id="years"),
        pytest.param("3 May 1910", "When did it burn?", [], id="a-date-that-shares-its-words"),
        pytest.param("40", "How many years?", ["12"], id="numbers-are-no-years-days-or-shares"),
        pytest.param(
            "Ada Moss", "Who lit it?", ["Tom Reed", "J. B. Vale", "Lord Bann"], id="names"
        ),
        pytest.param(
            "Ada Moss", "Was it Tom Reed?", ["J. B. Vale", "Lord Bann"], id="not-the-asked"
        ),
        pytest.param("the cost", "Of what?", [], id="no-kind"),
        pytest.param("", "What?", [], id="empty"),
    ],
)
def test_rivals_are_of_the_kind_of_the_answer(
    answer: str, question: str, others: list[str]
) -> None:
    assert phrases.rivals(answer, TEXT, question) == others


@given(st.text(alphabet="Ab 12.,'%May", max_size=12), st.text(alphabet="Ab 12.,'%May", max_size=60))
def test_no_rival_says_the_answer_again(answer: str, text: str) -> None:
    for rival in phrases.rivals(answer, text):
        assert rival in text
        assert rival != answer.strip()


@pytest.mark.parametrize(
    ("question", "answer", "statement"),
    [
        ("Who lit the lamp?", "Ada Moss", "Ada Moss lit the lamp."),
        ("What is the name of the boat?", "Bream", "The name of the boat is Bream."),
        ("What was Ada's trade?", "fishing.", "Ada's trade was fishing."),
        ("When was the mill built?", "1871", "The mill was built in 1871."),
        ("When was the mill sold?", "3 May 1910", ""),
        ("When was the mill founded?", "3 May 1910", "The mill was founded on 3 May 1910."),
        ("When was the mill founded?", "long ago", ""),
        ("What is the mill made of?", "stone", ""),
        ("Who did Ada see?", "Tom", ""),
        ("How many boats came?", "12", ""),
    ],
)
def test_a_question_of_a_known_form_becomes_a_statement(
    question: str, answer: str, statement: str
) -> None:
    assert phrases.declared(question, answer) == statement


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("One. Two! Three?", ["One.", "Two!", "Three?"], id="marks"),
        pytest.param("Dr. Moss came. He left.", ["Dr. Moss came.", "He left."], id="title"),
        pytest.param("J. Vale came.", ["J. Vale came."], id="initial"),
        pytest.param('"Go." She went.', ['"Go."', "She went."], id="quotes"),
        pytest.param("no capitals. none at all", ["no capitals. none at all"], id="one"),
        pytest.param("", [], id="empty"),
    ],
)
def test_sentences_end_at_marks_before_capitals(text: str, parts: list[str]) -> None:
    assert phrases.sentences(text) == parts


@given(st.text(alphabet='Ab. !?"\n', max_size=40))
def test_sentences_lose_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(phrases.sentences(text)).split()) == "".join(text.split())


def test_the_sentence_with_an_answer_says_it_once() -> None:
    assert phrases.sentence_with("It is. It was, it was. It was red.", "was") == "It was red."
    assert phrases.sentence_with("It is.", "was") == ""


def test_spans_are_what_a_text_says_once() -> None:
    text = "In 1871 Ada Moss lit it; in 1902 Tom Reed did. Ada Moss paid 40 crowns on 3 May 1910."
    assert phrases.spans(text) == ["1871", "1902", "Tom Reed", "40", "3 May 1910"]
