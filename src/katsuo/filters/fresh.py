"""Has this task been asked before?

Twins teach nothing twice and tilt the mixture towards whatever the generator
likes to ask. The decisions, and their price, are in docs/notes/0009 and 0031.

    signatures ─sort by (-score, id)─▶ same words? ─▶ near a kept one? ─▶ verdicts
                  with an embedder ─▶ same answer, question near a kept one in meaning? ─▶ verdicts

What a task takes beside its signature does not depend on its length: a number
for each band of its MinHash, band by band in one array (252 bytes a task).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rensa import RMinHash

from katsuo.errors import RecipeError
from katsuo.protocols import Embeds, Signature
from katsuo.types import KEEP, Verdict, drop
from katsuo.words import WORD

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_HASHES: Final = 252
"""Hashes of one signature; a number with many divisors, for bands of many lengths."""

_MISSED_FRACTION: Final = 0.001
"""Share of the pairs just alike enough that the index may fail to propose."""

_HASH_SEED: Final = 0
"""Fixed: which pairs are proposed must not depend on the run."""

_BATCH: Final = 4096
"""Rows whose hashes are held whole while they are made into bands."""

_MULTIPLIER: Final = 0x9E3779B97F4A7C15
"""Odd, 64 bits: spreads the hashes of a band over its number."""


_FIGURE: Final = re.compile(r"\d+")

_WITHIN: Final = ("document", "set")

_BLOCK: Final = 1024
"""Questions that are compared at once, with as many others: 4 MiB of cosines."""

_DIGITS: Final = 4
"""Cosines are rounded, for their last bits depend on what stands in the same block."""


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

    With an embedder, of those that are left, open tasks of one type with the same
    answer in one document are twins, too, where their questions mean the same.
    Labels are left out: they say too little to tell questions apart. By words alone,
    hardly any twin is found that a person put in other words (benchmarks/results, `filters`).
    """

    min_overlap: float = 0.8
    """Jaccard overlap of word shingles from which two lines are alike, in (0.5, 1]."""
    shingle_words: int = 3
    """Words in a row that are compared; a line of fewer words is compared whole."""
    embedder: str = ""
    """A model that tells which questions mean the same: the folder of a sentence encoder, or a
    name of the shelf. Empty: words alone are compared."""
    min_cosine: float = 0.9
    """Cosine from which two questions mean the same, in (0, 1]."""
    within: str = "document"
    """Where twins in meaning are looked for: in each `document`, or in the whole `set`."""
    embeds: Embeds | None = field(default=None, repr=False, compare=False)
    """The embedder, opened; a recipe names it."""

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
        if not 0 < self.min_cosine <= 1:
            raise RecipeError(
                f"curate.fresh.min_cosine is {self.min_cosine}; it must lie in (0, 1]"
            )
        if self.within not in _WITHIN:
            raise RecipeError(
                f"curate.fresh.within is {self.within!r}; it must be one of {', '.join(_WITHIN)}"
            )

    def select(self, rows: Iterable[Signature]) -> Iterator[tuple[str, Verdict]]:
        """A verdict for every id, best score first; holds all signatures in memory."""
        ranked = sorted(rows, key=lambda row: (-row.score, row.id, row.text))
        verdicts = self._in_words(ranked)
        if self.embedder:
            verdicts = iter(self._in_meaning(ranked, list(verdicts)))
        for row, verdict in zip(ranked, verdicts, strict=True):
            yield row.id, verdict

    def _in_words(self, ranked: list[Signature]) -> Iterator[Verdict]:
        """A verdict for each of `ranked` by its words."""
        firsts = _firsts(f"{row.type}\n{_folded(row.text)}" for row in ranked)
        unlike = np.flatnonzero(firsts == np.arange(len(ranked)))
        fates = self._fates([ranked[number] for number in unlike])
        kept = bytearray(len(ranked))
        for number, first in enumerate(firsts.tolist()):
            if first == number:
                kept[number] = next(fates)
                yield KEEP if kept[number] else drop("duplicate-near")
            else:
                # What says the words of a near twin is near the same kept task.
                yield drop("duplicate-exact" if kept[first] else "duplicate-near")

    def _in_meaning(self, ranked: list[Signature], verdicts: list[Verdict]) -> list[Verdict]:
        """`verdicts` on `ranked`, with twins in meaning dropped, too."""
        assert self.embeds is not None, "the road opens the embedder that a recipe names"
        open_ = [
            number
            for number, row in enumerate(ranked)
            if verdicts[number].keep and not _has_label(row)
        ]
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for place, first in enumerate(_firsts(self._answered(ranked[each]) for each in open_)):
            groups[int(first)].append(open_[place])
        alike = [group for group in groups.values() if len(group) > 1]
        asked = {number: _question(ranked[number]) for group in alike for number in group}
        # Sorted, so that the embedder sees the same batches in whatever order tasks come.
        texts = sorted(set(asked.values()), key=lambda text: (len(text), text))
        vectors = self.embeds.embed(texts)
        at = {text: place for place, text in enumerate(texts)}
        for group in alike:
            theirs = vectors[[at[asked[number]] for number in group]]
            for mine, twin, cosine in near(theirs, self.min_cosine):
                verdicts[group[mine]] = Verdict(
                    keep=False,
                    reason="duplicate-in-meaning",
                    score=cosine,
                    twin=ranked[group[twin]].id,
                )
        return verdicts

    def _answered(self, row: Signature) -> str:
        """What twins in meaning have in common: type, document, figures asked about, answer."""
        _, _, rest = _folded(row.text).partition("\n")
        question, _, response = rest.rpartition("\n")
        document = row.document if self.within == "document" else ""
        figures = " ".join(sorted(_FIGURE.findall(question)))
        said = " ".join(WORD.findall(response)) or response
        return f"{row.type}\n{document}\n{figures}\n{said}"

    def _fates(self, ranked: Sequence[Signature]) -> Iterator[bool]:
        """Whether each of `ranked`, no two of which say the same words, is kept."""
        bands = np.empty((_bands(self.min_overlap**2), len(ranked)), dtype=np.uint32)
        for start in range(0, len(ranked), _BATCH):
            batch = ranked[start : start + _BATCH]
            bands[:, start : start + len(batch)] = _banded(map(self._parts, batch), len(bands))
        known = _Kept(n_groups=_grouped(bands))
        for start in range(0, len(ranked), _BATCH):
            for number, line in enumerate(bands[:, start : start + _BATCH].T, start=start):
                groups = line[line > 0]
                near = known.beside(groups)
                mine = self._parts(ranked[number]) if near else None
                stays = mine is None or not any(
                    self._alike(mine, self._parts(ranked[twin])) for twin in near
                )
                if stays:
                    known.add(number, groups)
                yield stays

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
        words = WORD.findall(text) or [text]
        n_windows = max(1, len(words) - self.shingle_words + 1)
        return frozenset(" ".join(words[i : i + self.shingle_words]) for i in range(n_windows))


