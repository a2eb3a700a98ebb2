"""LLaMA-Factory, and the two older forms that it and others read: alpaca and ShareGPT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from katsuo.export.chats import MAX_TOKENS, SHAREGPT_SHAPE, axolotl_config, dumped
from katsuo.export.formats import Facts, Format, Shaped, Split, as_code, data_file
from katsuo.export.lines import plain
from katsuo.export.rows import Row, turns

_OPENAI_TAGS: Final = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def _shape(row: Row, split: Split) -> Shaped:
    return Shaped(file=data_file(split), columns={"messages": turns(row)})


def _beside(facts: Facts) -> dict[str, str]:
    asked = {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": _OPENAI_TAGS,
    }
    return {"dataset_info.json": _registered(facts, asked), "train.yaml": _train(facts)}


def _registered(facts: Facts, asked: Mapping[str, Any]) -> str:
    """The file in which LLaMA-Factory looks up a dataset by its name."""
    found = {facts.name: {"file_name": "train.jsonl", **asked}}
    if facts.has_test:
        found[f"{facts.name}_test"] = {"file_name": "test.jsonl", **asked}
    return json.dumps(found, indent=1) + "\n"


def _train(facts: Facts) -> str:
    config = {
        "model_name_or_path": plain(facts.base),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 16,
        "lora_target": "all",
        "dataset_dir": ".",
        "dataset": facts.name,
        **({"eval_dataset": f"{facts.name}_test"} if facts.has_test else {}),
        "train_on_prompt": False,
        "enable_thinking": False,
        "cutoff_len": MAX_TOKENS,
        "learning_rate": 2.0e-4,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "report_to": "none",
        "output_dir": "adapter",
    }
    return dumped(
        config,
        "For LLaMA-Factory: run it in this folder. Without a key `template` it reads the model's.",
    )


def _use(_facts: Facts) -> str:
    return "Conversations with OpenAI's tags, named in `dataset_info.json`.\n\n" + as_code(
        "llamafactory-cli train train.yaml"
    )


def _alpaca_shape(row: Row, split: Split) -> Shaped:
    columns = {"instruction": row.pair.prompt, "input": "", "output": row.pair.target}
    return Shaped(file=data_file(split), columns=columns)


def _alpaca_beside(facts: Facts) -> dict[str, str]:
    asked = {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    }
    return {
        "dataset_info.json": _registered(facts, asked),
        "llama-factory.yaml": _train(facts),
        "axolotl.yaml": axolotl_config(facts, {"type": "alpaca"}),
    }


def _both(first: str) -> str:
    return first + as_code(
        "llamafactory-cli train llama-factory.yaml", "axolotl train axolotl.yaml"
    )


def _alpaca_use(_facts: Facts) -> str:
    return _both(
        "`instruction`, `input` and `output`. The passage stands in the instruction, where the\n"
        "task put it, so `input` is empty: joining the two again would make another prompt.\n\n"
    )


def _sharegpt_beside(facts: Facts) -> dict[str, str]:
    asked = {"formatting": "sharegpt", "columns": {"messages": "conversations"}}
    dataset = {
        "type": "chat_template",
        "field_messages": "conversations",
        "message_property_mappings": {"role": "from", "content": "value"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    return {
        "dataset_info.json": _registered(facts, asked),
        "llama-factory.yaml": _train(facts),
        "axolotl.yaml": axolotl_config(facts, dataset),
    }


def _sharegpt_use(_facts: Facts) -> str:
    return _both("Conversations in `from` (`human`, `gpt`) and `value`.\n\n")


LLAMA_FACTORY: Final = Format(shape=_shape, beside=_beside, use=_use)
ALPACA: Final = Format(shape=_alpaca_shape, beside=_alpaca_beside, use=_alpaca_use)
SHAREGPT: Final = Format(shape=SHAREGPT_SHAPE, beside=_sharegpt_beside, use=_sharegpt_use)
