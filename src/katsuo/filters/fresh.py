"""Has this task been asked before?

Twins teach nothing twice and tilt the mixture towards whatever the generator
likes to ask. The decisions, and their price, are in docs/notes/0009.

    signatures ─sort by (-score, id)─▶ same words? ─▶ near a kept one? ─▶ verdicts
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from rensa import RMinHash, RMinHashLSH

from katsuo.errors import RecipeError
from katsuo.protocols import Signature
from katsuo.types import KEEP, Verdict, drop

_N_HASHES: Final = 252
"""Hashes of one signature; a number with many divisors, for bands of many lengths."""

_MISSED_FRACTION: Final = 0.001
"""Share of the pairs just alike enough that the index may fail to propose."""

_HASH_SEED: Final = 0
"""Fixed: which pairs are proposed must not depend on the run."""

_ALONE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words: each character counts as a word."""

_WORD: Final = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+")


class _Parts(NamedTuple):
    """What is compared, part by part: a shared question does not make up for another answer."""

    head: str
    """The first line, folded."""
    question: frozenset[str]
    """Shingles of what stands between."""
    response: frozenset[str]
    """Shingles of the last line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Keep the best-scored of every group of twins.

    Signatures are taken by falling score, then by id, so the order in which
    they come in does not matter; each is compared with the ones kept so far.
    The first line of a signature's text must be the same in twins; the last is
    the response, what stands between the question. Two tasks are near twins if
    both their questions and their responses are alike.
    """

    min_overlap: float = 0.8
    """Jaccard overlap of word shingles from which two lines are alike, in (0.5, 1]."""
    shingle_words: int = 3
    """Words in a row that are compared; a line of fewer words is compared whole."""

    def __post_init__(self) -> None:
        # Lines that agree by half or less differ more than they agree.
        if not 0.5 < self.min_overlap <= 1:
            raise RecipeError(
                f"curate.fresh.min_overlap is {self.min_overlap}; it must lie in (0.5, 1]"
            )
        if self.shingle_words < 1:
            raise RecipeError(
                f"curate.fresh.shingle_words is {self.shingle_words}; it must be >= 1"
            )

    def select(self, rows: Iterable[Signature]) -> Iterator[tuple[str, Verdict]]:
        """A verdict for every id, best score first; holds all signatures in memory."""
        index = RMinHashLSH(self.min_overlap**2, _N_HASHES, _bands(self.min_overlap**2))
        kept: list[Signature] = []
        seen: set[tuple[str, str]] = set()
        for row in sorted(rows, key=lambda row: (-row.score, row.id, row.text)):
            folded = (row.type, _folded(row.text))
            if folded in seen:
                yield row.id, drop("duplicate-exact")
                continue
            parts = self._parts(row)
            minhash = RMinHash(_N_HASHES, _HASH_SEED)
            minhash.update(_tagged(parts))
            twins = (kept[number] for number in index.query(minhash))
            if any(self._alike(parts, self._parts(twin)) for twin in twins):
                yield row.id, drop("duplicate-near")
                continue
            seen.add(folded)
            index.insert(len(kept), minhash)
            kept.append(row)
            yield row.id, KEEP

    def _alike(self, mine: _Parts, theirs: _Parts) -> bool:
        return (
            mine.head == theirs.head
            and _jaccard(mine.response, theirs.response) >= self.min_overlap
            and _jaccard(mine.question, theirs.question) >= self.min_overlap
        )

    def _parts(self, row: Signature) -> _Parts:
        # Cut again for kept tasks rather than held: the sets would take kilobytes a task.
        head, _, rest = _folded(row.text).partition("\n")
        question, _, response = rest.rpartition("\n")
        return _Parts(
            head=f"{row.type} {head}",
            question=self._shingles(question),
            response=self._shingles(response),
        )

    def _shingles(self, text: str) -> frozenset[str]:
        # A line of signs alone ("+") still differs from other signs.
        words = _WORD.findall(text) or [text]
        n_windows = max(1, len(words) - self.shingle_words + 1)
        return frozenset(" ".join(words[i : i + self.shingle_words]) for i in range(n_windows))


def _tagged(parts: _Parts) -> list[str]:
    """What the index is told: every pair of a question's and a response's shingle.

    Tasks that share one line only share no pair, else all that a template asks
    alike would be compared with each other. If both lines overlap by x, the
    pairs overlap by x² at least.
    """
    return [f"{parts.head}\n{asked}\n{said}" for asked in parts.question for said in parts.response]


def _bands(overlap: float) -> int:
    """The number of the longest bands that propose nearly every pair at `overlap`.

    >>> _bands(0.8**2), _bands(0.5**2)
    (63, 126)
    """
    return next(
        _N_HASHES // n_rows
        for n_rows in range(_N_HASHES, 0, -1)
        if _N_HASHES % n_rows == 0
        and (1 - overlap**n_rows) ** (_N_HASHES // n_rows) <= _MISSED_FRACTION
    )


def _jaccard(ours: frozenset[str], theirs: frozenset[str]) -> float:
    return len(ours & theirs) / len(ours | theirs)


def _folded(text: str) -> str:
    """`text` in one Unicode form, without case, its lines single-spaced."""
    lines = unicodedata.normalize("NFKC", text).casefold().split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)
