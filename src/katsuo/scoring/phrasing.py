"""How alike are the instructions of a set put?

    openings     share of the ten commonest first three words
    distinct-n   different runs of n words over all of them
    self-BLEU    how far an instruction can be pieced together from the others, 0 to 100

The last two depend on how many instructions there are, so both are of a sample of a fixed
size, drawn by seed. Texts come without their passage: the passage is the document's voice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from katsuo import seeds
from katsuo.scoring.generated import OPENING_WORDS, distinct
from katsuo.words import words

COMMONEST: Final = 10
"""Openings that are added up."""
SAMPLE: Final = 200
"""Most instructions of a sample; self-BLEU compares each with each: about 1 s of one core."""
FEWEST: Final = 10
"""Fewer instructions say nothing about a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasing:
    """How alike the instructions of one set are."""

    n: int
    """Instructions of the set."""
    sample: int
    """Those of them that `distinct` and `self_bleu` are of."""
    openings: tuple[tuple[str, float], ...]
    """The commonest first words, each with its share in [0, 1], the commonest first."""
    distinct: tuple[float | None, ...]
    """For runs of one, two and three words, in [0, 1]: 1 where no run comes twice."""
    self_bleu: float | None
    """0 to 100: 100 where all say the same; None without the library sacrebleu."""

    @property
    def commonest_fraction(self) -> float:
        """Share of the instructions that begin in one of the commonest ways."""
        return sum(share for _, share in self.openings)


@dataclass(slots=True)
class Gathered:
    """Instructions of one set as they come; memory does not grow with them but for openings."""

    chance: random.Random
    n: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, name: str) -> Gathered:
        """Nothing yet; the sample of the set called `name` is drawn by `seed`."""
        return cls(chance=seeds.stream(seed, "phrasing", name))

    def add(self, text: str) -> None:
        """Count one instruction, without its passage."""
        self.n += 1
        self.counts[" ".join(words(text)[:OPENING_WORDS])] += 1
        if len(self.sample) < SAMPLE:
            self.sample.append(text)
        elif (place := self.chance.randrange(self.n)) < SAMPLE:
            self.sample[place] = text

    def phrasing(self) -> Phrasing | None:
        """How alike they are; none of fewer than `FEWEST`."""
        if self.n < FEWEST:
            return None
        common = self.counts.most_common(COMMONEST)
        return Phrasing(
            n=self.n,
            sample=len(self.sample),
            openings=tuple((opening, count / self.n) for opening, count in common),
            distinct=tuple(distinct(self.sample, n) for n in (1, 2, 3)),
            self_bleu=self_bleu(self.sample),
        )


def self_bleu(texts: Sequence[str]) -> float | None:
    """The mean BLEU of each text against all others (Zhu et al. 2018), 0 to 100.

    None for fewer than two texts, and where the library sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError:
        return None
    split = [" ".join(words(text)) for text in texts]
    if len(split) < len(("one", "other")):
        return None
    # Short texts lack runs of four words: then the order that they have counts.
    bleu = BLEU(tokenize="none", effective_order=True)
    scores = [
        bleu.sentence_score(text, [*split[:i], *split[i + 1 :]]).score
        for i, text in enumerate(split)
    ]
    return float(sum(scores) / len(scores))
