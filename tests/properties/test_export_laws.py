"""Exports: what stands in a task comes out as text, in one line; no choice betrays itself."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from katsuo.export.choices import Ranked, ranked
from katsuo.export.formats import Facts, Shaped
from katsuo.export.lines import line, plain
from katsuo.export.rows import Place, Row, lineage
from katsuo.export.table import FORMATS
from katsuo.types import Origin, Pair, Task, TaskType

anything = st.text(st.characters(), max_size=60)  # halves of surrogate pairs included
CLOSED = [kind for kind in TaskType if kind.closed_choice]


def row(prompt: str, target: str, kind: TaskType = TaskType.QA) -> Row:
    task = Task(
        id="t",
        document_id="d",
        context_id="c",
        context=prompt,
        type=kind,
        instruction=prompt,
        response=target,
        origin=Origin(generator="g", format="f", seed=1),
    )
    place = Place(source=target, start=0, end=len(prompt))
    return Row(task=task, pair=Pair(prompt=prompt, target=target), book="open", place=place)


def said(columns: object) -> list[str]:
    """All texts in a row of a trainer but the names of roles."""
    found = columns.values() if isinstance(columns, dict) else columns
    if isinstance(found, str):
        return [found]
    inner = [text for one in found for text in ([one] if isinstance(one, str) else said(one))]  # type: ignore[attr-defined]  # JSON
    return [text for text in inner if text not in ("user", "assistant", "human", "gpt")]


@given(anything, anything)
def test_every_trainer_reads_the_texts_that_were_there(prompt: str, target: str) -> None:
    one = row(f"> {prompt}", f"> {target}")
    for name in ("trl", "axolotl", "llama-factory", "unsloth", "openai", "alpaca", "sharegpt"):
        shaped = FORMATS[name].shape(one, "train")
        assert isinstance(shaped, Shaped)
        written = line(shaped.columns)
        assert len(written.splitlines()) == 1
        read = [text for text in said(json.loads(written)) if text]
        assert read == [plain(one.pair.prompt), plain(one.pair.target)]


@given(anything, anything)
def test_lineage_is_one_line_whatever_the_document_is_called(prompt: str, source: str) -> None:
    written = line(lineage(row(prompt, source)))
    assert len(written.splitlines()) == 1
    assert json.loads(written)["source"] == plain(source)
    written.encode("utf-8")


@given(st.sampled_from(CLOSED), anything, st.sampled_from(["yes", "No", "MAYBE", "b", ""]))
def test_choices_are_the_same_however_the_answer_is_written(
    kind: TaskType, question: str, answer: str
) -> None:
    prompt = f"{question} Answer yes, no or maybe."
    lower, upper = (ranked(row(prompt, word, kind).task) for word in (answer, answer.upper()))
    assert lower == upper
    if isinstance(lower, Ranked):
        assert 0 <= lower.answer < len(lower.choices)
        assert len({word.casefold() for word in lower.choices}) == len(lower.choices)


@given(anything)
def test_yaml_says_the_name_of_any_model(base: str) -> None:
    facts = Facts(name="n", base=base, counts={"train.jsonl": 1})
    config = FORMATS["trl"].beside(facts)["train.yaml"]
    assert yaml.safe_load(config)["model_name_or_path"] == plain(base)
