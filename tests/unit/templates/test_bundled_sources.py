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

SOURCES: Final = load_sources()
MAIN: Final = {
    TaskType.EXQA, TaskType.MCQA, TaskType.QG, TaskType.QA, TaskType.YNQA, TaskType.NLI,
    TaskType.SUMMARIZATION, TaskType.SENTIMENT, TaskType.PARAPHRASE_ID,
}  # fmt: skip

SPAN: Final[Row] = {
    "context": "The lighthouse at Orrin Point was lit in 1871 by Ada Moss. Her brother Tom Reed "
    "kept it for Lord Bann, who owned the coast, until the Harbour Board came.",
    "question": "Who lit the lighthouse?",
    "answers": {"text": ["Ada Moss"], "answer_start": [49]},
}
PAIR: Final[Row] = {"premise": "The pilot boards at dawn.", "hypothesis": "The pilot is late."}
TALE: Final[Row] = {
    "story_name": "the-tin-boat",
    "story_section": "The boat was made of tin. Nobody had asked the smith why.\nIt sank because "
    "the king\nsat in it. All his crowns went down with it.",
    "question": "why did the boat sink",
    "answer1": "the king sat in it.",
    "attribute": "causal relationship",
}
ENTRY: Final[Row] = {
    "label": 8,
    "title": "Ulm Minor",
    "content": "Ulm Minor is a village of nine houses in the hills above the river Sorrel. "
    "It has a mill, a bridge and no road at all.",
}

# Rows of each folder of data; every template fits one of them.
ROWS: Final[dict[str, list[Row]]] = {
    "squad": [SPAN],
    "xquad_en": [SPAN],
    "quoref": [SPAN],
    "qamr": [SPAN],
    "boolq": [
        {
            "question": "is the harbour open in winter",
            "passage": "Harbour -- The harbour closes when the ice comes and opens again in April.",
            "label": 0,
        }
    ],
    "ropes": [
        {
            "background": "Wet wood burns badly.",
            "situation": "Yesterday Ines brought wet wood. Later Karl brought dry wood.",
            "question": "Whose wood burns badly?",
            "answers": {"text": ["Ines"]},
        }
    ],
    "fairytaleqa": [
        {**TALE, "attribute": kind}
        for kind in ("causal relationship", "feeling", "character", "prediction")
    ],
    "snli": [{**PAIR, "label": label} for label in (0, 2)],
    "mnli": [{**PAIR, "label": 2}],
    "scitail": [{**PAIR, "label": "neutral"}],
    "qasc": [
        {
            "question": "What melts in the sun?",
            "choices": {"text": ["ice", "stone", "iron", "sand"], "label": ["A", "B", "C", "D"]},
            "answerKey": "A",
            "fact1": "warm things melt ice",
            "fact2": "The sun makes things warm.",
        }
    ],
    "cosmos_qa": [
        {
            "context": "I forgot my umbrella , and came home soaked .",
            "question": "Why was the writer wet ?",
            "answer0": "None of the above choices .",
            "answer1": "It had rained .",
            "answer2": "They had gone for a swim .",
            "answer3": "They had spilt some tea .",
            "label": 1,
        }
    ],
    "onestop_qa": [
        {
            "title": "A Goat in the Bank",
            "paragraph": "A goat walked into a bank on Monday and ate two forms.",
            "question": "What did the goat eat?",
            "answers": ["Two forms", "A carpet", "Some money", "Nothing"],
        }
    ],
    "paws": [{"sentence1": "Ann paid Bo .", "sentence2": "Bo was paid by Ann .", "label": 1}],
    "rotten_tomatoes": [{"text": "a slow , lovely film .", "label": 1}],
    "scitldr": [
        {
            "source": ["We weigh bees.", "They are light."],
            "target": ["bees are light"],
            "title": "On the Weight of Bees",
        }
    ],
    "dbpedia_14": [ENTRY],
    "copa": [
        {
            "premise": "The kettle whistled.",
            "choice1": "The water boiled.",
            "choice2": "The cat slept.",
            "question": "cause",
            "label": 0,
        }
    ],
    "gap": [
        {
            "Text": "Ruth Vale taught in Penn until Clara Moor came. The school then paid for her "
            "house, and Ruth left.",
            "Pronoun": "her",
            "Pronoun-offset": 74,
            "A": "Ruth Vale",
            "A-coref": False,
            "B": "Clara Moor",
            "B-coref": True,
        }
    ],
    "go_emotions": [{"text": "thank you so much, that made my day", "labels": [15]}],
    "hellaswag": [
        {
            "ctx": "A man stands by a boat. he",
            "endings": ["pushes it out.", "eats the oars.", "sings a wall.", "folds the sea."],
            "source_id": "activitynet~v_1",
            "label": "0",
        }
    ],
    "movie_reviews": [{"text": "a dull start .\nbut what an end !", "label": 1}],
    "poem_sentiment": [{"verse_text": "and all the bells were ringing", "label": 1}],
    "sentiment_labelled_sentences": [{"text": "The soup was cold.", "label": 0, "source": "yelp"}],
    "wic_wordnet": [
        {
            "word": "bank",
            "sentence1": "the bank of the river",
            "sentence2": "she paid it into the bank",
            "start1": 4,
            "end1": 8,
            "label": 0,
        }
    ],
    "wsc": [
        {
            "text": "The jug fell on the plate and it broke in two.",
            "span1_text": "the plate",
            "span2_text": "it",
            "label": 1,
        }
    ],
    "ni_task023_cosmosqa_question_generation": [
        {"inputs": "Context: I missed the boat again .", "targets": ["Why was I late ?"]}
    ],
    "ni_task033_winogrande_answer_generation": [
        {"inputs": "The jug fell on the plate and the _ broke .", "targets": ["plate"]}
    ],
    "ni_task059_ropes_story_generation": [
        {"inputs": "Background Paragraph: Salt melts ice.", "targets": ["Ines salted her steps."]}
    ],
    "ni_task1195_disflqa_disfluent_to_fluent_conversion": [
        {"inputs": "When no where did the boat sink?", "targets": ["Where did the boat sink?"]}
    ],
    "ni_task1540_parsed_pdfs_summarization": [
        {"inputs": "We weigh bees on a scale.", "targets": ["Weighing Bees"]}
    ],
    "ni_task1637_doqa2.1_cooking_text_summarization": [
        {"inputs": "My soup is too salty. Any help?", "targets": ["How to save a salty soup?"]}
    ],
    "ni_task1638_doqa2.1_movies_text_summarization": [
        {"inputs": "He leaves the boat. But why?", "targets": ["Why does he leave the boat?"]}
    ],
    "ni_task203_mnli_sentence_generation": [
        {
            "inputs": f"Statement: The mill stands still.\nLabel: {relation}.\nGenre: travel.",
            "targets": ["The mill does not move"],
        }
        for relation in ("entailment", "contradiction")
    ],
    "ni_task275_enhanced_wsc_paraphrase_generation": [
        {"inputs": f"sentence: Ann paid Bo . aspect: {aspect}", "targets": ["Bo was paid ."]}
        for aspect in ("Tense", "Voice")
    ],
    "ni_task455_swag_context_generation": [
        {"inputs": "She closes the lid.", "targets": ["She packs the last cup"]}
    ],
    "ni_task461_qasper_question_generation": [
        {"inputs": "We weigh bees on a scale.", "targets": ["What do they weigh?"]}
    ],
    "ni_task769_qed_summarization": [
        {"inputs": "Ulm Minor is a village .", "targets": ["Ulm Minor"]}
    ],
    "ni_task770_pawsx_english_text_modification": [
        {"inputs": "Ann paid Bo .", "targets": ["Bo was paid by Ann ."]}
    ],
    "ni_task891_gap_coreference_resolution": [
        {"inputs": "Ruth left when **she** could.", "targets": ["Ruth"]}
    ],
}

