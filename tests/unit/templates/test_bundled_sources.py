from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from katsuo import wire
from katsuo.errors import RecipeError
from katsuo.templates import Filled, Record, Row, Source, Template, load_sources
from katsuo.templates.tables import read_rows
from katsuo.types import TaskType

SOURCES: Final = {source.data: source for source in load_sources()}

SPAN: Final[Row] = {
    "context": "The lighthouse at Orrin Point was lit in 1871 by Ada Moss.",
    "question": "Who lit the lighthouse?",
    "answers": {"text": ["Ada Moss"], "answer_start": [49]},
}
PAIR: Final[Row] = {"premise": "The pilot boards at dawn.", "hypothesis": "The pilot is late."}

# One row a source, in which every template's condition holds.
ROWS: Final[dict[str, Row]] = {
    "squad": SPAN,
    "xquad_en": SPAN,
    "quoref": SPAN,
    "qamr": SPAN,
    "boolq": {
        "question": "is the harbour open in winter",
        "passage": "Harbour -- The harbour closes when the ice comes and opens again in April.",
        "label": 0,
    },
    "ropes": {
        "background": "Wet wood burns badly.",
        "situation": "Ines brought wet wood. Karl brought dry wood.",
        "question": "Whose wood burns badly?",
        "answers": {"text": ["Ines"]},
    },
    "fairytaleqa": {
        "story_name": "the-tin-boat",
        "story_section": "The boat was made of tin.\nIt sank because the king\nsat in it.",
        "question": "why did the boat sink",
        "answer1": "the king sat in it.",
        "attribute": "causal relationship",
    },
    "snli": {**PAIR, "label": 2},
    "mnli": {**PAIR, "label": 1},
    "scitail": {**PAIR, "label": "neutral"},
    "qasc": {
        "question": "What melts in the sun?",
        "choices": {"text": ["ice", "stone", "iron", "sand"], "label": ["A", "B", "C", "D"]},
        "answerKey": "A",
        "fact1": "warm things melt ice",
        "fact2": "The sun makes things warm.",
    },
    "cosmos_qa": {
        "context": "I forgot my umbrella , and came home soaked .",
        "question": "Why was the writer wet ?",
        "answer0": "None of the above choices .",
        "answer1": "It had rained .",
        "answer2": "They had gone for a swim .",
        "answer3": "They had spilt some tea .",
        "label": 1,
    },
    "onestop_qa": {
        "title": "A Goat in the Bank",
        "paragraph": "A goat walked into a bank on Monday and ate two forms.",
        "question": "What did the goat eat?",
        "answers": ["Two forms", "A carpet", "Some money", "Nothing"],
    },
    "paws": {"sentence1": "Ann paid Bo .", "sentence2": "Bo was paid by Ann .", "label": 1},
    "rotten_tomatoes": {"text": "a slow , lovely film .", "label": 1},
    "scitldr": {
        "source": ["We weigh bees.", "They are light."],
        "target": ["bees are light"],
        "title": "On the Weight of Bees",
    },
    "dbpedia_14": {"label": 8, "title": "Ulm", "content": "Ulm Minor is a village of nine."},
}

TEMPLATES: Final = [
    pytest.param(source, template, id=f"{source.data}-{template.name}")
    for source in SOURCES.values()
    for template in source.templates
]


def record_of(source: Source, row: Row) -> Record:
    record = source.read(row, seed=5)
    assert isinstance(record, Record)
    return record


def test_there_is_a_row_for_every_source() -> None:
    assert ROWS.keys() == SOURCES.keys()


@pytest.mark.parametrize(("source", "template"), TEMPLATES)
def test_every_template_fits_a_plain_row_and_comes_back_from_the_wire(
    source: Source, template: Template
) -> None:
    source.check(ROWS[source.data])
    record = record_of(source, ROWS[source.data])
    assert template.fits(record)
    filled = template.fill(record)
    assert isinstance(filled, Filled)
    draft = wire.Draft(instruction=filled.instruction, response=filled.response)
    text = wire.render(draft, record.context)
    assert isinstance(text, str)
    assert wire.CONTEXT_SLOT in text
    assert wire.parse(text, record.context) == draft


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_most_real_rows_fill_every_template_they_fit(source: Source) -> None:
    if "KATSUO_DATA" not in os.environ:
        pytest.skip("KATSUO_DATA names no folder of annotated datasets")
    folder = Path(os.environ["KATSUO_DATA"]) / "sources" / source.data
    rows = list(islice(read_rows(folder, source.splits, seed=3), 40))
    source.check(rows[0])
    filled = Counter(
        (template.name, isinstance(template.fill(record), Filled))
        for record in (record_of(source, row) for row in rows)
        for template in source.templates
        if template.fits(record)
    )
    for template in source.templates:
        good, bad = filled[template.name, True], filled[template.name, False]
        assert good > 9 * bad, f"{template.name} fills {good} rows and fails on {bad}"


@pytest.mark.parametrize(
    ("kind", "least"),
    [(TaskType.YNQA, 8), (TaskType.EXQA, 10), (TaskType.NLI, 8), (TaskType.MCQA, 5)],
    ids=str,
)
def test_a_task_type_is_put_in_many_voices(kind: TaskType, least: int) -> None:
    voices = [
        template for s in SOURCES.values() for template in s.templates if template.type is kind
    ]
    assert len({template.instruction for template in voices}) >= least


def test_a_source_goes_by_its_hub_name_or_its_folder() -> None:
    assert load_sources(["super_glue/boolq"]) == load_sources(["boolq"]) == [SOURCES["boolq"]]


def test_an_unknown_source_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"no source is called race; the sources are .*squad"):
        load_sources(["squad", "race"])
