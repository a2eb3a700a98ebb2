"""Every task that arrives is kept or leaves a line in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from katsuo.filters.fresh import Fresh
from katsuo.filters.grounded import Grounded
from katsuo.filters.unleaked import Unleaked
from katsuo.filters.well_formed import WellFormed
from katsuo.protocols import Filter, Selector, Signature
from katsuo.stages import curate
from katsuo.types import EXCERPT_CHARS, KEEP, Dropped, Origin, Span, Task, TaskType, Verdict, drop

PASSAGE = (
    "Either party may end this agreement by written notice of sixty days. The supplier shall keep"
    " all records for seven years. Late payment bears interest at four percent a year."
)
EXAM = ("May the supplier share personal data with its advertising partners?",)
FILTERS: list[tuple[str, Filter]] = [
    ("well_formed", WellFormed()),
    ("grounded", Grounded()),
    ("unleaked", Unleaked(texts=EXAM)),
]


def task(kind: TaskType, question: str, response: str, *, id: str = "t") -> Task:
    return Task(
        id=id,
        document_id="d",
        context_id="c",
        context=PASSAGE,
        type=kind,
        instruction=f"{PASSAGE}\n\n{question}",
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


T = TaskType
CORPUS = [
    pytest.param(T.EXQA, "How long must records be kept?", "seven years", "", id="span"),
    pytest.param(T.EXQA, "What interest is due?", "Four percent.", "", id="span-with-full-stop"),
    pytest.param(T.YNQA, "May a party end the agreement at once? Yes or no?", "No", "", id="no"),
    pytest.param(T.YNQA, "Is late payment free? Answer true or false.", "False", "", id="false"),
    pytest.param(T.NLI, "Does it follow: records are kept for years?", "entailment", "", id="nli"),
    pytest.param(T.TE, 'Given that, is "notice is written" true?', "Yes", "", id="te"),
    pytest.param(T.MCQA, "Notice of\n(A) ten days\n(B) sixty days", "B", "", id="letter"),
    pytest.param(T.MCQA, "Notice of ten days or of sixty days?", "sixty days", "", id="inline"),
    pytest.param(T.QA, "What does a late payer owe?", "Interest of four percent.", "", id="qa"),
    pytest.param(T.QG, "Ask about the records.", "How long are records kept?", "", id="qg"),
    pytest.param(
        T.SUMMARIZATION, "Sum up the text above.", "Notice, records and late payment.", "", id="sum"
    ),
    pytest.param(T.TOPIC_CLASS, "What is the topic of this?", "contracts", "", id="topic"),
    pytest.param(T.SENTIMENT, "How does the writer sound?", "neutral", "", id="tone"),
    pytest.param(
        T.EXQA, "How long must records be kept?", "ten years", "in-context", id="invented"
    ),
    pytest.param(T.EXQA, "What must be kept?", "record", "in-context", id="half-a-word"),
    pytest.param(T.EXQA, "What must be kept?", ".", "answer-empty", id="nothing"),
    pytest.param(T.EXQA, "What is said here?", PASSAGE * 2, "answer-too-long", id="two-copies"),
    pytest.param(T.QA, "Who sang it?", "Caruso, in Naples.", "evidence-not-found", id="elsewhere"),
    pytest.param(T.YNQA, EXAM[0], "No", "evaluation-question", id="exam"),
    pytest.param(T.YNQA, "Is notice needed?", "sixty days", "label-not-a-choice", id="no-label"),
    pytest.param(T.NLI, "Is it so that notice is oral?", "It is written.", "label-", id="no-nli"),
    pytest.param(T.MCQA, "Notice of\nA) ten\nB) sixty", "C", "label-", id="no-letter"),
    pytest.param(T.MCQA, "Notice of\nA) ten\nB) ten", "A", "options-repeated", id="options"),
    pytest.param(T.QA, "{{context}} What is due?", "Interest.", "marker-left-over", id="slot"),
    pytest.param(T.QA, "What is due when late?", "what is due " * 9, "loop-in-text", id="loop"),
    pytest.param(T.QA, "What is due?", "What is due? Rent.", "response-echoes", id="echo"),
    pytest.param(T.SUMMARIZATION, "Sum up:", "Notice is due.", "question-missing", id="two-words"),
]


@pytest.mark.parametrize(("kind", "question", "response", "reason"), CORPUS)
def test_the_default_filters_tell_good_tasks_from_bad(
    kind: TaskType, question: str, response: str, reason: str
) -> None:
    kept, dropped = curate.judge([task(kind, question, response)], FILTERS)
    assert len(kept) + len(dropped) == 1
    found = dropped[0].reason if dropped else ""
    assert (reason in found) if reason else (found == "")


class Judge:
    """Says what it was told to say of each id; keeps the others."""

    def __init__(self, **words: Verdict) -> None:
        self.words = words
        self.seen: list[str] = []

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        self.seen += [each.id for each in tasks]
        return [self.words.get(each.id, KEEP) for each in tasks]


class Picker:
    """A selector that drops the ids it was told to drop, last come first."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def select(self, rows: Iterable[Signature]) -> Iterator[tuple[str, Verdict]]:
        for row in reversed(list(rows)):
            yield row.id, drop("picked") if row.id in self.ids else KEEP


