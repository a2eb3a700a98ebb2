"""Runs where axolotl is: its schema takes the config, and its strategy labels every row.

stdin: {"folder": an export, "config": a file in it}
stdout: {"versions": {…}, "rows": [[read, learned]]}
"""

import os
from pathlib import Path
from typing import Any

import datasets
import yaml
from answering import answer, parted, versions
from axolotl.prompt_strategies import load
from axolotl.prompt_tokenizers import AlpacaPromptTokenizingStrategy
from axolotl.prompters import AlpacaPrompter
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig
from transformers import AutoTokenizer


def learned(asked: dict[str, str]) -> object:
    """Say what each row has for labels."""
    os.chdir(asked["folder"])
    stated = yaml.safe_load(Path(asked["config"]).read_text("utf-8"))
    checked = AxolotlInputConfig(**stated).model_dump(exclude_none=True)
    unknown = stated.keys() - checked.keys()
    assert not unknown, f"keys that axolotl does not know: {unknown}"
    one = DictDefault(checked["datasets"][0])
    tokens = AutoTokenizer.from_pretrained(stated["base_model"])
    data = datasets.load_dataset(one.ds_type, data_files=one.path, split="train")
    strategy = strategy_of(one, tokens, DictDefault(checked))
    found = [strategy.tokenize_prompt(row) for row in data]
    rows = [parted(tokens, row["input_ids"], row["labels"]) for row in found]
    names = ("axolotl", "transformers", "datasets")
    return {"versions": versions(*names), "rows": rows}


def strategy_of(dataset: DictDefault, tokens: Any, cfg: DictDefault) -> Any:  # noqa: ANN401
    """As `axolotl.utils.data.wrappers` chooses, whose import wants a client for telemetry."""
    if dataset.type == "alpaca":
        return AlpacaPromptTokenizingStrategy(
            AlpacaPrompter(None), tokens, cfg.train_on_inputs, cfg.sequence_len
        )
    return load(dataset.type, tokens, cfg, dataset)


if __name__ == "__main__":
    answer(learned)
