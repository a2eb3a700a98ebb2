"""What does a model say and prefer, worked out by transformers: the reference for every engine.

    Question ──▶ Tree ──pack──▶ one pass over prompt and choices ──▶ Ranked
    Request  ──▶ Draft ─decode─▶ one pass per new token          ──▶ Completion

In bfloat16 only matrices and their products are bfloat16; what flows from layer
to layer, norms and biases stay float32. That halves the error of plain bfloat16
(0.14 to 0.09 nats a choice on SmolLM2-135M) and costs ranking no time.

Shapes: B trees, T places, N predicted tokens of a pass, V words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch

from katsuo import training
from katsuo.errors import ModelError
from katsuo.models import packing, weights
from katsuo.models.barring import Bars, Plain, paths
from katsuo.models.decoding import Draft, decode
from katsuo.models.packing import Pack, Tree
from katsuo.models.tokens import Tokens
from katsuo.protocols import Completion, Hold, Question, Ranked, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """How much a device is given at once."""

    ranked_tokens: int
    """Places of one ranking pass, padding included."""
    questions: int
    """So many are read ahead and sorted by length."""
    drafts: int
    """Most of one batch."""
    cached_tokens: int
    """Most tokens that a batch keeps keys and values of."""


CPU_WIDTHS: Final = Widths(ranked_tokens=1024, questions=256, drafts=32, cached_tokens=32768)
"""Passes of 1,024 tokens are about a tenth faster than one prompt a pass; 32,768 cached tokens are
2 GB for SmolLM2-135M."""
GPU_WIDTHS: Final = Widths(ranked_tokens=32768, questions=512, drafts=256, cached_tokens=1 << 18)
"""A GPU is idle in smaller passes, which it ends before the next one is told to it."""
LONG_TOKENS: Final = 640
"""On a CPU, written-out attention is faster than fused attention up to about this length.

Written out, a choice also got the same nats in every batch, to the last bit; fused, it did not.
Longer trees stand alone in their pass.
"""
PIECE_TOKENS: Final = 1024
"""Texts are read for their perplexity in pieces of so many tokens."""
HEAD_TOKENS: Final = 256
"""Logits are made float32 for so many tokens at once: 50 MB for 49,152 words."""


@dataclass(frozen=True, kw_only=True)
class HfModel:
    """A causal language model in transformers; implements `Completes` and `Ranks`."""

    model: Any
    tokens: Tokens
    window: int
    """Most tokens of prompt and answer together."""

    @classmethod
    def load(
        cls,
        folder: Path,
        tokens: Tokens | None = None,
        *,
        adapter: Path | None = None,
        dtype: str = "bfloat16",
        device: str | None = None,
    ) -> HfModel:
        """The model in `folder`, with the adapter in the folder `adapter` merged in.

        Args:
            folder: config.json, safetensors weights and tokenizer.
            tokens: Read from `folder` where they are not given.
            adapter: A peft adapter that can be merged, such as a LoRA.
            dtype: Of the matrices: `bfloat16`, or `float32`, three times slower.
            device: As torch names it; the GPU if there is one.

        Raises:
            ModelError: If model or adapter cannot be loaded whole, or do not fit each other.
        """
        model = weights.load(folder, adapter=adapter, precision=dtype)
        window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if not isinstance(window, int):
            raise ModelError(
                f"{folder}/config.json: max_position_embeddings is {window!r}; "
                "it must say how many tokens the model can read"
            )
        return cls(
            model=model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")),
            tokens=tokens or Tokens.load(folder),
            window=window,
        )

    def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
        """Rank the choices of every question, in the order of the questions.

        `nats` and `n_tokens` are empty when the question cannot be ranked: its
        prompt with its longest choice does not fit the model's window, or it has
        no choice, or its prompt has no token.
        """
        waiting = iter(questions)
        while batch := list(islice(waiting, self._widths.questions)):
            trees = [self._tree(question) for question in batch]
            nats = iter(self._nats([tree for tree in trees if tree]))
            for question, tree in zip(batch, trees, strict=True):
                yield Ranked(
                    id=question.id,
                    nats=next(nats) if tree else (),
                    n_tokens=tuple(map(len, tree.choices)) if tree else (),
                )

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt, in batches of similar length.

        A request whose prompt leaves no room for a token fails as `prompt-too-long`,
        one whose prompt has no token as `prompt-empty`. A completion is cut where
        the window ends, as it is at `max_tokens`.
        """
        drafts = [self._draft(request) for request in requests]
        sizes = [len(draft.prompt) + draft.limit for draft in drafts]
        able = [number for number, draft in enumerate(drafts) if not self._failure(draft)]
        widths = self._widths
        for group in training.grouped(able, sizes, widths.cached_tokens):
            for start in range(0, len(group), widths.drafts):
                with self._arithmetic("sdpa"):
                    decode(self.model, [drafts[i] for i in group[start : start + widths.drafts]])
        for draft in drafts:
            yield Completion(
                id=draft.request.id,
                text=draft.text,
                finished=draft.ended,
                failure=self._failure(draft),
                n_tokens=len(draft.drawn),
            )

    def perplexity(self, texts: Iterable[str]) -> tuple[float, int]:
        """Nats and tokens of all `texts` together; the perplexity is exp(nats / tokens).

        Every token counts but the first of a text, which nothing predicts (a bos
        token does not count). Texts of more than `PIECE_TOKENS` are read in pieces.
        """
        size = min(PIECE_TOKENS, self.window)
        trees = [tree for text in texts for tree in self._pieces(text, size)]
        nats = self._nats(trees)
        return -sum(row[0] for row in nats), sum(len(tree.choices[0]) for tree in trees)

    @property
    def _widths(self) -> Widths:
        return CPU_WIDTHS if self.model.device.type == "cpu" else GPU_WIDTHS

    def _tree(self, question: Question) -> Tree | None:
        prompt = tuple(self.tokens.of(question))
        # The end token is ranked with the choice: without it "Yes" outranks "Yes, but".
        choices = tuple(tuple(self.tokens.target_ids(choice)) for choice in question.choices)
        if not prompt or not choices:
            return None
        tree = Tree(prompt=prompt, choices=choices)
        return tree if tree.n_positions <= self.window else None

    def _draft(self, request: Request) -> Draft:
        prompt = tuple(self.tokens.of(request))
        limit = max(0, min(request.sampling.max_tokens, self.window - len(prompt)))
        bars = self._bars(request.hold) if request.hold else None
        return Draft(request=request, prompt=prompt, limit=limit, tokens=self.tokens, bars=bars)

    def _bars(self, hold: Hold) -> Bars:
        return self._plain if hold.is_plain else paths(hold, self.tokens)

    @cached_property
    def _plain(self) -> Plain:
        return Plain.of(self.tokens)

    def _failure(self, draft: Draft) -> str:
        if not draft.prompt:
            return "prompt-empty"
        return "" if len(draft.prompt) < self.window else "prompt-too-long"

    def _pieces(self, text: str, size: int) -> Iterator[Tree]:
        ids = tuple(self.tokens.prompt_ids(text, chat=False))
        # The last token of a piece is the first of the next, so every later one is predicted once.
        for start in range(0, len(ids) - 1, size - 1):
            yield Tree(prompt=ids[start : start + 1], choices=(ids[start + 1 : start + size],))

    def _nats(self, trees: Sequence[Tree]) -> list[tuple[float, ...]]:
        """Nats of every choice of every tree."""
        reach = reach_of(self.model)
        rows = [
            row for tree in trees for row in ([tree] if tree.n_positions <= reach else tree.alone())
        ]
        found: dict[int, tuple[float, ...]] = {}
        for group in _passes(rows, self._widths.ranked_tokens):
            mates = [rows[i] for i in group]
            found.update(zip(group, packing.summed(self._scored(mates), mates), strict=True))
        nats = iter([one for i in range(len(rows)) for one in found[i]])
        return [tuple(islice(nats, len(tree.choices))) for tree in trees]

    def _scored(self, trees: Sequence[Tree]) -> list[float]:
        """Nats of every predicted token of `trees`, in one pass."""
        pack = packing.pack(trees)
        is_long = pack.ids_BT.shape[1] > LONG_TOKENS or self.model.device.type != "cpu"
        fused = is_long and _fuses(self.model)
        with self._arithmetic("sdpa" if fused else "eager"):
            logits_NV = _logits(self.model, pack, branched=trees[0].is_branched)
            labels_N = pack.labels_N.to(logits_NV.device)
            losses = [
                torch.nn.functional.cross_entropy(part_NV.float(), part_N, reduction="none")
                for part_NV, part_N in zip(
                    logits_NV.split(HEAD_TOKENS), labels_N.split(HEAD_TOKENS), strict=True
                )
            ]
            return [-nats for nats in torch.cat(losses).tolist()]

    @contextmanager
    def _arithmetic(self, attention: str) -> Iterator[None]:
        """How a pass is worked out; never open across a yield, for it is torch's global state."""
        if _fuses(self.model):
            self.model.set_attn_implementation(attention)
        device, narrow = self.model.device.type, weights.is_narrow(self.model)
        with (
            torch.inference_mode(),
            torch.autocast(device, torch.bfloat16, enabled=narrow, cache_enabled=False),
        ):
            yield


