"""Which tokens may come next, where a completion must be one of a few texts?

    "Yes" ─▶ Path(5613)  ┐
    "No"  ─▶ Path(2502)  ┴─ allowed behind nothing: 5613, 2502; behind 5613: the end token

A text may be written in many tokens; a path is how the model was taught to read it. Where any text
without a marker will do, the words with a `<` are barred, and in the beginning those that show
nothing.

Shapes: V words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import torch

from katsuo.extracts import pieces
from katsuo.models.tokens import Tokens
from katsuo.protocols import Hold

_MOST_PIECES: Final = 96
"""Longest extract that is laid out as a path; `mending` asks for 64 tokens at most."""


class Bars(Protocol):
    """Says which words may not come next."""

    def barred_V(self, drawn: Sequence[int], n_words: int) -> torch.Tensor:  # noqa: N802
        """True for every word that may not follow `drawn`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way to write a text."""

    ids: tuple[int, ...]
    ends: frozenset[int]
    """After how many of them a completion may end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Implements `Bars` for choices and extracts."""

    all: tuple[Path, ...]
    end_id: int

    def barred_V(self, drawn: Sequence[int], n_words: int) -> torch.Tensor:  # noqa: N802
        """True for every word that leads off all paths."""
        allowed = list(self._allowed(tuple(drawn)))
        barred_V = torch.ones(n_words, dtype=torch.bool)
        barred_V[torch.tensor(allowed or [self.end_id])] = False
        return barred_V

    def _allowed(self, drawn: tuple[int, ...]) -> Iterator[int]:
        n = len(drawn)
        for path in self.all:
            if path.ids[:n] == drawn:
                if n in path.ends:
                    yield self.end_id
                yield from path.ids[n : n + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Implements `Bars` for any text without a marker."""

    marked_V: torch.Tensor  # noqa: N815 -- shapes stand in names
    """Words that hold a `<`."""
    unseen_V: torch.Tensor  # noqa: N815
    """Words that a text may not begin with."""

    @classmethod
    def of(cls, tokens: Tokens) -> Plain:
        """What the vocabulary of `tokens` has of either."""
        n_words = tokens.tokenizer.get_vocab_size()
        texts = [
            tokens.tokenizer.decode([word], skip_special_tokens=False) for word in range(n_words)
        ]
        marked = ["<" in text and word != tokens.end_id for word, text in enumerate(texts)]
        unseen = [not text[:1].strip() or text == tokens.end for text in texts]
        return cls(marked_V=torch.tensor(marked), unseen_V=torch.tensor(unseen))

    def barred_V(self, drawn: Sequence[int], n_words: int) -> torch.Tensor:  # noqa: N802
        """True for every word with a `<`, and in the beginning for those that show nothing."""
        known_V = self.marked_V if drawn else self.marked_V | self.unseen_V
        barred_V = torch.ones(n_words, dtype=torch.bool)  # a model may have rows for no word
        barred_V[: len(known_V)] = known_V[:n_words]
        return barred_V


def paths(hold: Hold, tokens: Tokens) -> Paths:
    """The ways to write what `hold` allows."""
    choices = (tuple(tokens.target_ids(one, end=False)) for one in hold.only)
    found = [Path(ids=ids, ends=frozenset({len(ids)})) for ids in choices]
    return Paths(all=(*found, *_extracts(hold.within, tokens)), end_id=tokens.end_id)


def _extracts(text: str, tokens: Tokens) -> Iterator[Path]:
    """From every piece of `text` that may begin an extract, a path along those behind it."""
    found = pieces(text)
    starts = [n for n, piece in enumerate(found) if piece.begins]
    ends = {piece.span.end for piece in found if piece.ends}
    rests = []
    for n in starts:
        last = found[min(n + _MOST_PIECES, len(found)) - 1]
        rests.append((found[n].span.start, last.span.end))
    encoded = tokens.tokenizer.encode_batch(
        [text[start:end] for start, end in rests], add_special_tokens=False
    )
    for (start, _), one in zip(rests, encoded, strict=True):
        offsets = one.offsets
        stops = {
            n
            for n, (_, end) in enumerate(offsets, start=1)
            # Several tokens of one character end at the same place: the last of them counts.
            if start + end in ends and (n == len(offsets) or offsets[n][1] > end)
        }
        if stops:
            n_tokens = max(stops)
            yield Path(ids=tuple(one.ids[:n_tokens]), ends=frozenset(stops))
