"""Runs where TRL is: what its own command learns of an export.

stdin: {"folder": an export}   stdout: {"versions": {…}, "rows": [[read, learned]]}
"""

import os

import datasets
import trl
from answering import answer, parted, versions
from trl.scripts.sft import make_parser

QUICK = ["--use_cpu", "true", "--max_steps", "1", "--bf16", "false"]


def learned(asked: dict[str, str]) -> object:
    """Parse the config as `trl sft` does, tune for a step, and say what each row has for labels."""
    os.chdir(asked["folder"])
    script, training, model, _ = make_parser().parse_args_and_config(
        args=["--config", "train.yaml", *QUICK], fail_with_unknown_args=True
    )
    data = datasets.load_dataset(script.dataset_name)
    trainer = trl.SFTTrainer(
        model=model.model_name_or_path,
        args=training,
        train_dataset=data[script.dataset_train_split],
        eval_dataset=data[script.dataset_test_split],
        peft_config=trl.get_peft_config(model),
    )
    rows = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([row])
        rows.append(parted(trainer.processing_class, batch["input_ids"][0], batch["labels"][0]))
    trainer.train()
    return {"versions": versions("trl", "transformers", "datasets"), "rows": rows}


if __name__ == "__main__":
    answer(learned)
