"""A task is no task for one of a dozen plain reasons; anything odd but possible passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from katsuo.errors import RecipeError
from katsuo.filters.well_formed import WellFormed
from katsuo.types import KEEP, Origin, Task, TaskType, drop

LEASE = "The lease starts on 1 May and runs for ten years. The tenant pays the rent monthly."
CHOICES = "\nHow long does it run?\nA) five years\nB) ten years\nC) a decade or so\nAnswer:"
INLINE = "How long does the lease run? (A) five years (B) ten years (C) no end"


def task(kind: TaskType, question: str, response: str, *, context: str = LEASE) -> Task:
    """A task about the lease; `question` may say where the passage stands."""
    template = question if "PASSAGE" in question or not context else f"PASSAGE\n\n{question}"
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=context,
        type=kind,
        instruction=template.replace("PASSAGE", context.strip()),
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


def bare(kind: TaskType, instruction: str, response: str) -> Task:
    """A task whose instruction does not hold the passage."""
    made = task(kind, "", response, context="")
    return replace(made, context=LEASE, instruction=instruction)


PACHT = (
    "Der Wochenmarkt findet jeden Mittwoch und Samstag auf dem Lindenplatz statt. Wer einen Stand "
    "betreiben will, beantragt ihn spätestens zehn Tage vorher beim Ordnungsamt."
)
WHEN = "On which days of the week is the market held in this town?"
FREE = "The market is held twice a week, on Wednesday and on Saturday."

T = TaskType
GOOD = [
    pytest.param(task(T.EXQA, "When does the lease start?", "1 May"), id="span"),
    pytest.param(task(T.YNQA, "Does the lease run for ten years?", "Yes."), id="yes"),
    pytest.param(task(T.YNQA, "Läuft der Vertrag zehn Jahre?", "Ja"), id="ja"),
    pytest.param(
        task(T.YNQA, "Is it about rent? Say Relevant or Irrelevant.", "Irrelevant"), id="offered"
    ),
    pytest.param(task(T.NLI, "Does it follow that the rent is low?", "Neutral"), id="nli"),
    pytest.param(task(T.TE, "Does it follow that rent is due?", "not_entailment"), id="te"),
    pytest.param(
        task(T.NLI, 'Choose "it fits", "it clashes" or "open": rent is low.', '"It clashes"'),
        id="quoted-labels",
    ),
    pytest.param(task(T.MCQA, CHOICES, "B"), id="letter"),
    pytest.param(task(T.MCQA, CHOICES, "(b)"), id="small-letter-in-brackets"),
    pytest.param(task(T.MCQA, CHOICES, "B) ten years"), id="letter-and-words"),
    pytest.param(task(T.MCQA, CHOICES, "a decade or so"), id="words-that-begin-like-a-letter"),
    pytest.param(task(T.MCQA, INLINE, "ten years"), id="option-in-one-line"),
    pytest.param(
        task(T.MCQA, "Which is it?\n- ten years\n- 5 years", "Ten years."), id="dashed-options"
    ),
    pytest.param(task(T.SENTIMENT, "How does the writer feel?", "rather calm"), id="free-label"),
    pytest.param(task(T.QA, "What is it about? PASSAGE", "A lease of ten years."), id="qa"),
    pytest.param(
        task(T.QG, "Write a question about the text.", "When does the lease start?"), id="qg"
    ),
    pytest.param(
        task(T.QA, "How is it written?", "as {{ name }}", context="The slot is {{ name }} here."),
        id="braces-of-the-passage",
    ),
    pytest.param(
        task(T.QA, "What are the rules?", "No pets. No noise. No smoking. No parties. No bikes."),
        id="a-list-is-no-loop",
    ),
    pytest.param(
        task(T.EXQA, "租约什么时候开始?", "五月一日", context="租约从五月一日开始,为期十年。"),
        id="no-spaces",
    ),
    pytest.param(
        task(T.QA, "When does it start?", "1 May", context="It starts\non  1 May, at noon."),
        id="passage-as-it-is",
    ),
    pytest.param(
        bare(T.TEXT_GEN, "Write a text titled: the lease.", LEASE), id="passage-to-be-written"
    ),
    pytest.param(task(T.YNQA, "هل يدفع المستأجر الإيجار؟", "نعم"), id="other-script"),
    pytest.param(task(T.YNQA, "Is it true??? Is rent due?!", "No"), id="question-and-emphasis"),
    pytest.param(
        task(T.MCQA, "Which? (A) why? (B) who? (C) when?", "C"), id="options-are-questions"
    ),
    pytest.param(
        task(T.YNQA, "Is it one of questions?", "yes", context="Who? What? When? asked the tenant"),
        id="questions-of-the-passage",
    ),
    pytest.param(
        task(T.QA, "It starts on 1 May. When does it end?", "later", context=" "), id="no-passage"
    ),
    pytest.param(
        task(T.EXQA, "An welchen Tagen der Woche wird der Markt gehalten?", "Samstag",
             context=PACHT), id="german",
    ),
    pytest.param(
        task(T.YNQA, "Does it say so in the text above?", "Yes", context="Lindenplatz 7"),
        id="passage-too-short-to-have-a-language",
    ),
    pytest.param(
        task(T.EXQA, "When is the market held?", "Samstag", context=PACHT),
        id="question-too-short-to-have-a-language",
    ),
    pytest.param(
        task(T.EXQA, "An welchen Tagen ist Markt?", FREE, context=PACHT),
        id="extracts-are-the-business-of-others",
    ),
    pytest.param(
        replace(task(T.YNQA, WHEN, "yes", context=PACHT), name="open", labels=("yes", "no")),
        id="own-words-for-an-own-task-type",
    ),
]  # fmt: skip
BAD = [
    pytest.param(bare(T.QA, "What is it?", "A lease"), "instruction-too-short", id="short"),
    pytest.param(task(T.QA, "When does it start?", " \n"), "response-empty", id="blank"),
    pytest.param(task(T.QA, "When does it start?", "\u200b"), "response-empty", id="invisible"),
    pytest.param(
        task(T.YNQA, "When? Why? And is it so?", "Yes"), "several-questions", id="three-questions"
    ),
    pytest.param(task(T.QA, "why " * 301, "so"), "instruction-too-long", id="long"),
    pytest.param(task(T.QA, "What is said?", "rent " * 401), "response-too-long", id="lecture"),
    pytest.param(
        bare(T.QA, "When does the lease start?", "1 May"), "instruction-lacks-context", id="lost"
    ),
    pytest.param(task(T.SUMMARIZATION, "TL;DR", "A lease."), "question-missing", id="no-question"),
    pytest.param(
        task(T.QA, "What does {{passage}} say?", "rent"), "marker-left-over", id="slot-left"
    ),
    pytest.param(
        task(T.QA, "When does it start?", "1 May <|pipe|> 2 May"), "marker-left-over", id="pipe"
    ),
    pytest.param(
        task(T.QA, "When does it start?", "1 May<|im_end|>"), "marker-left-over", id="chat"
    ),
    pytest.param(task(T.QA, "When does it start? [/INST]", "1 May"), "marker-left-over", id="inst"),
    pytest.param(
        task(T.QA, "When does it start?", "1 May\n### Response: 1 May"),
        "marker-left-over",
        id="heading",
    ),
    pytest.param(
        task(T.QG, "When does it start?", "when does it  start?"),
        "response-echoes-instruction",
        id="question-again",
    ),
    pytest.param(
        task(T.QA, "When does it start?", "When does it start? 1 May"),
        "response-echoes-instruction",
        id="question-before-answer",
    ),
    pytest.param(
        task(T.PARAPHRASE, "Say this in other words.", LEASE.upper()),
        "response-echoes-instruction",
        id="passage-again",
    ),
    pytest.param(
        task(T.TEXT_GEN, "Go on with this text.", LEASE),
        "response-echoes-instruction",
        id="passage-for-a-new-text",
    ),
    pytest.param(task(T.QA, "What is due?", "the rent is due and " * 6), "loop-in-text", id="loop"),
    pytest.param(task(T.QA, "Is it so " * 8, "rent"), "loop-in-text", id="question-loops"),
    pytest.param(
        task(T.QA, "何が?説明してください。", "家賃を払う" * 6),
        "loop-in-text",
        id="loop-without-spaces",
    ),
    pytest.param(
        task(T.YNQA, "Does it run for long?", "Ten years"), "label-not-a-choice", id="lecture-yn"
    ),
    pytest.param(
        task(T.YNQA, "Does it run for ten years?", "ten years"), "label-not-a-choice", id="quote"
    ),
    pytest.param(task(T.YNQA, "Is the rent low?", "..."), "label-not-a-choice", id="dots"),
    pytest.param(
        task(T.NLI, "Does it follow that rent is low?", "the rent is monthly"),
        "label-not-a-choice",
        id="sentence-for-a-label",
    ),
    pytest.param(task(T.MCQA, CHOICES, "D"), "label-not-a-choice", id="letter-not-offered"),
    pytest.param(task(T.MCQA, CHOICES, "B) nine years"), "label-not-a-choice", id="other-words"),
    pytest.param(task(T.MCQA, CHOICES, "nine years"), "label-not-a-choice", id="not-an-option"),
    pytest.param(
        task(T.MCQA, "How long?\nA) ten years\nB) Ten years", "A"), "options-repeated", id="twice"
    ),
    pytest.param(
        task(T.YNQA, "Is the rent due monthly? Reply with Yes or No.", "correct"),
        "label-not-offered",
        id="correct-for-yes",
    ),
    pytest.param(
        task(T.SENTIMENT, "Is the writer pleased? Answer (yes/no).", "positive"),
        "label-not-offered",
        id="positive-for-yes",
    ),
    pytest.param(
        task(T.COREF, 'Does "it" stand for the lease? True or false?', "the lease"),
        "label-not-offered",
        id="name-for-true",
    ),
    pytest.param(
        task(T.EXQA, WHEN, "Samstag", context=PACHT),
        "instruction-in-other-language",
        id="english-about-german",
    ),
    pytest.param(
        task(T.QA, PACHT.partition(".")[0], "rent"),
        "instruction-in-other-language",
        id="german-about-english",
    ),
    pytest.param(
        task(T.QA, "An welchen Tagen ist Markt?", FREE, context=PACHT),
        "response-in-other-language",
        id="english-answer",
    ),
    pytest.param(
        task(
            T.QA,
            "What does she do?",
            PACHT.partition(".")[0],
            context="A woman lies on her back doing abs. the woman",
        ),
        "response-in-other-language",
        id="german-about-what-is-likely-english",
    ),
]


@pytest.mark.parametrize("good", GOOD)
def test_a_real_task_passes(good: Task) -> None:
    assert WellFormed().judge([good]) == [KEEP]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_what_is_no_task_leaves_with_its_reason(bad: Task, reason: str) -> None:
    assert WellFormed().judge([bad]) == [drop(reason)]


def test_a_passage_may_be_wrapped_otherwise_in_the_instruction() -> None:
    wrapped = bare(T.EXQA, LEASE.replace(" ", "\n") + " When does the lease start?", "1 May")
    assert WellFormed().judge([wrapped]) == [KEEP]


def test_a_long_passage_is_no_long_instruction_however_it_is_wrapped() -> None:
    passage = " ".join(f"clause{i}" for i in range(400))
    for spaced in (passage, passage.replace(" ", "\n"), passage.title().replace(" ", "  ")):
        made = bare(T.EXQA, f"{spaced}\n\nWhat is the first clause?", "clause0")
        assert WellFormed().judge([replace(made, context=passage)]) == [KEEP]


def test_the_passage_offers_nothing() -> None:
    made = task(T.YNQA, "Is that how it was put?", "correct", context="Say yes or no, he asked.")
    assert WellFormed().judge([made]) == [KEEP]


def test_a_users_own_labels_are_not_held_to_the_words_of_the_instruction() -> None:
    made = task(T.SENTIMENT, "Is the writer pleased? Answer yes or no.", "praise")
    assert WellFormed().judge([replace(made, name="tone")]) == [KEEP]


def test_limits_are_settings() -> None:
    strict = WellFormed(max_response_words=1)
    assert strict.judge([task(T.EXQA, "When does it start?", "1 May")]) == [
        drop("response-too-long")
    ]


def test_a_limit_below_one_is_refused_by_its_name() -> None:
    with pytest.raises(RecipeError, match=r"curate\.well_formed\.min_question_words is 0"):
        WellFormed(min_question_words=0)


def test_the_language_is_not_looked_at_where_any_will_do() -> None:
    made = task(T.EXQA, WHEN, "Samstag", context=PACHT)
    assert WellFormed(languages="any").judge([made]) == [KEEP]


def test_a_wish_for_one_language_is_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"well_formed\.languages is 'de'; it must be same or any"
    ):
        WellFormed(languages="de")
