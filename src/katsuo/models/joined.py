"""How are rows of different lengths read in one pass without padding?

    row 0 | row 1 | row 2 | rest        one long row of ids, positions from 0 in each part
     └──────── attention: each part alone, and causal

Every product of the model sees one row of real tokens; only attention must know
where a row ends. Its scores are made for `WIDTH_STEP` places at a time, reading
past the end of a row where that is needed: what lies there is masked, as all
later places are, and gets no gradient.

Written for training on a CPU, where it is faster than attention of transformers on padded
rows: grouped heads share their keys without a copy, and nothing is kept for the
backward pass but weights. On a GPU fused kernels do better.

Shapes: T places of the long row, H heads in K groups of G, D numbers a head, L places of a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import torch
import transformers

from katsuo import training

NAME: Final = "katsuo_joined"
"""What `set_attn_implementation` is given."""
LONG_TOKENS: Final = 640
"""Longer rows are read by fused attention, as its scores are never written out."""
SPARE: Final = training.WIDTH_STEP
"""At least so many places must lie behind the last row."""
_PLAIN_KINDS: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Kinds of model whose attention is causal and nothing else, but for sliding windows."""


Forks: TypeAlias = tuple[tuple[int, ...], ...]
"""For each row where its branches begin, counted from the row's beginning; empty without any."""


def joins(model: Any) -> bool:  # noqa: ANN401 -- untyped library
    """Whether `model`, where it lies, may read joined rows: a CPU, and causal attention alone."""
    config = model.config
    return (
        model.device.type == "cpu"
        and config.model_type in _PLAIN_KINDS
        and set(getattr(config, "layer_types", None) or ()) <= {"full_attention"}
        and not (getattr(config, "use_sliding_window", True) and _window(config))
        and not getattr(config, "attention_dropout", 0.0)
    )


def _window(config: Any) -> int | None:  # noqa: ANN401
    return getattr(config, "sliding_window", None)


