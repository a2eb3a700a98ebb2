"""Of which tasks, and of how many, is a generator made?

Each type has a share of the tokens that is set by its weight; what a type cannot fill is shared out
among the others. Within a type tasks are taken in an order of chance, and none twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from katsuo import seeds
from katsuo.types import TaskType

_ROUNDS: Final = len(TaskType)
"""A round fills one type at least, or is the last."""
_BUCKETS: Final = 1000
"""Into so many parts of equal size documents fall by their ids."""


def is_held_out(document_id: str, fraction: float) -> bool:
    """Whether nothing is learned from the document: as good as chance, and for ever the same.

    The id alone decides, so that every generator leaves the same documents out, whatever its
    seed and its sources. Of a larger fraction the smaller ones are part.
    """
    return int(document_id, 16) % _BUCKETS < fraction * _BUCKETS


def mixed(
    items: Sequence[tuple[TaskType, int]],
    *,
    tokens: int | None,
    weights: Mapping[TaskType, float],
    seed: int,
) -> list[int]:
    """Numbers of the items to learn, in their own order.

    Args:
        items: Type and tokens of each.
        tokens: About so many tokens in all; without it, as many as the weights allow.
        weights: Share of each type relative to the others; 1 where nobody says, 0 leaves it out.
        seed: Decides which of a type are taken.
    """
    by_type: dict[TaskType, list[int]] = {}
    for number, (kind, _) in enumerate(items):
        if weights.get(kind, 1.0) > 0:
            by_type.setdefault(kind, []).append(number)
    if tokens is None and not weights:
        return sorted(number for numbers in by_type.values() for number in numbers)
    held = {kind: sum(items[n][1] for n in numbers) for kind, numbers in by_type.items()}
    shares = {kind: weights.get(kind, 1.0) for kind in by_type}
    quotas = _quotas(held, shares, _most(held, shares) if tokens is None else tokens)
    taken: list[int] = []
    for kind, numbers in by_type.items():
        seeds.stream(seed, "mixture", kind.value).shuffle(numbers)
        n_tokens = 0
        for number in numbers:
            if n_tokens >= quotas[kind]:
                break
            taken.append(number)
            n_tokens += items[number][1]
    return sorted(taken)


def _most(held: Mapping[TaskType, int], shares: Mapping[TaskType, float]) -> float:
    """Most tokens of which every type can have its share."""
    whole = sum(shares.values())
    return min((held[kind] * whole / share for kind, share in shares.items()), default=0.0)


def _quotas(
    held: Mapping[TaskType, int], shares: Mapping[TaskType, float], tokens: float
) -> dict[TaskType, float]:
    """Tokens of each type: its share, or all it has, and then what others leave."""
    quotas: dict[TaskType, float] = {}
    for _ in range(_ROUNDS):
        open_ = {kind: share for kind, share in shares.items() if kind not in quotas}
        left = tokens - sum(quotas.values())
        whole = sum(open_.values())
        short = {k: held[k] for k, share in open_.items() if held[k] <= left * share / whole}
        if not short:
            return quotas | {kind: left * share / whole for kind, share in open_.items()}
        quotas |= {kind: float(n) for kind, n in short.items()}
    return quotas
