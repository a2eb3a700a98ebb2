"""Which tokens does the trainer read, and which of them does it learn?

    Pair ──encode──▶ Example: prompt ids + target ids
    Examples ──collate──▶ Batch: ids, padded at the end, and the places that predict a target token

Padding stands behind every real token of its row, so causal attention never
sees it and no mask is needed. Where rows can be joined (`joined.py`), they stand
end to end instead: B is 1, and only the rest of the one long row is padding.

Shapes: B examples, T tokens, N target tokens of the whole batch, V words of the vocabulary.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import peft
import torch

from katsuo import training
from katsuo.models import joined, packing
from katsuo.models.tokens import Tokens
from katsuo.types import Pair

WIDTH_STEP: Final = training.WIDTH_STEP
"""Rows are padded to a multiple: the CPU library keeps memory for every new shape (docs/log.md)."""
LABELS_STEP: Final = 64
"""The number of predicted places is padded likewise, and the length of joined rows."""
NO_LABEL: Final = -100
"""Stands where a padded place predicts nothing: torch's own mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of several texts behind the tokens that they share; places in the row's ids."""

    start: int
    first: int
    """Of its target; above `start`, so that a token of its own predicts it."""
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A pair as token ids, or several that begin alike (`sharing.py`)."""

    ids: tuple[int, ...]
    n_prompt: int
    """Tokens in front that are read and not learned."""
    branches: tuple[Branch, ...] = ()
    """Behind the shared tokens, one after the other to the end; none in an ordinary row."""

    @property
    def targets(self) -> tuple[tuple[int, int], ...]:
        """Where the tokens lie that carry loss, from and to; the first of a row never does."""
        if self.branches:
            return tuple((branch.first, branch.end) for branch in self.branches)
        return ((max(self.n_prompt, 1), len(self.ids)),)

    @property
    def n_learned(self) -> int:
        """Tokens that carry loss."""
        return sum(end - first for first, end in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Examples of one step as tensors."""

    ids_BT: torch.Tensor  # noqa: N815 -- shapes stand in names
    sources_N: torch.Tensor  # noqa: N815
    """Where in the flattened ids a target token is predicted: the place before it."""
    labels_N: torch.Tensor  # noqa: N815
    n_tokens: int
    """Tokens read, padding not counted."""
    positions_BT: torch.Tensor | None = None  # noqa: N815
    """The place of each token in its own text; none where rows are padded and unbranched."""
    branches_BT: torch.Tensor | None = None  # noqa: N815
    """The branch of each token, 0 for what is shared; of padded rows where any is branched."""
    ends: torch.Tensor | None = None
    """Where each of the joined rows begins, and the last one ends; none where they are padded."""
    forks: tuple[tuple[int, ...], ...] = ()
    """Where the branches of each of the joined rows begin, counted from the row's own beginning."""

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; itself if it is there."""
        if device == self.ids_BT.device:
            return self
        names = ("ids_BT", "sources_N", "labels_N", "positions_BT", "branches_BT")
        there = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(self, **{name: value.to(device) for name, value in there.items()})


def encode(pair: Pair, tokens: Tokens) -> Example:
    """The ids of `pair`; a text without a prompt is a passage, which no end token ends."""
    return encode_all([pair], tokens)[0]


def encode_all(pairs: Sequence[Pair], tokens: Tokens) -> list[Example]:
    """The ids of each of `pairs`."""
    return [
        Example(ids=(*prompt, *target), n_prompt=len(prompt))
        for prompt, target in tokens.pairs_ids(pairs)
    ]


def sizes(pair: Pair, tokens: Tokens) -> tuple[int, int]:
    """Tokens of `pair` that are read only, and tokens that are learned."""
    example = encode(pair, tokens)
    return len(example.ids) - example.n_learned, example.n_learned


def collate(examples: Sequence[Example], *, join: bool = False) -> Batch:
    """The batch of `examples`: a row each, or with `join` one behind the other in a single row.

    Examples of more than `joined.LONG_TOKENS` are never joined.
    """
    lengths = [len(example.ids) for example in examples]
    n_tokens = sum(lengths)
    join = join and max(lengths) <= joined.LONG_TOKENS
    if join:
        starts = [0, *itertools.accumulate(lengths)]
        shape = (1, _rounded(n_tokens + joined.SPARE, LABELS_STEP))
    else:
        width = _rounded(max(lengths), WIDTH_STEP)
        starts = list(range(0, len(examples) * width, width))
        shape = (len(examples), width)
    ids_BT = torch.zeros(shape, dtype=torch.long)
    sources: list[int] = []
    labels: list[int] = []
    for start, example in zip(starts, examples, strict=False):
        ids_BT.view(-1)[start : start + len(example.ids)] = torch.tensor(example.ids)
        for first, end in example.targets:
            sources += range(start + first - 1, start + end - 1)
            labels += example.ids[first:end]
    n_spare = _rounded(len(labels), LABELS_STEP) - len(labels)
    sources += [0] * n_spare
    labels += [NO_LABEL] * n_spare
    branched = any(example.branches for example in examples)
    return Batch(
        ids_BT=ids_BT,
        sources_N=torch.tensor(sources),
        labels_N=torch.tensor(labels),
        n_tokens=n_tokens,
        positions_BT=_positions_BT(examples, starts, shape) if join or branched else None,
        branches_BT=_branches_BT(examples, starts, shape) if branched and not join else None,
        ends=torch.tensor(starts) if join else None,
        forks=tuple(tuple(branch.start for branch in example.branches) for example in examples)
        if join and branched
        else (),
    )


def _positions_BT(  # noqa: N802
    examples: Sequence[Example], starts: Sequence[int], shape: tuple[int, int]
) -> torch.Tensor:
    """The place of each token in its own text; padding counts on from the beginning."""
    positions_BT = torch.zeros(shape, dtype=torch.long)
    flat = positions_BT.view(-1)
    for start, example in zip(starts, examples, strict=False):
        n_shared = example.branches[0].start if example.branches else len(example.ids)
        flat[start : start + n_shared] = torch.arange(n_shared)
        for branch in example.branches:
            n_tokens = branch.end - branch.start
            place = start + branch.start
            flat[place : place + n_tokens] = torch.arange(n_shared, n_shared + n_tokens)
    return positions_BT


def _branches_BT(  # noqa: N802
    examples: Sequence[Example], starts: Sequence[int], shape: tuple[int, int]
) -> torch.Tensor:
    """The branch of each token, 0 for what is shared."""
    branches_BT = torch.full(shape, packing.PADDING_BRANCH)
    flat = branches_BT.view(-1)
    for start, example in zip(starts, examples, strict=False):
        flat[start : start + len(example.ids)] = 0
        for number, branch in enumerate(example.branches, start=1):
            flat[start + branch.start : start + branch.end] = number
    return branches_BT


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step


def loss(model: Any, batch: Batch, *, half: bool | None = None) -> torch.Tensor:  # noqa: ANN401
    """Mean nats per target token of `batch`.

    Args:
        model: On any device; the batch goes there.
        batch: To read.
        half: Whether matrix products are in bfloat16; None for as the weights are.
    """
    causal = _causal(model)
    on = batch.to(causal.device)
    half = causal.dtype == torch.bfloat16 if half is None else half
    causal.set_attn_implementation(_attention(causal, on))
    rows = _rows(on, causal.dtype)

    def pick(_head: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        return (inputs[0].flatten(0, 1).index_select(0, on.sources_N),)

    # A hook, no head of ours: what a model does to its logits (a cap, a scale) still happens.
    hook = causal.get_output_embeddings().register_forward_pre_hook(pick)
    try:
        with torch.autocast(causal.device.type, dtype=torch.bfloat16, enabled=half):
            logits_NV = causal(input_ids=on.ids_BT, use_cache=False, **rows).logits
    finally:
        hook.remove()
    return torch.nn.functional.cross_entropy(logits_NV.float(), on.labels_N)


def _rows(batch: Batch, dtype: torch.dtype) -> dict[str, Any]:
    """How a model is told where the texts of `batch` begin, and what each token may see."""
    if batch.ends is not None:
        told = {"position_ids": batch.positions_BT, "cu_seq_lens_q": batch.ends}
        return told | ({"forks": batch.forks} if batch.forks else {})
    if batch.branches_BT is None:
        return {}
    mask_B1TT = packing.mask_B1TT(batch.branches_BT, dtype)
    return {"position_ids": batch.positions_BT, "attention_mask": mask_B1TT}


def joins(model: Any) -> bool:  # noqa: ANN401
    """Whether batches for `model` are to be joined; compiled, it wants ever the same shapes."""
    causal = _causal(model)
    return joined.joins(causal) and causal.get_decoder().layers[0]._compiled_call_impl is None


def _causal(model: Any) -> Any:  # noqa: ANN401
    return model.get_base_model() if isinstance(model, peft.PeftModel) else model


def _attention(causal: Any, batch: Batch) -> str:  # noqa: ANN401
    """The name of the attention that is fastest for `batch`."""
    if batch.ends is not None:
        return joined.NAME
    # On a CPU, written-out attention is faster than fused attention up to about this length.
    is_short = batch.ids_BT.shape[1] <= joined.LONG_TOKENS
    return "eager" if is_short and causal.device.type == "cpu" else "sdpa"


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
            key: sum(
                float(loss(model, collate(part, join=joins(model)), half=half)) * _n_learned(part)
                for part in _parts(group, batch_tokens)
            )
            / _n_learned(group)
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
        for branch in example.branches:
            hashed.update(array("q", (branch.start, branch.first, branch.end)).tobytes())
    return hashed.hexdigest()


def _parts(examples: Sequence[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """The examples in batches of similar length."""
    lengths = [len(example.ids) for example in examples]
    for numbers in training.grouped(range(len(examples)), lengths, batch_tokens):
        yield [examples[i] for i in numbers]


def _n_learned(examples: Iterable[Example]) -> int:
    return sum(example.n_learned for example in examples)