TEMPLATES: Final = [
    pytest.param(source, template, id=f"{source.data}-{template.name}")
    for source in SOURCES
    for template in source.templates
]


def record_of(source: Source, row: Row) -> Record:
    record = source.read(row, seed=5)
    assert isinstance(record, Record)
    return record


def test_there_are_rows_for_every_source() -> None:
    assert ROWS.keys() == {source.data for source in SOURCES}


@pytest.mark.parametrize(("source", "template"), TEMPLATES)
def test_every_template_fits_a_plain_row_and_comes_back_from_the_wire(
    source: Source, template: Template
) -> None:
    rows = ROWS[source.data]
    source.check(rows[0])
    fitting = [r for row in rows if template.fits(r := record_of(source, row))]
    assert fitting
    for record in fitting:
        filled = template.fill(record)
        assert isinstance(filled, Filled)
        draft = wire.Draft(instruction=filled.instruction, response=filled.response)
        text = wire.render(draft, record.context)
        assert isinstance(text, str)
        assert wire.CONTEXT_SLOT in text
        assert wire.parse(text, record.context) == draft


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.data}-{source.context}")
def test_most_real_rows_fill_every_template_they_fit(source: Source) -> None:
    if "KATSUO_DATA" not in os.environ:
        pytest.skip("KATSUO_DATA names no folder of annotated datasets")
    folder = Path(os.environ["KATSUO_DATA"]) / "sources" / source.data
    rows = list(islice(read_rows(folder, source.splits, seed=3), 120))
    source.check(rows[0])
    records = [record for row in rows if isinstance(record := source.read(row, 5), Record)]
    assert len(records) > 0.6 * len(rows)
    filled = Counter(
        (template.name, isinstance(template.fill(record), Filled))
        for record in records
        for template in source.templates
        if template.fits(record)
    )
    for template in source.templates:
        good, bad = filled[template.name, True], filled[template.name, False]
        assert good > 9 * bad, f"{template.name} fills {good} rows and fails on {bad}"


@pytest.mark.parametrize(
    ("kind", "least"),
    [(kind, 12 if kind in MAIN else 4) for kind in TaskType],
    ids=str,
)
def test_a_task_type_is_put_in_many_ways(kind: TaskType, least: int) -> None:
    ways = [template for s in SOURCES for template in s.templates if template.type is kind]
    assert len({template.instruction for template in ways}) >= least


def test_no_two_templates_say_the_same() -> None:
    said = Counter(template.instruction for s in SOURCES for template in s.templates)
    assert [words for words, n in said.items() if n > 1] == []
    assert len(said) >= 160


def test_a_source_goes_by_its_hub_name_or_its_folder() -> None:
    by_name = load_sources(["super_glue/boolq"])
    assert by_name == load_sources(["boolq"])
    assert [source.data for source in by_name] == ["boolq"]


def test_a_source_may_be_there_twice_with_other_passages() -> None:
    whole, opening = load_sources(["fairytaleqa"])
    assert whole.name == opening.name
    assert whole.context != opening.context


def test_an_unknown_source_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"no source is called race; the sources are .*squad"):
        load_sources(["squad", "race"])
