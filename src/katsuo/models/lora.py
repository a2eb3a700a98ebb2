"""How does a LoRA layer run fast enough to train on a CPU?

    y = x Wᵀ + s (x Aᵀ) Bᵀ        W frozen; A, B learned in float32

peft builds the layers and reads them back. Its forward pass keeps the large
intermediate products for the backward pass; this one adds in place, keeps only
`x` and the narrow `x Aᵀ`, and is about a sixth faster with the same gradients.

Shapes: N rows, I inputs, O outputs, R the rank.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import peft.tuners.lora
import torch


def quicken(model: Any) -> int:  # noqa: ANN401 -- untyped library
    """Let every plain LoRA layer of the peft model `model` run as above; how many there are.

    Layers with dropout or a variant, on quantised weights, or with several
    adapters keep peft's own pass.
    """
    layers = [
        module
        for module in model.modules()
        if isinstance(module, peft.tuners.lora.Linear) and _is_plain(module)
    ]
    for layer in layers:
        layer.forward = MethodType(_forward, layer)
    return len(layers)


def _is_plain(layer: Any) -> bool:  # noqa: ANN401
    return (
        type(layer.base_layer) is torch.nn.Linear
        and list(layer.lora_A) == ["default"]
        and isinstance(layer.lora_dropout["default"], torch.nn.Identity)
        and not layer.lora_variant
        and not layer.fan_in_fan_out
        and layer.lora_A["default"].bias is None
        and layer.lora_B["default"].bias is None
    )


def _forward(layer: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    base = layer.base_layer
    rows_NI = x.reshape(-1, x.shape[-1]).to(base.weight.dtype)
    y_NO = Product.apply(
        rows_NI,
        (base.weight, base.bias),
        layer.lora_A["default"].weight,
        layer.lora_B["default"].weight,
        layer.scaling["default"],
    )
    return y_NO.view(*x.shape[:-1], -1)


class Product(torch.autograd.Function):
    """`x Wᵀ + b + s (x Aᵀ) Bᵀ`, with gradients for `x`, `A` and `B` alone."""

    @staticmethod
    def forward(  # noqa: PLR0913 -- autograd passes one argument per gradient
        ctx: Any,  # noqa: ANN401
        x_NI: torch.Tensor,
        frozen: tuple[torch.Tensor, torch.Tensor | None],
        a_RI: torch.Tensor,
        b_OR: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """The product; narrow factors are rounded to the type of the frozen weight."""
        weight_OI, bias_O = frozen
        a, b = a_RI.to(weight_OI.dtype), (b_OR * scale).to(weight_OI.dtype)
        narrow_NR = x_NI @ a.T
        y_NO = x_NI @ weight_OI.T
        if bias_O is not None:
            y_NO += bias_O
        y_NO.addmm_(narrow_NR, b.T)
        ctx.save_for_backward(x_NI, weight_OI, a, b, narrow_NR)
        ctx.scale, ctx.types = scale, (a_RI.dtype, b_OR.dtype)
        return y_NO

    @staticmethod
    def backward(ctx: Any, slope_NO: torch.Tensor) -> tuple[Any, ...]:  # noqa: ANN401
        """The gradients, in the order of `forward`."""
        x_NI, weight_OI, a, b, narrow_NR = ctx.saved_tensors
        slope_NR = slope_NO @ b
        slope_NI = (slope_NO @ weight_OI).addmm_(slope_NR, a)
        slope_a = (slope_NR.T @ x_NI).to(ctx.types[0])
        slope_b = (slope_NO.T @ narrow_NR).to(ctx.types[1]) * ctx.scale
        return slope_NI, None, slope_a, slope_b, None
