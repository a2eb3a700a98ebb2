from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from katsuo.errors import DataError
from katsuo.scoring.probes import Kind, SetSpec, probe_of, probes_of, spec_of

Row = Mapping[str, object]


def labelled(*labels: object) -> list[Row]:
    return [
        {"id": f"r{i}", "context": "A passage.", "question": "Is it so?", "label": label}
        for i, label in enumerate(labels)
    ]


def spec(rows: list[Row]) -> SetSpec:
    return spec_of(rows, name="mine", source="mine.jsonl")


@pytest.mark.parametrize(
    ("labels", "kind", "ordered", "roles"),
    [
        pytest.param(
            ["no", "maybe", "yes"],
            Kind.YES_NO,
            ("yes", "no", "maybe"),
            ("yes", "no", "maybe"),
            id="yes-no-maybe",
        ),
        pytest.param(["NO", "Yes"], Kind.YES_NO, ("Yes", "NO"), ("yes", "no"), id="two-in-caps"),
        pytest.param(["no", "Yes", "yes"], Kind.YES_NO, ("Yes", "no"), ("yes", "no"), id="mixed"),
        pytest.param(
            ["Irrelevant", "Relevant"],
            Kind.RELEVANCE,
            ("Relevant", "Irrelevant"),
            ("relevant", "irrelevant"),
            id="relevance",
        ),
        pytest.param(
            ["neutral", "contradiction", "entailment"],
            Kind.NLI,
            ("entailment", "contradiction", "neutral"),
            ("true", "false", "open"),
            id="nli",
        ),
        pytest.param(
            ["NOT_ENOUGH_INFO", "SUPPORTS"],
            Kind.NLI,
            ("SUPPORTS", "NOT_ENOUGH_INFO"),
            ("true", "open"),
            id="fact-checking",
        ),
        pytest.param(
            ["urgent", "later", "never"],
            Kind.LABELS,
            ("later", "never", "urgent"),
            ("later", "never", "urgent"),
            id="labels-of-one's-own",
        ),
        pytest.param(
            ["yes", "unclear"],
            Kind.LABELS,
            ("unclear", "yes"),
            ("unclear", "yes"),
            id="a-word-outside-the-vocabulary",
        ),
    ],
)
def test_the_kind_follows_from_all_labels(
    labels: list[str], kind: Kind, ordered: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    found = spec(labelled(*labels))
    assert (found.kind, found.labels, found.roles) == (kind, ordered, roles)
    assert found == spec_of(reversed(labelled(*labels)), name="mine", source="mine.jsonl")


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"text": ["Lyon", "in Lyon"], "answer_start": [3, 0]}, id="squad"),
        pytest.param(["Lyon", "in Lyon"], id="list"),
    ],
)
def test_answers_make_a_span_set(answers: object) -> None:
    row: Row = {"id": 7, "context": "In Lyon.", "question": "Where? ", "answers": answers}
    found = spec([row])
    probe = probe_of(row, found, 1)
    assert (found.kind, found.labels) == (Kind.SPAN, ())
    assert (probe.id, probe.document_id, probe.question) == ("7", "7", "Where?")
    assert (probe.answers, probe.label) == (("Lyon", "in Lyon"), None)


def test_a_check_makes_a_set_of_its_own_kind_and_travels_as_json() -> None:
    row: Row = {"id": "a", "question": "Say yes.", "check": {"one_of": ["yes"], "lacks": ["no"]}}
    found = spec([row])
    probe = probe_of(row, found, 1)
    assert (found.kind, found.labels, found.roles) == (Kind.CHECK, (), ())
    assert (probe.context, probe.document_id, probe.label) == ("", "a", None)
    assert probe.answers == ('{"lacks": ["no"], "one_of": ["yes"]}',)
    assert probe_of({**row, "context": "A text. "}, found, 1).context == "A text."


def test_a_check_of_an_unknown_name_is_refused_at_its_row() -> None:
    row: Row = {"id": "a", "question": "Say yes.", "check": {"matches": "yes"}}
    with pytest.raises(DataError, match="row 7: check 'matches' is unknown; known are"):
        probe_of(row, spec([row]), 7)


def test_a_column_named_check_beside_a_label_is_just_a_column() -> None:
    rows: list[Row] = [{**row, "check": "seen by Ida"} for row in labelled("yes", "no")]
    assert spec(rows).kind is Kind.YES_NO


