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
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rensa import RMinHash

from katsuo.errors import RecipeError
from katsuo.protocols import Signature
from katsuo.types import KEEP, Verdict, digest, drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_HASHES: Final = 252
"""Hashes of one signature; a number with many divisors, for bands of many lengths."""

_MISSED_FRACTION: Final = 0.001
"""Share of the pairs just alike enough that the index may fail to propose."""

_HASH_SEED: Final = 0
"""Fixed: which pairs are proposed must not depend on the run."""

_AT_ONCE: Final = 1024
"""Signatures whose hashes are held at the same time; their bands take a quarter of it."""

_NONE: Final = -1
"""Stands for no row and no group."""

_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without pattern (2^64 over the golden ratio): it spreads bits upwards."""

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
        """A verdict for every id, best score first.

        Holds all signatures in memory, and about 8 bytes a band for each; sets whose first lines
        have nothing in common can be judged one after the other.
        """
        ranked = sorted(rows, key=lambda row: (-row.score, row.id, row.text))
        index = _Index(self._minhashes(ranked), len(ranked), _bands(self.min_overlap**2))
        seen: set[int] = set()
        for number, row in enumerate(ranked):
            folded = int(digest(row.type, _folded(row.text)), 16)
            if folded in seen:
                yield row.id, drop("duplicate-exact")
            elif self._is_near(row, (ranked[twin] for twin in index.kept_like(number))):
                yield row.id, drop("duplicate-near")
            else:
                seen.add(folded)
                index.keep(number)
                yield row.id, KEEP

    def _minhashes(self, rows: Iterable[Signature]) -> Iterator[list[int]]:
        for row in rows:
            minhash = RMinHash(_N_HASHES, _HASH_SEED)
            minhash.update(_tagged(self._parts(row)))
            yield minhash.digest()

    def _is_near(self, row: Signature, twins: Iterator[Signature]) -> bool:
        parts: _Parts | None = None
        for twin in twins:
            parts = parts or self._parts(row)
            if self._alike(parts, self._parts(twin)):
                return True
        return False

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


class _Index:
    """Which of the rows that were kept share a band of hashes with a row?

    Bands are compared once for all rows, by sorting; what is kept of them is a number for each row
    and band, and no table: rows without a like in a band are no candidates there.

        keys, a band a line          groups                      latest kept of a group, and
        8f3a 11c2 8f3a 90d1   ──▶    0 - 0 -  (- alone)   ──▶    from each kept row the one before
    """

    def __init__(self, minhashes: Iterable[list[int]], n_rows: int, n_bands: int) -> None:
        self._groups = np.empty((n_bands, n_rows), dtype=np.int32)
        begin = 0
        rows = iter(minhashes)
        while block := list(islice(rows, _AT_ONCE)):
            self._groups[:, begin : begin + len(block)] = _keys(block, n_bands)
            begin += len(block)
        n_groups = 0
        for keys in self._groups:
            keys[:] = _grouped(keys, n_groups)
            n_groups = max(n_groups, int(keys.max(initial=_NONE)) + 1)
        self._latest = np.full(n_groups, _NONE, dtype=np.int32)
        """Group -> the row that was kept last."""
        self._before = np.full((n_bands, n_rows), _NONE, dtype=np.int32)
        """Band and kept row -> the row of its group that was kept before it."""

    def kept_like(self, number: int) -> Iterator[int]:
        """The kept rows that share a band with the row `number`, each once, in no useful order."""
        met: set[int] = set()
        groups = self._groups[:, number]
        for band in np.flatnonzero(groups != _NONE):
            twin = int(self._latest[groups[band]])
            while twin != _NONE:
                if twin not in met:
                    met.add(twin)
                    yield twin
                twin = int(self._before[band, twin])

    def keep(self, number: int) -> None:
        """From now on the row `number` is a kept one."""
        groups = self._groups[:, number]
        shared = np.flatnonzero(groups != _NONE)
        self._before[shared, number] = self._latest[groups[shared]]
        self._latest[groups[shared]] = number


def _keys(minhashes: list[list[int]], n_bands: int) -> NDArray[np.int32]:
    """A number for each band (a line) of each row; equal bands have equal numbers.

    So may two others, once in four billion; rows are compared word for word afterwards.
    """
    bands = np.array(minhashes, dtype=np.uint64).reshape(len(minhashes), n_bands, -1)
    mixed = np.zeros(bands.shape[:2], dtype=np.uint64)
    for place in range(bands.shape[2]):
        mixed = (mixed ^ bands[:, :, place]) * _MIXER
        mixed ^= mixed >> np.uint64(32)
    return mixed.astype(np.uint32).view(np.int32).T


def _grouped(keys: NDArray[np.int32], first: int) -> NDArray[np.int32]:
    """A number from `first` on for each key that occurs more than once, else `_NONE`."""
    _, group, n_rows = np.unique(keys, return_inverse=True, return_counts=True)
    shared = n_rows > 1
    numbers = np.where(shared, first - 1 + np.cumsum(shared), _NONE)
    return numbers[group].astype(np.int32)


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
