"""A taught generator made ready to ship: fewer bytes, and a model card that states everything.

python -m katsuo.shipping runs/generator-first/generator FOLDER [RANK]

With RANK, every update of a weight is cut to its largest singular values.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from katsuo.errors import KatsuoError, RecipeError
from katsuo.page.teaching import NEW_SOURCE
from katsuo.store.files import write_json, write_text
from katsuo.types import TaskType

KEPT: Final = ("losses.jsonl", "katsuo.json")
_MIB: Final = 2**20
_A, _B = "lora_A", "lora_B"

Tensors = dict[str, np.ndarray]


def ship(taught: Path, into: Path, rank: int | None = None) -> None:
    """Write the adapter of the teaching run `taught` into `into`, weights in F16, with its cards.

    Args:
        taught: The folder that `katsuo teach` wrote.
        into: Filled; files of the same names are replaced.
        rank: Cut to this; as it was taught where it is None.

    Raises:
        RecipeError: If `taught` is no finished generator, or has no higher rank than `rank`.
    """
    if not (taught / "katsuo.json").is_file():
        raise RecipeError(f"{taught}: no katsuo.json; katsuo teach writes it when it has finished")
    config = json.loads((taught / "adapter_config.json").read_text("utf-8"))
    with safe_open(taught / "adapter_model.safetensors", framework="numpy") as tensors:
        weights = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    cut = ""
    if rank is not None:
        if not 0 < rank < config["r"]:
            raise RecipeError(f"rank {rank}: {taught} has rank {config['r']}; give a lower one")
        weights, least = lower_rank(weights, rank)
        cut = (
            f", cut to {rank} by singular values\nafter the losses above were measured (at least "
            f"{least:.3f} of each update's squares stay)"
        )
        config |= {"r": rank, "lora_alpha": config["lora_alpha"] * rank / config["r"]}
    into.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(taught / name, into / name)
    write_json(into / "adapter_config.json", config)
    if (remixed := taught.parent / "remix" / "card.json").is_file():
        shutil.copyfile(remixed, into / "remix.json")
    halves = {name: weight.astype(np.float16) for name, weight in weights.items()}
    save_file(halves, into / "adapter_model.safetensors", metadata={"format": "pt"})
    facts = json.loads((taught / "katsuo.json").read_text("utf-8"))
    size = (into / "adapter_model.safetensors").stat().st_size / _MIB
    made = Made(name=into.name, mib=size, place=_place(taught), cut=cut)
    write_text(into / "README.md", card(facts, made))


def lower_rank(weights: Tensors, rank: int) -> tuple[Tensors, float]:
    """The updates B A as the nearest of rank `rank`, and the least share of squares that is kept.

    By singular values; no product of another pair of that rank is nearer (Eckart and Young).
    """
    lowered: Tensors = {}
    least = 1.0
    for name, held in weights.items():
        if _A not in name:
            continue
        other = name.replace(_A, _B)
        a, b = held.astype(np.float32), weights[other].astype(np.float32)
        outer, core_b = np.linalg.qr(b)
        inner, core_a = np.linalg.qr(a.T)
        left, values, right = np.linalg.svd(core_b @ core_a.T)
        root = np.sqrt(values[:rank])
        lowered[name] = np.ascontiguousarray(root[:, None] * (right[:rank] @ inner.T))
        lowered[other] = np.ascontiguousarray((outer @ left[:, :rank]) * root)
        squares = np.square(values)
        least = min(least, float(squares[:rank].sum() / squares.sum()))
    return lowered, least


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a card says of the files beside it."""

    name: str
    mib: float
    place: str = ""
    """The machine that the generator was taught on."""
    cut: str = ""
    """How its rank was lowered."""


def card(facts: Mapping[str, Any], made: Made) -> str:
    """The model card for what `katsuo.json` states."""
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

# {made.name}

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

**Teaching**: LoRA rank {settings["rank"]}{made.cut},
alpha {settings["alpha"]}, every linear layer, learning rate {settings["learning_rate"]},
{settings["batch_tokens"]} tokens a step, {report["steps"]} steps,
{report["seconds"]:.0f} seconds{" on " if made.place else ""}{made.place}, shared with other work.
Loss (nats per target token, means over ten steps): {report["first_loss"]:.2f} at the beginning,
{report["last_loss"]:.2f} at the end. Weights here are rounded to F16: {made.mib:.1f} MiB.

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


def main(argv: Sequence[str] | None = None) -> int:
    """Ship what the command line names; exit code 2 where that cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m katsuo.shipping", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("taught", type=Path, help="the folder that katsuo teach wrote")
    parser.add_argument("into", type=Path, metavar="FOLDER")
    parser.add_argument("rank", type=int, nargs="?", help="cut to this rank")
    asked = parser.parse_args(argv)
    try:
        ship(asked.taught, asked.into, asked.rank)
    except KatsuoError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