def test_a_row_without_an_answer_is_a_question_without_an_answer() -> None:
    row: Row = {"id": "a", "context": "In Lyon.", "question": "When?", "answers": {"text": []}}
    assert probe_of(row, spec([row]), 1).answers == ()


@pytest.mark.parametrize("column", ["question", "claim", "hypothesis"])
def test_the_question_may_be_a_claim_or_a_hypothesis(column: str) -> None:
    row: Row = {"id": "a", "context": "C.", column: "It is so.", "label": "yes"}
    rows = [row, {**row, "id": "b", "label": "NO", "source_document": "page 3"}]
    first, second = probes_of(rows, spec(rows))
    assert first.question == "It is so."
    assert (first.document_id, second.document_id) == ("a", "page 3")
    assert (first.label, second.label) == ("yes", "NO")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([], "mine.jsonl: has no rows", id="empty"),
        pytest.param([{"id": "a"}], "row 1: has neither label nor answers; found id", id="bare"),
        pytest.param(
            [{"label": "yes", "answers": []}], "row 1: has both label and answers", id="both"
        ),
        pytest.param(
            [*labelled("yes"), {"answers": []}], "1 of 2 rows have answers", id="mixed-kinds"
        ),
        pytest.param(
            [*labelled("yes"), {"check": {}}, {"check": {}}],
            "2 of 3 rows have check and 1 of 3 rows have label; split the file",
            id="checks-among-labels",
        ),
        pytest.param(labelled("yes", 1), "row 2: label is 1; write it as a word", id="number"),
        pytest.param(labelled("yes", " "), "row 2: label is ' '", id="blank"),
        pytest.param(labelled("yes", "Yes"), "every row has the label 'Yes'", id="one-label"),
        pytest.param(
            labelled(*(f"answer {i}" for i in range(11))),
            "11 different labels, such as 'answer 0'.*known are yes / no / maybe;",
            id="free-text",
        ),
    ],
)
def test_a_set_that_is_no_set_is_refused_with_place_and_mend(rows: list[Row], message: str) -> None:
    with pytest.raises(DataError, match=message):
        spec(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"id": None}, "row 4: id is None", id="no-id"),
        pytest.param({"id": True}, "row 4: id is True", id="truth-is-no-id"),
        pytest.param({"source_document": 1.5}, "row 4: source_document is 1.5", id="document"),
        pytest.param({"context": None}, "row 4: has no context; found", id="no-context"),
        pytest.param({"context": ""}, "row 4: context is ''", id="blank-context"),
        pytest.param({"question": None}, "no question or claim or hypothesis", id="no-question"),
        pytest.param({"label": "perhaps"}, "row 4: label 'perhaps' is none of yes, no", id="label"),
    ],
)
def test_a_row_that_lacks_something_is_named(change: Row, message: str) -> None:
    rows = labelled("yes", "no")
    with pytest.raises(DataError, match=message):
        probe_of({**rows[0], **change}, spec(rows), 4)


def test_answers_of_another_shape_are_refused() -> None:
    row: Row = {"id": "a", "context": "C.", "question": "Q?", "answers": {"text": "Lyon"}}
    with pytest.raises(DataError, match="row 1: answers is"):
        probe_of(row, spec([row]), 1)


def test_ids_are_unique_in_a_set() -> None:
    rows = [*labelled("yes", "no"), {**labelled("yes")[0]}]
    with pytest.raises(DataError, match="row 3: id 'r0' is that of row 1"):
        list(probes_of(rows, spec(rows)))


@pytest.mark.parametrize(
    ("name", "kind", "n_labels"),
    [
        ("pubmed_qa", Kind.YES_NO, 3),
        ("privacy_qa", Kind.RELEVANCE, 2),
        ("contract_nli", Kind.NLI, 3),
        ("vitaminc", Kind.NLI, 3),
        ("squadshifts_nyt", Kind.SPAN, 0),
    ],
)
def test_the_evaluation_sets_of_the_paper_are_read(name: str, kind: Kind, n_labels: int) -> None:
    if not (folder := os.environ.get("KATSUO_DATA")):
        pytest.skip("KATSUO_DATA names no data folder")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(Path(folder) / "eval" / f"{name}.parquet").to_pylist()
    found = spec_of(rows, name=name, source=name)
    assert (found.kind, len(found.labels)) == (kind, n_labels)
    assert len(list(probes_of(rows, found))) == found.n_probes == len(rows)
