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
from katsuo.models.barring import Bars
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
    bars: Bars | None = None
    """What it must be; none where it is free."""
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

    def take(self, word: int) -> None:
        """Write the next token."""
        self.drawn.append(word)
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
        words = drawn(
            _held(output.logits[:, -1].float(), running),
            [draft.request.sampling for draft in running],
            [draft.chance for draft in running],
        )
        for draft, word in zip(running, words, strict=True):
            draft.take(word)
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


def _held(logits_BV: torch.Tensor, drafts: Sequence[Draft]) -> torch.Tensor:
    """The logits, without the words that the drafts may not take."""
    if all(draft.bars is None for draft in drafts):
        return logits_BV
    held_BV = logits_BV.clone()
    for row, draft in enumerate(drafts):
        if draft.bars is not None:
            barred_V = draft.bars.barred_V(draft.drawn, held_BV.shape[1])
            held_BV[row, barred_V.to(held_BV.device)] = float("-inf")
    return held_BV


def drawn(
    logits_BV: torch.Tensor, samplings: Sequence[Sampling], chances: Sequence[random.Random]
) -> list[int]:
    """One word a row: the likeliest at temperature 0, else drawn from the nucleus by one number."""
    words = logits_BV.argmax(-1).tolist()
    warm = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if not warm:
        return words
    device = logits_BV.device
    told = [
        (samplings[row].temperature, samplings[row].top_p, chances[row].random()) for row in warm
    ]
    heat_B1, top_p_B1, at_B1 = torch.tensor(told, dtype=torch.float64, device=device).split(1, 1)
    probs_BV = (logits_BV[torch.tensor(warm, device=device)].double() / heat_B1).softmax(-1)
    probs_BK, words_BK = nucleus(probs_BV, top_p_B1)
    reached_BK = probs_BK.cumsum(-1)
    places_B1 = torch.searchsorted(reached_BK, at_B1 * reached_BK[:, -1:], right=True)
    places_K = torch.arange(probs_BK.shape[1], device=device)
    last_B1 = (places_K * (probs_BK > 0)).amax(1, keepdim=True)
    found = words_BK.gather(1, places_B1.minimum(last_B1)).flatten().tolist()
    for row, word in zip(warm, found, strict=True):
        words[row] = word
    return words


def nucleus(probs_BV: torch.Tensor, top_p_B1: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """In each row the fewest words with at least its mass, likeliest first: their shares, and they.

    Words outside have the share 0. Where all rows want all of the mass, the words stand in the
    order of the vocabulary.
    """
    n_all = probs_BV.shape[1]
    if bool((top_p_B1 == 1).all()):
        return probs_BV, torch.arange(n_all, device=probs_BV.device).expand_as(probs_BV)
    for n_words in (min(LIKELY_WORDS, n_all), n_all):
        probs_BK, words_BK = probs_BV.topk(n_words)
        before_BK = probs_BK.cumsum(-1) - probs_BK
        inside_BK = (before_BK < top_p_B1) | (top_p_B1 == 1)
        if n_words == n_all or not bool(inside_BK[:, -1].any()):
            break
    return probs_BK * inside_BK, words_BK


def _padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of `rows`, padded in front, so that all of them end at the same place."""
    width = max(map(len, rows))
    ids_BT = torch.zeros((len(rows), width), dtype=torch.long)
    mask_BT = torch.zeros_like(ids_BT)
    for number, row in enumerate(rows):
        ids_BT[number, width - len(row) :] = torch.tensor(row)
        mask_BT[number, width - len(row) :] = 1
    return ids_BT, mask_BT
