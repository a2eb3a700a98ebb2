"""Extracts stand in their context; other answers are supported by some sentence of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from katsuo.errors import RecipeError
from katsuo.filters.grounded import Grounded
from katsuo.types import KEEP, Origin, Span, Task, TaskType, Verdict, drop

CONTEXT = "The party shall pay within  thirty (30)\ndays. It may appoint an agent, e.g. a bank."
NOT_THERE = drop("answer-not-in-context", score=0.0)


def task(response: str, *, context: str = CONTEXT, kind: TaskType = TaskType.EXQA,
         question: str = "When must it pay?") -> Task:  # fmt: skip
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=context,
        type=kind,
        instruction=f"{context.strip()}\n\n{question}",
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


def quoted(made: Task) -> list[str]:
    """The evidence of a kept task, as text."""
    (verdict,) = Grounded().judge([made])
    assert verdict.keep, verdict
    return [made.context[span.start : span.end] for span in verdict.evidence]


@pytest.mark.parametrize(
    ("response", "context", "evidence"),
    [
        pytest.param("thirty (30)", CONTEXT, ["thirty (30)"], id="verbatim"),
        pytest.param(
            "WITHIN THIRTY (30) DAYS", CONTEXT, ["within  thirty (30)\ndays"], id="case-and-breaks"
        ),
        pytest.param('"an agent."', CONTEXT, ["an agent"], id="signs-around"),
        pytest.param("a, b", "x a, b or a, b", ["a, b", "a, b"], id="every-occurrence"),
        pytest.param("art", "party art", ["art"], id="whole-word-behind-half-a-word"),
        pytest.param("strasse", "Lange STRAßE 5", ["STRAßE"], id="sharp-s"),
        pytest.param("final", "the ﬁnal day", ["ﬁnal"], id="ligature"),
        pytest.param("café", "Cafe\u0301 Nord", ["Cafe\u0301"], id="composed"),
        pytest.param("payment", "the pay\u00adment is", ["pay\u00adment"], id="soft-hyphen"),
        pytest.param("a b", "so a \u200b b", ["a \u200b b"], id="invisible-word"),
        pytest.param("the party's", "x the party’s y", ["the party’s"], id="quote-cut"),  # noqa: RUF001
        pytest.param("Acme", "Buy Acme™ now", ["Acme"], id="trade-mark"),
        pytest.param("20", "at 20℃", ["20"], id="degrees"),
        pytest.param("⒈", "Take ⒈ cup.", ["⒈"], id="figure-with-its-full-stop"),
        pytest.param("ค่าเช่า", "ผู้เช่าจ่ายค่าเช่าทุกเดือน", ["ค่าเช่า"], id="thai"),
        pytest.param("十年", "租约为期十年。", ["十年"], id="no-spaces"),
        pytest.param("ガス", "都市ｶﾞｽ会社", ["ｶﾞｽ"], id="half-width"),
        pytest.param("$30", "US$30 each", ["$30"], id="sign-is-a-word-end"),
    ],
)
def test_an_extract_is_found_where_it_stands(
    response: str, context: str, evidence: list[str]
) -> None:
    made = task(response, context=context)
    assert quoted(made) == evidence
    assert Grounded().judge([made])[0].score == 1.0


@pytest.mark.parametrize(
    ("response", "verdict"),
    [
        pytest.param("art", NOT_THERE, id="half-a-word-is-no-occurrence"),
        pytest.param("sixty days", NOT_THERE, id="invented"),
        pytest.param("  ", drop("answer-empty"), id="blank"),
        pytest.param("agent e.g. a", NOT_THERE, id="words-left-out"),
        pytest.param(" ...", drop("answer-empty"), id="dots"),
        pytest.param("day " * 41, drop("answer-too-long", score=0.0), id="longer-than-an-extract"),
    ],
)
def test_extractive_answers_must_stand_in_the_context(response: str, verdict: object) -> None:
    assert Grounded().judge([task(response)]) == [verdict]


@pytest.mark.parametrize(
    ("response", "context"),
    [
        pytest.param("1", "Take ½ cup.", id="fraction"),
        pytest.param("株式", "これは㍿です", id="square-word"),
        pytest.param("1", "See ⑴ there.", id="bracketed-figure"),
    ],
)
def test_part_of_a_character_is_no_occurrence(response: str, context: str) -> None:
    assert Grounded().judge([task(response, context=context)]) == [NOT_THERE]


def test_a_vowel_sign_is_part_of_its_word() -> None:
    assert Grounded().judge([task("क", context="कि")]) == [NOT_THERE]


@pytest.mark.parametrize(
    ("kind", "question", "response", "evidence"),
    [
        pytest.param(
            TaskType.YNQA, "Is there a bank?", "no", "It may appoint an agent, e.g. a bank.",
            id="label-by-its-question",
        ),
        pytest.param(
            TaskType.QA, "What is due?", "The party pays in thirty days.",
            "The party shall pay within  thirty (30)\ndays.", id="one-sentence",
        ),
        pytest.param(
            TaskType.QA, "Who pays and appoints?", "The party pays, and appoints an agent.",
            CONTEXT, id="two-sentences",
        ),
    ],
)  # fmt: skip
def test_the_best_sentence_is_recorded(
    kind: TaskType, question: str, response: str, evidence: str
) -> None:
    assert quoted(task(response, kind=kind, question=question)) == [evidence]


def test_the_score_is_the_share_of_content_words_found() -> None:
    made = task("maybe", kind=TaskType.YNQA, question="Does the tiger appoint a bank yearly?")
    assert Grounded().judge([made])[0].score == 0.5


def test_a_long_response_is_not_asked_of_one_sentence() -> None:
    tail = " ".join(f"w{i}x" for i in range(60))
    made = task(f"The party pays in thirty days. {tail}", kind=TaskType.SUMMARIZATION)
    assert Grounded().judge([made])[0].score == 0.2


def test_what_no_sentence_speaks_of_is_dropped_with_its_score() -> None:
    made = task("Tigers sleep at noon in Bengal.", kind=TaskType.QA, question="What do they do?")
    assert Grounded().judge([made]) == [drop("evidence-not-found", score=0.0)]


def test_too_few_words_to_be_found_prove_nothing() -> None:
    made = task("yes", kind=TaskType.YNQA, question="Do tigers sleep?")
    assert Grounded().judge([made])[0] == Verdict(keep=True, score=0.0)


@pytest.mark.parametrize("kind", [TaskType.NLI, TaskType.TE, TaskType.SENT_COMP, TaskType.WSD])
def test_a_hypothesis_may_speak_of_something_else(kind: TaskType) -> None:
    made = task("maybe", kind=kind, question="Tigers sleep at noon in Bengal.")
    assert Grounded().judge([made])[0] == Verdict(keep=True, score=0.0)


def test_no_sentence_is_asked_for_the_words_of_wrong_options() -> None:
    options = "\nA) by tigers\n (b) a stock exchange floor\nC. an agent"
    made = task("C", kind=TaskType.MCQA, question=f"Who may the party appoint?{options}")
    assert Grounded().judge([made])[0].score == 1.0


@pytest.mark.parametrize("context", [CONTEXT, "  "])
def test_at_zero_nothing_is_dropped_and_no_evidence_made_up(context: str) -> None:
    made = task("Tigers sleep deeply.", kind=TaskType.QA, question="What?", context=context)
    (verdict,) = Grounded(min_overlap=0).judge([made])
    assert (verdict.keep, verdict.score, verdict.evidence) == (True, 0.0, ())


def test_a_question_without_content_words_passes_unmeasured() -> None:
    made = task("positive", kind=TaskType.SENTIMENT, question="Which of these is it?")
    assert Grounded().judge([made]) == [KEEP]


def test_a_written_question_stands_on_its_own_words_whatever_the_frame_says() -> None:
    frame = "Class 3 reads this page aloud tomorrow morning after breakfast with Ms Bell. Ask."
    made = task("Who may appoint a lawyer?", kind=TaskType.QG, question=frame)
    assert quoted(made) == ["It may appoint an agent, e.g. a bank."]
    stray = replace(made, response="Which tigers appoint themselves at noon?")
    assert Grounded().judge([stray])[0].reason == "evidence-not-found"


@pytest.mark.parametrize("kind", [TaskType.EXQA, TaskType.QA])
def test_a_task_made_to_have_no_answer_is_not_asked_for_evidence(kind: TaskType) -> None:
    made = task("The text does not tell.", kind=kind, question="Where do tigers sleep at noon?")
    assert not Grounded().judge([made])[0].keep
    assert Grounded().judge([replace(made, answerable=False)]) == [KEEP]


def test_sentences_end_at_full_stops_of_other_scripts_and_not_at_initials() -> None:
    made = task("no", kind=TaskType.YNQA, context="猫在家。狗在外。", question="狗?")
    assert Grounded().judge([made])[0].evidence == (Span(start=4, end=8),)
    made = task("no", kind=TaskType.YNQA, context="By U.S. law it is.\n\nElse.", question="law?")
    assert quoted(made) == ["By U.S. law it is."]


def test_tasks_of_one_context_are_judged_each_on_its_own() -> None:
    shard = [task("thirty"), task("sixty"), task("an agent", kind=TaskType.QA), task("agent")]
    assert [each.keep for each in Grounded().judge(shard)] == [True, False, True, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"max_answer_words": 0}, "max_answer_words is 0; it must be >= 1", id="words"),
        pytest.param({"min_overlap": 1.5}, "min_overlap is 1.5; it must lie in", id="share"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Grounded(**settings)
