"""A taught generator made ready to ship: half the bytes, and a model card that states everything.

python -m katsuo.shipping runs/generator-first/generator FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from katsuo.errors import RecipeError
from katsuo.page.teaching import NEW_SOURCE
from katsuo.types import TaskType

KEPT: Final = ("adapter_config.json", "losses.jsonl", "katsuo.json")
_MIB: Final = 2**20


def ship(taught: Path, into: Path) -> None:
    """Write the adapter of the teaching run `taught` into `into`, weights in F16, with its cards.

    Raises:
        RecipeError: If `taught` is no finished generator.
    """
    if not (taught / "katsuo.json").is_file():
        raise RecipeError(f"{taught}: no katsuo.json; katsuo teach writes it when it has finished")
    into.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(taught / name, into / name)
    if (remixed := taught.parent / "remix" / "card.json").is_file():
        shutil.copyfile(remixed, into / "remix.json")
    with safe_open(taught / "adapter_model.safetensors", framework="numpy") as tensors:
        halves = {
            name: tensors.get_tensor(name).astype(np.float16)
            for name in tensors.keys()  # noqa: SIM118 -- not a mapping
        }
    save_file(halves, into / "adapter_model.safetensors", metadata={"format": "pt"})
    facts = json.loads((taught / "katsuo.json").read_text("utf-8"))
    size = (into / "adapter_model.safetensors").stat().st_size / _MIB
    (into / "README.md").write_text(card(facts, into.name, size, _place(taught)), "utf-8")


def card(facts: Mapping[str, Any], name: str, mib: float, place: str = "") -> str:
    """The model card for what `katsuo.json` states; `place` is the machine it was taught on."""
    report, settings, base = facts["report"], facts["settings"], facts["base"]
    held, nats = facts["held_out"], facts["held_out_nats"]
    kinds = "".join(
        f"| {kind} | {n} | {held.get(kind, 0)} | {nats.get(kind, float('nan')):.3f} | "
        f"{nats.get(kind + NEW_SOURCE, float('nan')):.3f} |\n"
        for kind, n in facts["by_type"].items()
    )
    licences = "".join(f"| {source} | {said} |\n" for source, said in facts["licences"].items())
    return f"""---
license: apache-2.0
language: [en]
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
library_name: peft
tags: [conditional-task-generation, lora, katsuo]
---

# {name}

A LoRA that makes {base["name"]} write instruction-tuning tasks: given a task type and a passage in
the format `{facts["format"]}`, it writes an instruction about the passage and its response.

**Base**: {base["name"]} = SmolLM2-135M-Instruct (Apache-2.0), {base["note"]}, file sha256
`{base["sha256"]}`.

**Data**: {facts["pairs"]} tasks remixed from annotated data sets through katsuo's own
meta-templates, of which {report["epochs"]:.2f} epochs were learned: {report["trained_tokens"]}
tokens read, {report["target_tokens"]} of them learned.

| task type | tasks remixed | held out | held-out nats per token | the same, of sources held out |
|---|---|---|---|---|
{kinds}
Held out by passage, and in the last column by source. `nan` where nothing was held out. So few
held-out tasks make figures that say little of single types.

| source | licence, as its publisher states it |
|---|---|
{licences}
The adapter is published under Apache-2.0. The CC BY and CC BY-SA sources ask for attribution, which
this table gives.

**Teaching**: LoRA rank {settings["rank"]}, alpha {settings["alpha"]}, every linear layer, learning
rate {settings["learning_rate"]}, {settings["batch_tokens"]} tokens a step, {report["steps"]} steps,
{report["seconds"]:.0f} seconds{" on " if place else ""}{place}, shared with other work.
Loss (nats per target token, means over ten steps): {report["first_loss"]:.2f} at the beginning,
{report["last_loss"]:.2f} at the end. Weights here are rounded to F16: {mib:.1f} MiB.

**Language**: English only. It was taught on English alone, and what it writes about passages in
other languages has not been measured. The filter `well_formed` drops tasks that are surely in
another language than their passage.

**Limits**: {_untaught(facts)}It is a small model: its answers are often wrong, those of closed
questions most of all. Use it behind filters, and measure on held-out questions whether its tasks
help.

**Not for**: answering people, facts of any kind, or text that decides about a person.
"""


def _place(taught: Path) -> str:
    """The machine that the teaching report names; nothing without a report."""
    path = taught / "report.json"
    machine = json.loads(path.read_text("utf-8"))["machine"] if path.is_file() else None
    if machine is None:
        return ""
    return str(machine.get("gpu") or f"{machine['cores']} cores of a CPU ({machine['cpu']})")


def _untaught(facts: Mapping[str, Any]) -> str:
    """A sentence on the task types that it never learned; nothing where there is none."""
    missing = [kind.value for kind in TaskType if not facts["by_type"].get(kind.value)]
    return f"Not taught at all: {', '.join(missing)}. " if missing else ""


if __name__ == "__main__":
    ship(Path(sys.argv[1]), Path(sys.argv[2]))