def _tagged(parts: _Parts) -> list[str]:
    """What the index is told: every pair of a question's and a response's shingle.

    Tasks that share one line only share no pair, else all that a template asks
    alike would be compared with each other. If both lines overlap by x, the
    pairs overlap by x² at least.
    """
    return [f"{parts.head}\n{asked}\n{said}" for asked in parts.question for said in parts.response]


def _has_label(row: Signature) -> bool:
    """Whether the response is one of a few labels: then the first line says more than the type."""
    return bool(row.labels) or row.text.partition("\n")[0] != row.type


def _question(row: Signature) -> str:
    """What stands between the first line and the last."""
    return row.text.partition("\n")[2].rpartition("\n")[0]


def near(
    vectors: NDArray[np.float32], min_cosine: float, *, block: int = _BLOCK
) -> Iterator[tuple[int, int, float]]:
    """Each row that is near a kept row before it, with the nearest of these and the cosine.

    A row that is near none is kept. No more than `block` by `block` cosines are held.
    """
    kept: list[int] = []
    for start in range(0, len(vectors), block):
        mine = vectors[start : start + block]
        best, nearest = np.full(len(mine), -1.0), np.zeros(len(mine), dtype=np.int64)
        for some in (kept[at : at + block] for at in range(0, len(kept), block)):
            cosines = (mine @ vectors[some].T).round(_DIGITS)
            tops = cosines.argmax(axis=1)
            found = cosines[np.arange(len(mine)), tops]
            nearest = np.where(found > best, np.array(some)[tops], nearest)
            best = np.maximum(best, found)
        beside = (mine @ mine.T).round(_DIGITS)
        here: list[int] = []
        for row in range(len(mine)):
            cosine, twin = float(best[row]), int(nearest[row])
            if here and beside[row, here].max() > cosine:
                place = here[int(beside[row, here].argmax())]
                cosine, twin = float(beside[row, place]), start + place
            cosine = round(cosine, _DIGITS)  # float32 has no 0.9397
            if cosine >= min_cosine:
                yield start + row, twin, cosine
            else:
                here.append(row)
        kept += [start + row for row in here]


