"""How much useful arithmetic is a LoRA step?

Per token read, with N weights of the decoder's linear layers, L of their LoRA, V words and H
numbers per token at the head:

    4 N                 forward, and backward through frozen weights to their inputs
    6 L                 forward, and backward to inputs and weights
    4 V H target/read   forward and backward through the frozen head, where a target is predicted

Attention's own products (about 4 % at 200 tokens) and everything done twice or for nothing are
left out.
"""

from __future__ import annotations

from typing import Any


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
