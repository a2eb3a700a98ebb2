"""Which tokens does the trainer read, and which of them does it learn?

    Pair ──encode──▶ Example: prompt ids + target ids
    Examples ──collate──▶ Batch: ids, padded at the end, and the places that predict a target token

Padding stands behind every real token of its row, so causal attention never
sees it and no mask is needed.

Shapes: B examples, T tokens, N target tokens of the whole batch, V words of the vocabulary.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import peft
import torch

from katsuo import training
from katsuo.models.tokens import Tokens
from katsuo.types import Pair

LONG_TOKENS: Final = 640
"""On a CPU, written-out attention is faster than fused attention up to about this length."""
WIDTH_STEP: Final = training.WIDTH_STEP
"""Rows are padded to a multiple: the CPU library keeps memory for every new shape (docs/log.md)."""
LABELS_STEP: Final = 64
"""The number of predicted places is padded likewise."""
NO_LABEL: Final = -100
"""Stands where a padded place predicts nothing: torch's own mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A pair as token ids."""

    ids: tuple[int, ...]
    n_prompt: int
    """Tokens in front that are read and not learned."""

    @property
    def n_learned(self) -> int:
        """Tokens that carry loss; the very first token of a row is predicted from nothing."""
        return len(self.ids) - max(self.n_prompt, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Examples of one step as tensors."""

    ids_BT: torch.Tensor  # noqa: N815 -- shapes stand in names
    sources_N: torch.Tensor  # noqa: N815
    """Where in the flattened ids a target token is predicted: the place before it."""
    labels_N: torch.Tensor  # noqa: N815
    n_tokens: int
    """Tokens read, padding not counted."""

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; itself if it is there."""
        if device == self.ids_BT.device:
            return self
        names = ("ids_BT", "sources_N", "labels_N")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def encode(pair: Pair, tokens: Tokens) -> Example:
    """The ids of `pair`; a text without a prompt is a passage, which no end token ends."""
    prompt = tokens.prompt_ids(pair.prompt, chat=pair.chat)
    target = tokens.target_ids(pair.target, end=bool(pair.prompt))
    return Example(ids=(*prompt, *target), n_prompt=len(prompt))


def sizes(pair: Pair, tokens: Tokens) -> tuple[int, int]:
    """Tokens of `pair` that are read only, and tokens that are learned."""
    example = encode(pair, tokens)
    return len(example.ids) - example.n_learned, example.n_learned


def collate(examples: Sequence[Example]) -> Batch:
    """The batch of `examples`."""
    width = _rounded(max(len(example.ids) for example in examples), WIDTH_STEP)
    ids_BT = torch.zeros((len(examples), width), dtype=torch.long)
    sources, labels = [], []
    for row, example in enumerate(examples):
        ids_BT[row, : len(example.ids)] = torch.tensor(example.ids)
        for place in range(len(example.ids) - example.n_learned, len(example.ids)):
            sources.append(row * width + place - 1)
            labels.append(example.ids[place])
    n_spare = _rounded(len(labels), LABELS_STEP) - len(labels)
    sources += [0] * n_spare
    labels += [NO_LABEL] * n_spare
    return Batch(
        ids_BT=ids_BT,
        sources_N=torch.tensor(sources),
        labels_N=torch.tensor(labels),
        n_tokens=sum(len(example.ids) for example in examples),
    )


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step


def loss(model: Any, batch: Batch, *, half: bool | None = None) -> torch.Tensor:  # noqa: ANN401
    """Mean nats per target token of `batch`.

    Args:
        model: On any device; the batch goes there.
        batch: To read.
        half: Whether matrix products are in bfloat16; None for as the weights are.
    """
    causal = model.get_base_model() if isinstance(model, peft.PeftModel) else model
    on = batch.to(causal.device)
    half = causal.dtype == torch.bfloat16 if half is None else half
    is_short = on.ids_BT.shape[1] <= LONG_TOKENS
    causal.set_attn_implementation("eager" if is_short and causal.device.type == "cpu" else "sdpa")

    def pick(_head: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        return (inputs[0].flatten(0, 1).index_select(0, on.sources_N),)

    # A hook, no head of ours: what a model does to its logits (a cap, a scale) still happens.
    hook = causal.get_output_embeddings().register_forward_pre_hook(pick)
    try:
        with torch.autocast(causal.device.type, dtype=torch.bfloat16, enabled=half):
            logits_NV = causal(input_ids=on.ids_BT, use_cache=False).logits
    finally:
        hook.remove()
    return torch.nn.functional.cross_entropy(logits_NV.float(), on.labels_N)


def losses(
    model: Any,  # noqa: ANN401
    groups: Mapping[str, Sequence[Example]],
    *,
    batch_tokens: int = 2048,
    half: bool | None = None,
) -> dict[str, float]:
    """Mean nats per target token of each group, as the model is now; an empty group has none."""
    training_now = model.training
    model.eval()
    # Compiled for training, a model would be compiled once more for this.
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        found = {
            key: _mean_loss(lambda batch: loss(model, batch, half=half), group, batch_tokens)
            for key, group in groups.items()
            if group
        }
    model.train(training_now)
    return found


def digest(examples: Sequence[Example]) -> str:
    """A name for these examples in this order."""
    hashed = hashlib.blake2b(digest_size=16)
    for example in examples:
        hashed.update(array("q", (len(example.ids), example.n_prompt, *example.ids)).tobytes())
    return hashed.hexdigest()


def _mean_loss(
    loss_of: Callable[[Batch], torch.Tensor], examples: Sequence[Example], batch_tokens: int
) -> float:
    lengths = [len(example.ids) for example in examples]
    nats = 0.0
    for numbers in training.grouped(range(len(examples)), lengths, batch_tokens):
        batch = collate([examples[i] for i in numbers])
        nats += float(loss_of(batch)) * sum(examples[i].n_learned for i in numbers)
    return nats / sum(example.n_learned for example in examples)
