"""How much useful arithmetic is a LoRA step, and are drafts? What can the machine multiply?

Of a LoRA step, per token read, with N weights of the decoder's linear layers, L of their LoRA, V
words and H numbers per token at the head:

    4 N                 forward, and backward through frozen weights to their inputs
    6 L                 forward, and backward to inputs and weights
    4 V H target/read   forward and backward through the frozen head, where a target is predicted

Of drafts, 2 N per token that a layer sees (the last new token of a draft is seen by none), and
2 V H per new token.

Attention's own products (about 4 % at 200 tokens) and everything done twice or for nothing are
left out.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SQUARE = 2048


def per_token(model: Any, target_fraction: float) -> float:  # noqa: ANN401 -- untyped library
    """Useful FLOPs per token read.

    Args:
        model: A peft model with a LoRA.
        target_fraction: Tokens that are learned over tokens that are read.
    """
    n_frozen = n_lora = 0
    for name, weight in model.get_base_model().get_decoder().named_parameters():
        if ".lora_" in name:
            n_lora += weight.numel()
        elif weight.ndim == 2 and "embed" not in name:
            n_frozen += weight.numel()
    head = model.get_output_embeddings().weight.numel()
    return float(4 * n_frozen + 6 * n_lora + 4 * head * target_fraction)


def of_drafts(
    shapes: Mapping[str, Sequence[int]], n_read: int, n_drafts: int, new_tokens: int
) -> float:
    """Useful FLOPs of drafts of `new_tokens` tokens each, whose prompts have `n_read` together."""
    sizes = {name: shape[0] * shape[1] for name, shape in shapes.items() if len(shape) == 2}
    head = sizes.get("lm_head.weight") or sizes["model.embed_tokens.weight"]
    n_layers = sum(
        size for name, size in sizes.items() if "embed" not in name and "lm_head" not in name
    )
    seen = n_read + n_drafts * (new_tokens - 1)
    return float(2 * n_layers * seen + 2 * head * n_drafts * new_tokens)


def shapes_of(folder: Path) -> dict[str, list[int]]:
    """The shape of every tensor in the safetensors files of a model folder."""
    found: dict[str, list[int]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            told = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found |= {name: one["shape"] for name, one in told.items() if name != "__metadata__"}
    return found


def peak(threads: int | None = None) -> float:
    """GFLOP/s of a square product in bfloat16, the median of seven."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    left, right = (torch.randn(SQUARE, SQUARE).bfloat16() for _ in range(2))
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    return 2 * SQUARE**3 / statistics.median(seconds[1:]) / 1e9
