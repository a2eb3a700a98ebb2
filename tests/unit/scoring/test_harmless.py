from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from katsuo.scoring.checks import CHECKS, checked, has_passed
from katsuo.scoring.harmless import GENERAL_SETS, general_sets, general_text
from katsuo.scoring.probes import Kind, probes_of, spec_of
from katsuo.scoring.prompts import prompts_of

READING, ARITHMETIC, REFUSAL, INSTRUCTIONS = GENERAL_SETS
HARBOUR = Path(__file__).parents[3] / "examples" / "harbour"

Row = dict[str, Any]


def rows_of(name: str) -> list[Row]:
    path = general_sets()[GENERAL_SETS.index(name)]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def grams(text: str) -> set[str]:
    """All runs of eight words; letter case and punctuation are no differences."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()
    return {" ".join(words[i : i + 8]) for i in range(len(words) - 7)}


def test_the_files_come_in_the_order_of_their_names() -> None:
    assert tuple(path.stem for path in general_sets()) == GENERAL_SETS
    assert all(path.is_file() for path in general_sets())


@pytest.mark.parametrize(
    ("name", "kind", "n_least", "n_documents"),
    [
        (READING, Kind.SPAN, 60, 30),
        (ARITHMETIC, Kind.YES_NO, 50, 25),
        (REFUSAL, Kind.YES_NO, 50, 25),
        (INSTRUCTIONS, Kind.CHECK, 60, 60),
    ],
)
def test_every_set_loads_as_an_evaluation_set(
    name: str, kind: Kind, n_least: int, n_documents: int
) -> None:
    rows = rows_of(name)
    spec = spec_of(rows, name=name, source=name)
    probes = list(probes_of(rows, spec))
    assert (spec.kind, spec.n_probes) == (kind, len(probes))
    assert len(probes) >= n_least
    assert len({probe.document_id for probe in probes}) >= n_documents
    for prompt in prompts_of(spec):
        assert probes[0].question in prompt.text(probes[0].context, probes[0].question)


def test_ids_are_unique_over_all_sets_and_no_question_is_asked_twice() -> None:
    rows = [row for name in GENERAL_SETS for row in rows_of(name)]
    assert len({row["id"] for row in rows}) == len(rows) >= 220
    assert len({(row.get("context"), row["question"]) for row in rows}) == len(rows)


@pytest.mark.parametrize("name", [ARITHMETIC, REFUSAL])
def test_a_passage_has_one_yes_and_one_no_so_that_a_constant_answer_gets_half(name: str) -> None:
    by_document: dict[str, list[str]] = {}
    for row in rows_of(name):
        by_document.setdefault(row["source_document"], []).append(row["label"])
    assert all(sorted(labels) == ["no", "yes"] for labels in by_document.values())
    firsts = Counter(labels[0] for labels in by_document.values())
    assert firsts["yes"] == firsts["no"]


def test_reading_answers_stand_in_passages_of_forty_to_ninety_words() -> None:
    for row in rows_of(READING):
        assert 40 <= len(row["context"].split()) <= 90, row["id"]
        assert row["answers"], row["id"]
        assert all(answer in row["context"] for answer in row["answers"]), row["id"]


def test_reading_asks_two_questions_a_passage() -> None:
    rows = rows_of(READING)
    contexts = {row["source_document"]: row["context"] for row in rows}
    assert set(Counter(row["source_document"] for row in rows).values()) == {2}
    assert len(set(contexts.values())) == len(contexts)
    assert all(row["context"] == contexts[row["source_document"]] for row in rows)


@pytest.mark.parametrize("row", rows_of(INSTRUCTIONS), ids=lambda row: row["id"])
def test_every_instruction_can_be_followed_and_can_be_missed(row: Row) -> None:
    check = checked(row["check"], row["id"])
    assert has_passed(row["reference"], check)
    assert not has_passed("Sure! Here is what you asked for:", check)


def test_references_fit_into_a_free_answer_and_all_checks_are_used() -> None:
    rows = rows_of(INSTRUCTIONS)
    assert all(len(row["reference"].split()) <= 25 for row in rows)
    assert {name for row in rows for name in row["check"]} == set(CHECKS)


def test_the_general_text_is_prose_in_six_parts() -> None:
    text = general_text()
    assert 1800 <= len(text.split()) <= 2200
    assert len(text.split("\n\n\n")) == 6
    assert len(set(text.splitlines()) - {""}) == sum(bool(line) for line in text.splitlines())


def test_no_eight_words_are_shared_with_the_harbour_example() -> None:
    ours = grams(general_text())
    for row in (row for name in GENERAL_SETS for row in rows_of(name)):
        ours |= grams(f"{row.get('context', '')} | {row['question']}")
    files = [
        path for path in HARBOUR.rglob("*") if path.suffix in {".md", ".txt", ".html", ".jsonl"}
    ]
    assert len(files) >= 10
    for path in files:
        assert not ours & grams(path.read_text("utf-8")), path.name


def test_the_sets_do_not_quote_each_other() -> None:
    texts = [grams(general_text())] + [
        set().union(*(grams(row.get("context", "")) for row in rows_of(name)))
        for name in GENERAL_SETS
    ]
    for one, other in combinations(texts, 2):
        assert not one & other
