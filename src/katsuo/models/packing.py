"""How are several choices read behind one prompt in a single pass?

    ids        p0 p1 p2 | a0 a1 | b0      the last token of a choice is predicted, never read
    positions   0  1  2 |  3  4 |  3      every choice begins where the prompt ends
    branches    0  0  0 |  1  1 |  2      a place sees what stands before it in branch 0 and its own

With one choice this is an ordinary row of text; then causal attention alone does,
since padding stands behind every real token.

Shapes: B trees, T places, N predicted tokens of the whole pack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

PADDING_BRANCH: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A prompt and the choices behind it, as token ids."""

    prompt: tuple[int, ...]
    """At least one token: what predicts the first token of every choice."""
    choices: tuple[tuple[int, ...], ...]
    """At least one, each of at least one token."""

    def __post_init__(self) -> None:
        assert self.prompt, "the first token of a choice is predicted by the prompt's last"
        assert self.choices, "a tree has a choice"
        assert all(self.choices), "a choice has a token"

    @property
    def n_places(self) -> int:
        """Tokens that are read."""
        return len(self.prompt) + sum(len(choice) - 1 for choice in self.choices)

    @property
    def n_positions(self) -> int:
        """Length of the prompt with its longest choice, which must fit the model's window."""
        return len(self.prompt) + max(map(len, self.choices))

    @property
    def is_branched(self) -> bool:
        """Whether it has several choices, which must not see each other."""
        return len(self.choices) > 1

    def alone(self) -> list[Tree]:
        """One tree per choice: what a model is given that cannot read several at once."""
        return [Tree(prompt=self.prompt, choices=(choice,)) for choice in self.choices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Trees of one pass as tensors."""

    ids_BT: torch.Tensor  # noqa: N815 -- shapes stand in names
    positions_BT: torch.Tensor  # noqa: N815
    branches_BT: torch.Tensor  # noqa: N815
    sources_N: torch.Tensor  # noqa: N815
    """Where in the flattened ids a token is predicted: the place of the token before it."""
    labels_N: torch.Tensor  # noqa: N815
    """The predicted tokens, by tree, by choice, in order."""


def pack(trees: Sequence[Tree]) -> Pack:
    """The pack of `trees`, padded at the end to the longest."""
    width = max(tree.n_places for tree in trees)
    ids_BT = torch.zeros((len(trees), width), dtype=torch.long)
    positions_BT = torch.zeros_like(ids_BT)
    branches_BT = torch.full_like(ids_BT, PADDING_BRANCH)
    sources: list[int] = []
    for row, tree in enumerate(trees):
        n_prompt, place = len(tree.prompt), len(tree.prompt)
        ids_BT[row, :n_prompt] = torch.tensor(tree.prompt)
        positions_BT[row, :n_prompt] = torch.arange(n_prompt)
        branches_BT[row, :n_prompt] = 0
        for branch, choice in enumerate(tree.choices, start=1):
            end = place + len(choice) - 1
            ids_BT[row, place:end] = torch.tensor(choice[:-1], dtype=torch.long)
            positions_BT[row, place:end] = torch.arange(n_prompt, n_prompt + end - place)
            branches_BT[row, place:end] = branch
            sources += [row * width + i for i in (n_prompt - 1, *range(place, end))]
            place = end
    labels = [token for tree in trees for choice in tree.choices for token in choice]
    return Pack(
        ids_BT=ids_BT,
        positions_BT=positions_BT,
        branches_BT=branches_BT,
        sources_N=torch.tensor(sources),
        labels_N=torch.tensor(labels),
    )


def mask_B1TT(branches_BT: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:  # noqa: N802
    """What each place (row) may attend to (column): 0, or the least number of `dtype`.

    Padding sees padding, so that no row of attention weights is empty.
    """
    own_BTT = branches_BT[:, :, None] == branches_BT[:, None, :]
    seen_BTT = (own_BTT | (branches_BT[:, None, :] == 0)).tril()
    hidden_BTT = torch.zeros_like(seen_BTT, dtype=dtype).masked_fill_(
        ~seen_BTT, torch.finfo(dtype).min
    )
    return hidden_BTT[:, None]


def summed(nats_N: Sequence[float], trees: Sequence[Tree]) -> list[tuple[float, ...]]:
    """Nats of each choice of each tree, from those of the predicted tokens of their pack."""
    left = iter(nats_N)
    return [tuple(sum(next(left) for _ in choice) for choice in tree.choices) for tree in trees]
