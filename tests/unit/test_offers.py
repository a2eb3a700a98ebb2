"""An answer is held to the words that its instruction offers, and to nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.offers import offers
from katsuo.types import TaskType

T = TaskType
LETTERS = "How long?\nA) ten years\nB) for good, or so\nAnswer:"


def stands(kind: TaskType, question: str, answer: str) -> bool | None:
    """Whether `answer` stands among the offers; None where there are none."""
    found = offers(kind, question)
    return any(offer.has(answer) for offer in found) if found else None


@pytest.mark.parametrize(
    ("kind", "question", "answer"),
    [
        pytest.param(T.YNQA, "Is rent due? Reply with Yes or No.", "yes.", id="case-and-dot"),
        pytest.param(T.YNQA, "Is rent due? (yes/no)", "No", id="stroke-in-brackets"),
        pytest.param(T.YNQA, "Is rent due? yes | no | can't tell", "Can’t tell", id="bars"),  # noqa: RUF001
        pytest.param(T.YNQA, "Ist die Miete fällig? Ja oder Nein", "Nein", id="german"),
        pytest.param(T.YNQA, "Is rent due, yes or no?", "Yes, it is", id="label-and-more"),
        pytest.param(T.YNQA, 'Reply "accept" or "reject".', "reject", id="quotes"),
        pytest.param(T.COREF, 'Is "it" the lease? Yes or No', "Yes", id="coref"),
        pytest.param(T.NLI, "It follows: Yes, No or Maybe?", "maybe", id="three"),
        pytest.param(T.NLI, "The relation is (entailment, neutral, contradiction)", "neutral",
                     id="commas-in-brackets"),
        pytest.param(T.NLI, "Is it supported or refuted, or does the text not say enough?",
                     "not say", id="more-behind-the-or"),
        pytest.param(T.NLI, "Does it hold? Say unsure or yes or no.", "unsure", id="or-in-front"),
        pytest.param(T.NLI, "Given that:\nA. It must.\nB. It may.\nLetter:", "B", id="letter"),
        pytest.param(T.TE, "Is it entailed or not entailed?", "not_entailed", id="underscore"),
        pytest.param(T.SENTIMENT, "Register it as praise or as a complaint.", "complaint",
                     id="small-words"),
        pytest.param(T.SENTIMENT, "positive or negative?", "very positive", id="with-a-degree"),
        pytest.param(T.SENTIMENT, "Attitude (+/-)? Say \"+\" or \"-\".", "+", id="signs"),
        pytest.param(T.SENTIMENT, "Attitude (+ or -):", "-", id="signs-without-quotes"),
        pytest.param(T.SENTIMENT, 'Put it on "fresh" (he likes it) or "rotten" (he does not).',
                     "rotten", id="quotes-with-what-they-mean"),
        pytest.param(T.NLI, "Say yes if it must be so, no if it cannot, maybe if it may.", "maybe",
                     id="labels-with-what-they-mean"),
        pytest.param(T.TE, "Say true only if it is proven, else false.", "false", id="else"),
        pytest.param(T.PARAPHRASE_ID, "Do both ask it (match) or not (mismatch)?", "mismatch",
                     id="labels-in-brackets"),
        pytest.param(T.WSD, "Do they belong under one entry or under different entries?",
                     "different entries", id="under"),
        pytest.param(T.TOPIC_CLASS, "Options: a film, a village / a plant", "Village", id="list"),
        pytest.param(T.TOPIC_CLASS, "Which heading fits: Film, Village, Plant?", "Plant",
                     id="list-behind-a-question"),
        pytest.param(T.MCQA, LETTERS, "a", id="letter-of-a-choice"),
        pytest.param(T.MCQA, LETTERS, "B) for good, or so", id="letter-and-words"),
        pytest.param(T.MCQA, LETTERS, "For good, or so.", id="words-of-a-choice"),
        pytest.param(T.MCQA, "Which? (A) ten years (B) no end", "no end", id="in-one-line"),
        pytest.param(T.MCQA, "Which?\n- ten years\n- no end", "no end", id="dashes"),
        pytest.param(T.MCQA, "Choose from: ten years | no end.", "no end", id="behind-a-colon"),
    ],
)  # fmt: skip
def test_what_is_offered_stands(kind: TaskType, question: str, answer: str) -> None:
    assert stands(kind, question, answer) is True


@pytest.mark.parametrize(
    ("kind", "question", "answer"),
    [
        pytest.param(T.SENTIMENT, "Attitude (+ or -):", "positive", id="word-for-a-sign"),
        pytest.param(
            T.NLI,
            "Yes means it is, No means it is not, Maybe means neither.",
            "unclear",
            id="word-for-an-explained-one",
        ),
        pytest.param(
            T.TE,
            "Answer true only if the note proves it, else false.",
            "wrong",
            id="wrong-for-else-false",
        ),
        pytest.param(
            T.WSD,
            "Do they belong under one entry or under different entries?",
            "same",
            id="same-for-one-entry",
        ),
        pytest.param(T.YNQA, "Is it correct? Reply with Yes or No.", "correct", id="correct"),
        pytest.param(T.YNQA, "Rent is due. True or false?", "Yes", id="yes-for-true"),
        pytest.param(T.YNQA, 'He said "yes". Is that correct or incorrect?', "yes", id="quoted"),
        pytest.param(T.NLI, "Does it follow? Yes, No or Maybe.", "neutral", id="other-labels"),
        pytest.param(T.TE, "Is it entailed or not entailed?", "yes", id="yes-for-entailed"),
        pytest.param(T.PARAPHRASE_ID, "Same or different?", "no", id="no-for-different"),
        pytest.param(T.SENTIMENT, "Is it positive or negative?", "sad", id="feeling"),
        pytest.param(T.TOPIC_CLASS, "Categories: Film, Village, Plant", "Album", id="category"),
        pytest.param(T.COREF, 'Is "it" the lease? Yes or No', "the lease", id="coref"),
        pytest.param(T.MCQA, LETTERS, "C", id="letter-behind-the-last"),
        pytest.param(T.MCQA, f"Of nine years: {LETTERS}", "nine years", id="words-of-the-question"),
        pytest.param(T.MCQA, "Which?\n- ten years\n- no end", "which", id="dashes"),
    ],
)
def test_what_is_not_offered_does_not(kind: TaskType, question: str, answer: str) -> None:
    assert stands(kind, question, answer) is False


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        pytest.param(T.YNQA, "Is the lease for ten or for twelve years?", id="or-in-a-question"),
        pytest.param(T.YNQA, "Does the station lie in zone 1 or 2?", id="numbers"),
        pytest.param(T.NLI, "Does it follow that the yes, no doubt, was meant?", id="commas"),
        pytest.param(T.NLI, "A. It must rain.\nB. It rains.\nDoes B follow?", id="two-texts"),
        pytest.param(T.SENTIMENT, "How does the writer feel?", id="free"),
        pytest.param(T.TOPIC_CLASS, "What is it about: the lease?", id="one-is-no-list"),
        pytest.param(T.PARAPHRASE_ID, 'Is "rent" or "fee" meant twice?', id="quotes-without-a-cue"),
        pytest.param(T.MCQA, "Who paid? The tenant or the owner", id="or-without-letters"),
    ],
)
def test_an_or_alone_offers_nothing(kind: TaskType, question: str) -> None:
    assert stands(kind, question, "yes") is None


@given(
    st.lists(st.sampled_from("yes no maybe true false unclear".split()), min_size=2, unique=True),  # noqa: SIM905
    st.sampled_from([", ", "/", " / ", " | "]),
    st.sampled_from([" or ", ", or ", "/", '" or "']),
    st.data(),
)
def test_of_any_list_its_labels_stand_and_no_other(
    labels: list[str], link: str, last: str, data: st.DataObject
) -> None:
    question = f"Is it so? Say {link.join(labels[:-1])}{last}{labels[-1]}."
    assert stands(T.YNQA, question, data.draw(st.sampled_from(labels)).title() + ".")
    assert stands(T.YNQA, question, "incorrect") is False


def test_a_condition_in_a_question_offers_nothing() -> None:
    question = "Is it right if the tenant leaves, or wrong when the notice comes late?"
    assert stands(T.NLI, question.replace(", or wrong", " and wrong"), "Yes") is None


def test_a_long_run_of_spaces_between_quotes_is_soon_read() -> None:
    question = f'Answer "yes"{" " * 20_000}x "no"'
    assert offers(T.YNQA, question) == []
    assert stands(T.YNQA, f'Answer "yes"{" " * 20_000}or "no"', "maybe") is False
