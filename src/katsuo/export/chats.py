"""Trainers that read conversations: TRL, axolotl, Unsloth, OpenAI.

Each reads a user's turn and its answer, and each has to be told to learn the answer alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from katsuo.export.formats import Facts, Format, Shaped, Split, as_code, data_file
from katsuo.export.lines import plain
from katsuo.export.rows import Row, turns

MAX_TOKENS: Final = 2048
"""Longest conversation in the configs; more is cut by most trainers, the end first."""
FEWEST_FOR_OPENAI: Final = 10
"""OpenAI's fine-tuning refuses a file with fewer lines."""


def dumped(value: Mapping[str, Any], remark: str) -> str:
    """`value` as YAML behind a line that says what it is."""
    # Escaped: PyYAML writes U+0085 as it stands, and reads it back as a space.
    return f"# {remark}\n" + yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=False)


_TRL_DATA: Final = "data"
"""A folder of its own: `datasets` finds no name in `.`, and TRL's command takes no files."""


def _trl_shape(row: Row, split: Split) -> Shaped:
    asked, answered = turns(row)
    columns = {"prompt": [asked], "completion": [answered]}
    return Shaped(file=f"{_TRL_DATA}/{data_file(split)}", columns=columns)


def _trl_beside(facts: Facts) -> dict[str, str]:
    config = {
        "model_name_or_path": plain(facts.base),
        "dataset_name": _TRL_DATA,
        "completion_only_loss": True,
        "max_length": MAX_TOKENS,
        "packing": False,
        "use_peft": True,
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_target_modules": "all-linear",
        "learning_rate": 2.0e-4,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "eval_strategy": "epoch" if facts.has_test else "no",
        "report_to": "none",
        "output_dir": "adapter",
    }
    return {"train.yaml": dumped(config, "For TRL: run it in this folder.")}


def _trl_use(_facts: Facts) -> str:
    return (
        "Prompt-completion rows in the conversational form: TRL applies the model's chat template\n"
        "and learns the completion alone.\n\n" + as_code("trl sft --config train.yaml")
    )


def _messages(row: Row, split: Split) -> Shaped:
    return Shaped(file=data_file(split), columns={"messages": turns(row)})


def axolotl_config(facts: Facts, dataset: Mapping[str, Any]) -> str:
    """A config for axolotl that reads its files as `dataset` says."""
    one = {"path": "train.jsonl", "ds_type": "json", **dataset}
    config: dict[str, Any] = {
        "base_model": plain(facts.base),
        "chat_template": "tokenizer_default",
        "datasets": [one],
        **(
            {"test_datasets": [{**one, "path": "test.jsonl", "split": "train"}]}
            if facts.has_test
            else {"val_set_size": 0.0}
        ),
        "train_on_inputs": False,
        "sequence_len": MAX_TOKENS,
        "sample_packing": False,
        "adapter": "lora",
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_target_linear": True,
        "micro_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "num_epochs": 1,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": 0.0002,
        "output_dir": "adapter",
    }
    return dumped(config, "For axolotl: run it in this folder.")


def _axolotl_beside(facts: Facts) -> dict[str, str]:
    dataset = {
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    return {"train.yaml": axolotl_config(facts, dataset)}


def _axolotl_use(_facts: Facts) -> str:
    return (
        "Conversations for `type: chat_template`; only the assistant's turns are learned.\n\n"
        + as_code("axolotl train train.yaml")
    )


def _unsloth_shape(row: Row, split: Split) -> Shaped:
    said = [
        {"from": "human", "value": row.pair.prompt},
        {"from": "gpt", "value": row.pair.target},
    ]
    return Shaped(file=data_file(split), columns={"conversations": said})


_UNSLOTH: Final = '''"""Tune on this folder with Unsloth; the loss falls on the answers alone."""

from pathlib import Path

from unsloth import FastLanguageModel  # first: it changes what is imported behind it
from unsloth.chat_templates import standardize_sharegpt, train_on_responses_only
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

HERE = Path(__file__).parent
BASE = {base}

model, tokenizer = FastLanguageModel.from_pretrained(BASE, max_seq_length={length})
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32)
rows = load_dataset("json", data_files=str(HERE / "train.jsonl"), split="train")
rows = standardize_sharegpt(rows)
rows = rows.map(
    lambda row: {{"text": tokenizer.apply_chat_template(row["conversations"], tokenize=False)}},
    remove_columns=["conversations"],
)
settings = SFTConfig(
    dataset_text_field="text",
    max_length={length},
    learning_rate=2e-4,
    num_train_epochs=1,
    per_device_train_batch_size=4,
    gradient_accumulation_steps=4,
    output_dir=str(HERE / "adapter"),
    report_to="none",
)
trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=rows, args=settings)
trainer = train_on_responses_only(trainer)  # finds both parts in the model's chat template
trainer.train()
trainer.save_model()
'''


def _unsloth_beside(facts: Facts) -> dict[str, str]:
    return {"train.py": _UNSLOTH.format(base=json.dumps(plain(facts.base)), length=MAX_TOKENS)}


def _unsloth_use(_facts: Facts) -> str:
    return (
        "Conversations in `from` and `value`, for `standardize_sharegpt` and\n"
        "`train_on_responses_only`.\n\n" + as_code("python train.py")
    )


def _openai_beside(facts: Facts) -> dict[str, str]:
    job = {
        "model": "MODEL",
        "training_file": "FILE-ID",
        **({"validation_file": "FILE-ID"} if facts.has_test else {}),
        "method": {"type": "supervised"},
    }
    return {"job.json": json.dumps(job, indent=1) + "\n"}


def _openai_use(_facts: Facts) -> str:
    return (
        "One conversation a line, for fine-tuning in OpenAI's form, which other servers read as\n"
        "well. **Uploading it gives the passages of your documents to whoever runs the server**;\n"
        "katsuo uploads nothing. Upload the file with `purpose=fine-tune`, put its id and a model\n"
        "into `job.json`, and post that to `/v1/fine_tuning/jobs`."
    )


TRL: Final = Format(shape=_trl_shape, beside=_trl_beside, use=_trl_use)
AXOLOTL: Final = Format(shape=_messages, beside=_axolotl_beside, use=_axolotl_use)
UNSLOTH: Final = Format(shape=_unsloth_shape, beside=_unsloth_beside, use=_unsloth_use)
OPENAI: Final = Format(
    shape=_messages, beside=_openai_beside, use=_openai_use, fewest=FEWEST_FOR_OPENAI
)
SHAREGPT_SHAPE: Final = _unsloth_shape
"""The same columns serve whoever reads ShareGPT's form."""
