"""Runs where LLaMA-Factory is: its own loader reads the export by its train YAML.

stdin: {"folder": an export, "config": a file in it}
stdout: {"versions": {…}, "rows": [[read, learned]]}
"""

import importlib.machinery
import os
import sys
import types
from pathlib import Path

import yaml
from answering import answer, parted, versions

# It imports torchaudio for sounds, whose releases lag behind those of torch.
silent = types.ModuleType("torchaudio")
silent.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = silent


def learned(asked: dict[str, str]) -> object:
    """Say what each row has for labels."""
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    os.chdir(asked["folder"])
    stated = yaml.safe_load(Path(asked["config"]).read_text("utf-8"))
    model, data, training, *_ = get_train_args({**stated, "use_cpu": True})
    module = load_tokenizer(model)
    tokens = module["tokenizer"]
    template = get_template_and_fix_tokenizer(tokens, data)
    found = get_dataset(template, model, data, training, stage="sft", **module)
    rows = [parted(tokens, row["input_ids"], row["labels"]) for row in found["train_dataset"]]
    names = ("llamafactory", "transformers", "datasets")
    return {"versions": versions(*names), "rows": rows}


if __name__ == "__main__":
    answer(learned)