SHARD = [task(T.QA, f"Question {name}?", f"answer {name}", id=name) for name in "abcd"]


def test_the_first_filter_that_drops_names_the_reason_and_order_is_kept() -> None:
    first, second = Judge(c=drop("x")), Judge(a=drop("y"), c=drop("z"))
    kept, dropped = curate.judge(SHARD, [("first", first), ("second", second)])
    assert [each.id for each in kept] == ["b", "d"]
    assert [(each.item_id, each.by, each.reason) for each in dropped] == [
        ("a", "second", "y"),
        ("c", "first", "x"),
    ]
    assert second.seen == ["a", "b", "d"]


def test_a_kept_task_carries_what_was_measured_and_found() -> None:
    span, other = Span(start=0, end=3), Span(start=4, end=6)
    first = Judge(a=Verdict(keep=True, score=0.5, evidence=(span,)))
    second = Judge(a=Verdict(keep=True, score=0.25, evidence=(span, other)))
    (kept,), _ = curate.judge(SHARD[:1], [("one", first), ("two", second)])
    assert kept == replace(
        SHARD[0], scores={"one": 0.5, "two": 0.25}, evidence=(span, other)
    )  # fmt: skip
    assert curate.signature_of(kept).score == 0.125


def test_without_filters_all_tasks_pass_as_they_are() -> None:
    assert curate.judge(SHARD, []) == (SHARD, [])


def test_a_ledger_line_shows_the_question_and_the_answer_without_the_passage() -> None:
    assert curate.dropped_by(SHARD[0], "fresh", drop("duplicate-near")) == Dropped(
        item_id="a",
        stage="curate",
        by="fresh",
        reason="duplicate-near",
        excerpt="qa: Question a? -> answer a",
    )
    long = task(T.QA, "why " * 200, "so")
    assert len(curate.dropped_by(long, "f", drop("r")).excerpt) == EXCERPT_CHARS


def test_the_ledger_line_of_a_twin_names_the_task_that_stays() -> None:
    verdict = Verdict(keep=False, reason="duplicate-in-meaning", twin="b")
    found = curate.dropped_by(SHARD[0], "fresh", verdict)
    assert found.excerpt == "twin of b, qa: Question a? -> answer a"


def test_a_signature_knows_the_task_without_its_passage() -> None:
    assert curate.signature_of(task(T.QA, "Why\n so?", "since\nthen")) == Signature(
        id="t", type="qa", score=1, text="qa\nWhy so?\nsince then", document="d"
    )
    empty = replace(SHARD[0], context=" ", instruction="Why?")
    assert curate.signature_of(empty).text == "qa\nWhy?\nanswer a"


def test_a_label_makes_twins_on_one_passage_only() -> None:
    one = task(T.SENTIMENT, "Is the tone warm?", "no", id="a")
    spaced = replace(one, id="b", context=f" {PASSAGE.upper()}", instruction="Is the tone warm?")
    other = replace(one, id="c", context="Rent is due.", instruction="Is the tone warm?")
    rows = [curate.signature_of(each) for each in (one, spaced, other)]
    assert curate.select(rows, [("fresh", Fresh())]) == {"b": ("fresh", drop("duplicate-exact"))}
    free = [replace(each, type=T.QA) for each in (one, other)]
    assert len(curate.select([curate.signature_of(each) for each in free], [("f", Fresh())])) == 1


def test_selectors_follow_one_another_and_only_the_dropped_come_back() -> None:
    signatures = [curate.signature_of(each) for each in SHARD]
    chain: list[tuple[str, Selector]] = [("one", Picker("b")), ("two", Picker("b", "d"))]
    assert curate.select(signatures, chain) == {
        "b": ("one", drop("picked")),
        "d": ("two", drop("picked")),
    }
    assert curate.select(signatures, []) == {}


class Hushed:
    """A rewriter that writes over every response, and drops the rows that say nothing."""

    def rewrite(self, tasks: Sequence[Task]) -> list[Task | Verdict]:
        return [
            replace(each, response="#" * len(each.response)) if each.response else drop("says-none")
            for each in tasks
        ]


def test_a_rewriter_keeps_or_drops_every_task_and_its_ledger_shows_no_text() -> None:
    said, silent = task(T.QA, "Why?", "So.", id="a"), task(T.QA, "Why?", "", id="b")
    kept, gone = curate.rewrite([said, silent], [("hushed", Hushed())])
    assert [(each.id, set(each.response)) for each in kept] == [("a", {"#"})]
    assert [(line.item_id, line.by, line.reason, line.excerpt) for line in gone] == [
        ("b", "hushed", "says-none", "")
    ]