def attention(  # noqa: PLR0913 -- transformers' own signature
    _module: object,
    q_1HTD: torch.Tensor,
    k_1KTD: torch.Tensor,
    v_1KTD: torch.Tensor,
    _mask: object,
    scaling: float,
    *,
    cu_seq_lens_q: torch.Tensor,
    forks: Forks = (),
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention within each row; `cu_seq_lens_q` has where each begins, and where the last ends.

    `forks` has where the branches of each row begin that do not see each other (`sharing.py`).
    """
    ends: list[int] = cu_seq_lens_q.tolist()
    if torch.is_autocast_enabled("cpu"):  # positions leave q and k in float32
        half = torch.get_autocast_dtype("cpu")
        q_1HTD, k_1KTD, v_1KTD = (x.to(half) for x in (q_1HTD, k_1KTD, v_1KTD))
    return Attention.apply(q_1HTD, k_1KTD, v_1KTD, (ends, forks), scaling), None


class Attention(torch.autograd.Function):
    """softmax(s q kᵀ + causal mask) v, row by row."""

    @staticmethod
    def forward(  # noqa: PLR0913 -- autograd passes one argument per gradient
        ctx: Any,  # noqa: ANN401
        q_1HTD: torch.Tensor,
        k_1KTD: torch.Tensor,
        v_1KTD: torch.Tensor,
        rows: tuple[Sequence[int], Forks],
        scale: float,
    ) -> torch.Tensor:
        """The result as 1 T H D; zero behind the last row."""
        ends, forks = rows
        q_KGTD, k_KTD, v_KTD = _grouped(q_1HTD, k_1KTD), k_1KTD[0], v_1KTD[0]
        n_groups, n_heads = q_KGTD.shape[:2]
        out_1THD = q_1HTD.new_empty(1, q_1HTD.shape[2], q_1HTD.shape[1], v_1KTD.shape[-1])
        out_TKGD = out_1THD[0].unflatten(1, (n_groups, n_heads))
        kept = []
        for row, (start, end) in enumerate(itertools.pairwise(ends)):
            stop = start + _wide(end - start)
            mask_LL = _mask_LL(stop - start, forks[row] if forks else (), q_1HTD.dtype)
            q_KMD = q_KGTD[:, :, start:stop].flatten(1, 2)
            scores_KML = torch.baddbmm(
                mask_LL.repeat(n_heads, 1).expand(n_groups, -1, -1),
                q_KMD,
                k_KTD[:, start:stop].transpose(1, 2),
                alpha=scale,
            )
            weights_KML = scores_KML.softmax(-1)
            kept.append(weights_KML)
            read_KMD = torch.bmm(weights_KML, v_KTD[:, start:stop])
            read_KGLD = read_KMD.unflatten(1, (n_heads, stop - start))
            out_TKGD[start:end] = read_KGLD[:, :, : end - start].permute(2, 0, 1, 3)
        out_TKGD[ends[-1] :] = 0
        ctx.save_for_backward(q_1HTD, k_1KTD, v_1KTD, *kept)
        ctx.ends, ctx.scale = ends, scale
        return out_1THD

    @staticmethod
    def backward(ctx: Any, slope_1THD: torch.Tensor) -> tuple[Any, ...]:  # noqa: ANN401
        """The gradients of q, k and v."""
        q_1HTD, k_1KTD, v_1KTD, *kept = ctx.saved_tensors
        q_KGTD, k_KTD, v_KTD = _grouped(q_1HTD, k_1KTD), k_1KTD[0], v_1KTD[0]
        n_groups, n_heads = q_KGTD.shape[:2]
        slope_TKGD = slope_1THD[0].unflatten(1, (n_groups, n_heads))
        of_q, of_k, of_v = (torch.empty_like(x) for x in (q_1HTD, k_1KTD, v_1KTD))
        of_q_KGTD, of_k_KTD, of_v_KTD = _grouped(of_q, of_k), of_k[0], of_v[0]
        rows = itertools.pairwise(ctx.ends)
        for (start, end), weights_KML in zip(rows, kept, strict=True):
            length, stop = end - start, start + _wide(end - start)
            slope_KGLD = slope_TKGD[start:stop].permute(1, 2, 0, 3).contiguous()
            slope_KGLD[:, :, length:] = 0  # the next row's
            slope_KMD = slope_KGLD.flatten(1, 2)
            of_v_KTD[:, start:end] = torch.bmm(weights_KML.mT, slope_KMD)[:, :length]
            of_scores_KML = torch._softmax_backward_data(
                torch.bmm(slope_KMD, v_KTD[:, start:stop].mT), weights_KML, -1, weights_KML.dtype
            ).mul_(ctx.scale)
            of_q_KMD = torch.bmm(of_scores_KML, k_KTD[:, start:stop])
            of_q_KGLD = of_q_KMD.unflatten(1, (n_heads, stop - start))
            of_q_KGTD[:, :, start:end] = of_q_KGLD[:, :, :length]
            q_KMD = q_KGTD[:, :, start:stop].flatten(1, 2)
            of_k_KTD[:, start:end] = torch.bmm(of_scores_KML.mT, q_KMD)[:, :length]
        for of_any in (of_q, of_k, of_v):
            of_any[:, :, ctx.ends[-1] :] = 0
        return of_q, of_k, of_v, None, None


def _grouped(q_1HTD: torch.Tensor, k_1KTD: torch.Tensor) -> torch.Tensor:
    """The heads of `q_1HTD` by the keys that they share: K G T D."""
    n_groups = k_1KTD.shape[1]
    return q_1HTD[0].unflatten(0, (n_groups, q_1HTD.shape[1] // n_groups))


def _wide(length: int) -> int:
    return -(-length // training.WIDTH_STEP) * training.WIDTH_STEP


@lru_cache(maxsize=128)
def _mask_LL(length: int, forks: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:  # noqa: N802
    """What each place (row) may attend to (column): 0, or the least number of `dtype`."""
    least = torch.finfo(dtype).min
    mask_LL = torch.full((length, length), least, dtype=dtype).triu_(1)
    for start, end in itertools.pairwise(forks):
        mask_LL[end:, start:end] = least  # later branches do not see this one
    return mask_LL


transformers.AttentionInterface.register(NAME, attention)
