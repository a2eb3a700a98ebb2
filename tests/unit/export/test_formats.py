from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from katsuo.cli.exporting import DataForm
from katsuo.export.formats import Facts, Shaped
from katsuo.export.rows import Row, lineage
from katsuo.export.table import FORMATS
from katsuo.types import Flaw, TaskType

ALONE = Facts(name="harbour", base="owner/model", counts={"train.jsonl": 9})
SPLIT = Facts(name="harbour", base="owner/model", counts={"train.jsonl": 9, "test.jsonl": 3})


def shaped(name: str, row: Row) -> Mapping[str, Any]:
    found = FORMATS[name].shape(row, "train")
    assert isinstance(found, Shaped)
    return found.columns


def test_every_format_can_be_asked_for() -> None:
    assert [one.value for one in DataForm] == list(FORMATS)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        pytest.param(
            "trl",
            {
                "prompt": [{"role": "user", "content": "ASKED"}],
                "completion": [{"role": "assistant", "content": "yes"}],
            },
            id="trl",
        ),
        *[
            pytest.param(
                name,
                {
                    "messages": [
                        {"role": "user", "content": "ASKED"},
                        {"role": "assistant", "content": "yes"},
                    ]
                },
                id=name,
            )
            for name in ("axolotl", "llama-factory", "openai")
        ],
        *[
            pytest.param(
                name,
                {
                    "conversations": [
                        {"from": "human", "value": "ASKED"},
                        {"from": "gpt", "value": "yes"},
                    ]
                },
                id=name,
            )
            for name in ("unsloth", "sharegpt")
        ],
        pytest.param("alpaca", {"instruction": "ASKED", "input": "", "output": "yes"}, id="alpaca"),
    ],
)
def test_a_row_has_the_trainer_s_columns_and_no_others(
    row: Callable[..., Row], name: str, columns: Mapping[str, Any]
) -> None:
    one = row()
    expected = json.loads(json.dumps(columns).replace('"ASKED"', json.dumps(one.pair.prompt)))
    assert shaped(name, one) == expected


def test_a_closed_book_row_does_not_show_its_passage(row: Callable[..., Row]) -> None:
    one = row("closed")
    assert one.task.context not in json.dumps(shaped("trl", one))
    assert one.id == "a1b2c3-closed"


def test_lineage_counts_characters_of_the_document(row: Callable[..., Row]) -> None:
    told = lineage(row(scores={"grounded": 1.0, "odd": float("nan")}))
    assert told["span"] == {"start": 100, "end": 162}
    assert told["evidence"] == [{"start": 104, "end": 109}]
    assert told["scores"] == {"grounded": 1.0, "odd": None}
    assert told["source"] == "orders/one.md"


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("facts", [ALONE, SPLIT], ids=["alone", "split"])
def test_configs_can_be_read(name: str, facts: Facts) -> None:
    for file, text in FORMATS[name].beside(facts).items():
        if file.endswith(".yaml"):
            assert yaml.safe_load(text)
        elif file.endswith(".json"):
            assert json.loads(text)
        else:
            assert ast.parse(text)


@pytest.mark.parametrize("base", ['it\'s "a" model: # no', "x\u2028y\ud800", "{base}", "'''"])
@pytest.mark.parametrize("name", list(FORMATS))
def test_no_name_of_a_model_breaks_a_config(name: str, base: str) -> None:
    facts = Facts(name="harbour", base=base, counts={"train.jsonl": 1})
    told = base.replace("\ud800", "\ufffd")
    for file, text in FORMATS[name].beside(facts).items():
        if file.endswith(".yaml"):
            read = yaml.safe_load(text)
            assert told in (read.get(key) for key in _BASE_KEYS) or name == "lm-eval"
        if file.endswith(".py"):
            assert [ast.literal_eval(value) for value in _bases(text)] == [told]


_BASE_KEYS = ("base_model", "model_name_or_path")


def _bases(script: str) -> list[ast.expr]:
    """What is given the name BASE."""
    return [
        node.value
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BASE"
    ]


def test_the_loss_falls_on_responses_alone_by_every_config() -> None:
    trl = yaml.safe_load(FORMATS["trl"].beside(ALONE)["train.yaml"])
    axolotl = yaml.safe_load(FORMATS["axolotl"].beside(ALONE)["train.yaml"])
    llama_factory = yaml.safe_load(FORMATS["llama-factory"].beside(ALONE)["train.yaml"])
    assert trl["completion_only_loss"] is True
    assert axolotl["train_on_inputs"] is False
    assert axolotl["datasets"][0]["roles_to_train"] == ["assistant"]
    assert llama_factory["train_on_prompt"] is False
    assert "train_on_responses_only(" in FORMATS["unsloth"].beside(ALONE)["train.py"]


def test_llama_factory_finds_the_data_by_its_name() -> None:
    made = FORMATS["llama-factory"].beside(SPLIT)
    known, train = json.loads(made["dataset_info.json"]), yaml.safe_load(made["train.yaml"])
    assert known[train["dataset"]]["file_name"] == "train.jsonl"
    assert known[train["eval_dataset"]]["file_name"] == "test.jsonl"
    assert known[train["dataset"]]["tags"]["assistant_tag"] == "assistant"


def test_an_extractive_task_is_a_question_to_be_answered(row: Callable[..., Row]) -> None:
    one = row(type=TaskType.EXQA, response="twelve metres a second ")
    asked = shaped("lm-eval", one)
    assert asked == {
        "id": "a1b2c3",
        "question": one.pair.prompt,
        "answer": "twelve metres a second",
    }


def test_a_closed_task_is_a_question_with_choices(row: Callable[..., Row]) -> None:
    assert shaped("lm-eval", row(response="No"))["choices"] == ["yes", "no"]
    assert shaped("lm-eval", row(response="No"))["answer"] == 1


@pytest.mark.parametrize("kind", [TaskType.SUMMARIZATION, TaskType.QG, TaskType.QA])
def test_what_has_no_one_right_answer_is_not_asked(row: Callable[..., Row], kind: TaskType) -> None:
    assert FORMATS["lm-eval"].shape(row(type=kind), "test") == Flaw(reason="type-not-scored")
