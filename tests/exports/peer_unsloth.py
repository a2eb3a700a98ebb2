"""Runs where Unsloth is: what the exported train.py learns, run as it is.

stdin: {"folder": an export}   stdout: {"versions": {…}, "rows": [[read, learned]]}
"""

import runpy
from pathlib import Path

from answering import answer, parted, versions


def learned(asked: dict[str, str]) -> object:
    """Run the script to its end, and say what each row had for labels."""
    made = runpy.run_path(str(Path(asked["folder"]) / "train.py"))
    trainer, tokens = made["trainer"], made["tokenizer"]
    rows = [parted(tokens, row["input_ids"], row["labels"]) for row in trainer.train_dataset]
    names = ("unsloth", "unsloth_zoo", "trl", "transformers")
    return {"versions": versions(*names), "rows": rows}


if __name__ == "__main__":
    answer(learned)
