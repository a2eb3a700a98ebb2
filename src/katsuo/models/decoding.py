"""How is a batch of prompts continued, each by its own chance?

    drafts ──▶ [pad pad p0 p1 p2]  ──read──▶ logits ──draw──▶ one token per draft ─┐
               [p0  p1  p2 p3 p4]              ▲                                   │
                                               └───── drafts that have not ended ◀─┘

A draft draws one number per token from its own seed, so which numbers it gets
does not depend on its neighbours. A draft that ends leaves the batch at once.

Shapes: B drafts, T tokens, V words of the vocabulary, K words that may be drawn.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from katsuo.errors import ModelError
from katsuo.models.tokens import Tokens
from katsuo.protocols import Request, Sampling

LIKELY_WORDS: Final = 256
"""The nucleus is looked for among so many words first: sorting them all costs more than a step."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A request on its way."""

    request: Request
    prompt: tuple[int, ...]
    limit: int
    """Most new tokens."""
    tokens: Tokens
    drawn: list[int] = field(default_factory=list)
    ended: bool = False
    """Whether the end token or a stop string has come."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.request.seed)

    @property
    def runs(self) -> bool:
        """Whether there is a token to draw."""
        return not self.ended and len(self.drawn) < self.limit

    @property
    def text(self) -> str:
        """What is written so far, up to the first stop string."""
        text = self.tokens.text(self.drawn)
        found = [at for stop in self.request.stop if (at := text.find(stop)) >= 0]
        return text[: min(found, default=len(text))]

    def draw(self, logits_V: torch.Tensor) -> None:
        """Take the next token."""
        self.drawn.append(drawn(logits_V, self.request.sampling, self.chance))
        self.ended = self.drawn[-1] == self.tokens.end_id or self._stopped()

    def _stopped(self) -> bool:
        if not self.request.stop:
            return False
        text = self.tokens.text(self.drawn)
        return any(stop in text for stop in self.request.stop)


def decode(model: Any, drafts: Sequence[Draft]) -> None:  # noqa: ANN401 -- untyped library
    """Continue every draft until it ends or has come to its limit."""
    running = [draft for draft in drafts if draft.runs]
    if not running:
        return
    device = model.device
    ids_BT, mask_BT = (part.to(device) for part in _padded([draft.prompt for draft in running]))
    positions_BT = (mask_BT.cumsum(-1) - 1).clamp_(min=0)
    cache = None
    while True:
        output = model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            position_ids=positions_BT,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            raise ModelError(
                f"{type(model).__name__} keeps no keys and values between tokens; "
                "a transformer with attention would do"
            )
        for draft, logits_V in zip(running, output.logits[:, -1].float().cpu(), strict=True):
            draft.draw(logits_V)
        going = [row for row, draft in enumerate(running) if draft.runs]
        if not going:
            return
        if len(going) < len(running):
            running = [running[row] for row in going]
            rows = torch.tensor(going, device=device)
            cache.batch_select_indices(rows)
            mask_BT = mask_BT[rows]
        ids_BT = torch.tensor([[draft.drawn[-1]] for draft in running], device=device)
        mask_BT = torch.cat([mask_BT, torch.ones_like(ids_BT)], dim=1)
        positions_BT = mask_BT.sum(-1, keepdim=True) - 1


def drawn(logits_V: torch.Tensor, sampling: Sampling, chance: random.Random) -> int:
    """One word: the likeliest at temperature 0, else drawn from the nucleus by one number."""
    if sampling.temperature == 0:
        return int(logits_V.argmax())
    probs_V = (logits_V.double() / sampling.temperature).softmax(-1)
    probs_K, words_K = nucleus(probs_V, sampling.top_p)
    reached_K = probs_K.cumsum(-1)
    at = chance.random() * float(reached_K[-1])
    place = int(torch.searchsorted(reached_K, at, right=True))
    return int(words_K[min(place, len(words_K) - 1)])


def nucleus(probs_V: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The fewest words with at least `top_p` of the mass, likeliest first: their shares, and they.

    With `top_p` 1 these are all words, in the order of the vocabulary.
    """
    if top_p == 1:
        return probs_V, torch.arange(len(probs_V))
    for n_words in (min(LIKELY_WORDS, len(probs_V)), len(probs_V)):
        probs_K, words_K = probs_V.topk(n_words)
        before_K = probs_K.cumsum(-1) - probs_K
        n_kept = int((before_K < top_p).sum())
        if n_kept < n_words:
            break
    return probs_K[:n_kept], words_K[:n_kept]


def _padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of `rows`, padded in front, so that all of them end at the same place."""
    width = max(map(len, rows))
    ids_BT = torch.zeros((len(rows), width), dtype=torch.long)
    mask_BT = torch.zeros_like(ids_BT)
    for number, row in enumerate(rows):
        ids_BT[number, width - len(row) :] = torch.tensor(row)
        mask_BT[number, width - len(row) :] = 1
    return ids_BT, mask_BT
