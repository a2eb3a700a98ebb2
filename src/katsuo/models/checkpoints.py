"""What must lie on the disk so that a killed tuning run goes on as if nothing had happened?

    <run>/checkpoint/state.safetensors
        weight/<name> exp_avg/<name> exp_avg_sq/<name> step/<name>      tensors, float32
        metadata: state = {"digest", "done", "seconds", "rows"}         JSON
                  numbers = {"<what>/<name>": …}       what an optimizer keeps as a plain number

One file, so it is whole or absent; safetensors, so that reading it runs no code.
A checkpoint of one device is read on any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

_WEIGHT: Final = "weight"


@dataclass(kw_only=True)
class Progress:
    """How far a run has come."""

    digest: str
    """Names everything that decides the weights; a checkpoint with another one is not ours."""
    done: int = 0
    """Optimizer steps done."""
    seconds: float = 0.0
    """Spent so far, over all processes that worked on it."""
    rows: list[dict[str, Any]]
    """Of `losses.jsonl`."""


def learned(model: Any) -> dict[str, Any]:  # noqa: ANN401 -- untyped library
    """The weights of `model` that are learned, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def save(model: Any, optimizer: Any, progress: Progress, into: Path) -> None:  # noqa: ANN401
    """Write the checkpoint of the run in the folder `into`."""
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, int | float] = {}
    for name, weight in learned(model).items():
        tensors[f"{_WEIGHT}/{name}"] = weight.detach()
        for what, value in optimizer.state[weight].items():
            if isinstance(value, torch.Tensor):
                tensors[f"{what}/{name}"] = value
            else:
                numbers[f"{what}/{name}"] = value
    path = path_of(into)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"state": json.dumps(asdict(progress)), "numbers": json.dumps(numbers)}
    write(tensors, path, state)


def restore(model: Any, optimizer: Any, digest: str, into: Path) -> Progress:  # noqa: ANN401
    """Where the checkpoint in `into` left off; the beginning if it is of another run."""
    anew = Progress(digest=digest, rows=[])
    try:
        with safe_open(path_of(into), framework="pt") as file:
            stated = file.metadata()
            progress = Progress(**json.loads(stated["state"]))
            if progress.digest != digest:
                return anew
            found = json.loads(stated.get("numbers", "{}"))
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return anew
    weights = learned(model)
    with torch.no_grad():
        for key, value in found.items():
            what, name = key.split("/", 1)
            if what == _WEIGHT:
                weights[name].copy_(value)
            else:
                optimizer.state[weights[name]][what] = _beside(weights[name], value)
    return progress


def _beside(weight: torch.Tensor, value: Any) -> Any:  # noqa: ANN401
    """What an optimizer keeps of `weight`, on its device; AdamW counts steps on the CPU."""
    is_large = isinstance(value, torch.Tensor) and value.ndim > 0
    return value.to(weight.device) if is_large else value


def path_of(into: Path) -> Path:
    """The checkpoint file of the run in the folder `into`."""
    return into / "checkpoint" / "state.safetensors"


def write(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Replace the safetensors file `path`, in one step."""
    unfinished = path.with_name(f".{path.name}.partial")
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, unfinished, dict(metadata))
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