def _firsts(said: Iterable[str]) -> NDArray[np.int64]:
    """For each of `said` the number of the first that is the same; its own where none is."""
    joined = b"".join(
        hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        for text in said
    )
    digests = np.frombuffer(joined, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: equals stay in rank
    sorted_digests = digests[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (sorted_digests[1:] != sorted_digests[:-1]).any(axis=1)
    firsts = np.empty(len(order), dtype=np.int64)
    firsts[order] = order[begins][np.cumsum(begins) - 1]
    return firsts


def _banded(parts: Iterable[_Parts], n_bands: int) -> NDArray[np.uint32]:
    """A number for each band (row) of each task (column); bands with equal hashes are equal.

    One in 2³² unequal bands is equal, too, which costs a comparison and changes nothing.
    """
    hashes = []
    for each in parts:
        minhash = RMinHash(_N_HASHES, _HASH_SEED)
        minhash.update(_tagged(each))
        hashes.append(np.array(minhash.digest(), dtype=np.uint64))
    by_band = np.stack(hashes).reshape(len(hashes), n_bands, -1)
    numbers = np.zeros(by_band.shape[:2], dtype=np.uint64)
    for place in range(by_band.shape[2]):
        numbers = (numbers ^ by_band[:, :, place]) * np.uint64(_MULTIPLIER)
        numbers ^= numbers >> np.uint64(32)
    return (numbers & np.uint64(0xFFFFFFFF)).astype(np.uint32).T


def _grouped(bands: NDArray[np.uint32]) -> int:
    """Put group numbers in the place of `bands`: 0 where a task is alone; how many groups."""
    n_groups = 0
    for band in bands:
        _, places, counts = np.unique(band, return_inverse=True, return_counts=True)
        shared = counts > 1
        numbers = np.where(shared, np.cumsum(shared) + n_groups, 0).astype(np.uint32)
        band[:] = numbers[places]
        n_groups += int(shared.sum())
    return n_groups


class _Kept:
    """The tasks kept so far, by the groups that they are in."""

    def __init__(self, n_groups: int) -> None:
        self._first = np.full(n_groups + 1, -1, dtype=np.int32)
        """Group -> its first kept task; most have one."""
        self._more: dict[int, list[int]] = {}

    def beside(self, groups: NDArray[np.uint32]) -> list[int]:
        """Numbers of the kept tasks that share a group, ascending."""
        if not len(groups):
            return []
        found = {number for number in self._first[groups].tolist() if number >= 0}
        if self._more:
            found.update(twin for group in groups.tolist() for twin in self._more.get(group, ()))
        return sorted(found)

    def add(self, number: int, groups: NDArray[np.uint32]) -> None:
        """Keep the task `number` of these groups."""
        empty = self._first[groups] < 0
        self._first[groups[empty]] = number
        for group in groups[~empty].tolist():
            self._more.setdefault(group, []).append(number)


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