def reach_of(model: Any) -> float:  # noqa: ANN401 -- untyped library
    """Longest prompt with choice, in tokens, that `model` can read as a tree; 0 if it cannot.

    A tree needs attention that does as its mask says. Within its sliding window
    attention does; recurrent layers and position biases never do.
    """
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    if not model._supports_attention_backend or model._is_stateful:
        return 0
    if not {"full_attention", "sliding_attention"}.issuperset(kinds):
        return 0
    return getattr(config, "sliding_window", None) or float("inf")


def _passes(rows: Sequence[Tree], tokens: int) -> Iterator[tuple[int, ...]]:
    """The numbers of `rows` by the pass in which they are read."""
    lengths = [row.n_places for row in rows]
    # A row without branches keeps the model's own mask, such as a sliding window's.
    for branched in (True, False):
        alike = [i for i, row in enumerate(rows) if row.is_branched == branched]
        yield from training.grouped(alike, lengths, tokens)


def _fuses(model: Any) -> bool:  # noqa: ANN401
    """Whether fused attention can do what the model's attention does."""
    config = model.config.get_text_config()
    return model._supports_sdpa and not getattr(config, "attn_logit_softcapping", None)


def _logits(model: Any, pack: Pack, *, branched: bool) -> torch.Tensor:  # noqa: ANN401
    """Logits where a token is predicted."""
    sources_N = pack.sources_N.to(model.device)

    def pick(_head: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        return (inputs[0].flatten(0, 1).index_select(0, sources_N),)

    tree: dict[str, torch.Tensor] = {}
    if branched:
        dtype = torch.bfloat16 if weights.is_narrow(model) else torch.float32
        tree["position_ids"] = pack.positions_BT.to(model.device)
        tree["attention_mask"] = packing.mask_B1TT(pack.branches_BT.to(model.device), dtype)
    # A hook, no head of ours: what a model does to its logits (a cap, a scale) still happens.
    hook = model.get_output_embeddings().register_forward_pre_hook(pick)
    try:
        return model(input_ids=pack.ids_BT.to(model.device), use_cache=False, **tree).logits
    finally:
        hook.remove()
