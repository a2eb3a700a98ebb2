"""How many passages will the documents give? A few files are read, and the others are weighed.

    files ──by format──▶ some, drawn by seed ──read, cut──▶ passages ──by bytes──▶ all passages

Of a table that holds more rows than are read, the rows are counted. What is read is kept in memory
and written nowhere.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from katsuo import engines, readers, seeds
from katsuo.readers.apart import Apart
from katsuo.recipe import expand
from katsuo.sections import Recipe
from katsuo.stages.ingest import IngestSettings, Seen, contexts_of
from katsuo.types import Context, Document

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_FILES: Final = 12
"""Files of each format that are read."""
ENOUGH_BYTES: Final = 4 * 2**20
"""Of one format, after which no further file is read."""
MOST_ROWS: Final = 2000
"""Of a table whose rows can be counted without reading them."""
_LINES: Final = (".jsonl", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a few files gave, and what all are likely to give."""

    passages: tuple[Context, ...]
    """Without repeated ones."""
    sources: dict[str, str]
    """Document id -> where it came from."""
    n_passages: int
    """Of all files and within the limit, as far as the sample tells; exact where all were read."""
    n_cut: int
    """The same without a limit."""
    n_documents: int
    """The same for documents."""
    n_files: int
    n_read: int
    seconds: float
    """For reading and cutting those that were read."""

    @property
    def is_whole(self) -> bool:
        """Whether every file was read."""
        return self.n_read == self.n_files


@dataclass(slots=True)
class _Pile:
    """What the files of one format gave, and how much of them was read."""

    passages: list[Context]
    n_documents: int = 0
    n_read: int = 0
    bytes_read: float = 0.0


def sample(recipe: Recipe, gone: frozenset[str] = frozenset()) -> Sample:
    """Read some of the documents of `recipe`, drawn by its seed.

    Args:
        recipe: Says what to read, and how long a passage may be.
        gone: Ids of forgotten documents.

    Raises:
        RecipeError: If nothing is named, or it is not there.
    """
    by_form: defaultdict[str, list[Path]] = defaultdict(list)
    for path in readers.files(expand(recipe.ingest.paths, "ingest.paths")):
        by_form[readers.form_of(path)].append(path)
    target = engines.find(recipe.adapt.base)
    reading = _Reading(recipe, engines.tokenizer_of(target), gone)
    began = time.monotonic()
    n_passages = n_documents = 0.0
    piles = []
    for form, paths in sorted(by_form.items()):
        chance = seeds.stream(recipe.seed, "preview", "files", form)
        pile = reading.pile(chance.sample(paths, len(paths)))
        whole = sum(map(_size, paths))
        scale = whole / pile.bytes_read if pile.bytes_read else 1.0
        n_passages += len(pile.passages) * scale
        n_documents += pile.n_documents * scale
        piles.append(pile)
    return Sample(
        passages=tuple(context for pile in piles for context in pile.passages),
        sources=reading.sources,
        n_passages=_limited(round(n_passages), recipe.limit),
        n_cut=round(n_passages),
        n_documents=round(n_documents),
        n_files=sum(map(len, by_form.values())),
        n_read=sum(pile.n_read for pile in piles),
        seconds=time.monotonic() - began,
    )


def drawn(found: Sample, number: int, seed: int) -> list[Context]:
    """`number` passages of the sample by seed, of as many documents as there are."""
    by_document: defaultdict[str, list[Context]] = defaultdict(list)
    for context in found.passages:
        by_document[context.document_id].append(context)
    chance = seeds.stream(seed, "preview", "passages")
    piles = [chance.sample(pile, len(pile)) for pile in by_document.values()]
    chance.shuffle(piles)
    rounds = (pile[turn] for turn in range(number) for pile in piles if turn < len(pile))
    return list(islice(rounds, number))


class _Reading:
    """Reads files as `ingest` does, and remembers where documents came from."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer | None, gone: frozenset[str]) -> None:
        asked = recipe.ingest
        self._settings = IngestSettings(max_tokens=asked.max_tokens, min_words=asked.min_words)
        self._reader, self._column = Apart(asked.limits), asked.text_column
        self._tokenizer, self._gone = tokenizer, gone
        self._seen = Seen()
        self.sources: dict[str, str] = {}

    def pile(self, paths: Sequence[Path]) -> _Pile:
        """What the first of `paths` give, until it is enough."""
        pile = _Pile(passages=[])
        for path in paths[:MOST_FILES]:
            if pile.bytes_read >= ENOUGH_BYTES:
                break
            self._read(path, pile)
        return pile

    def _read(self, path: Path, pile: _Pile) -> None:
        n_rows = _rows(path)
        n_items = 0
        for item in self._items(path, MOST_ROWS if n_rows else None):
            n_items += 1
            if isinstance(item, Document) and item.id not in self._gone:
                pile.n_documents += 1
                self.sources[item.id] = item.source
                pile.passages.extend(self._passages(item))
        share = min(1.0, n_items / n_rows) if n_rows and n_items == MOST_ROWS else 1.0
        pile.n_read += 1
        pile.bytes_read += _size(path) * share

    def _items(self, path: Path, most: int | None) -> Iterator[object]:
        yield from islice(self._reader.read(path, text_column=self._column), most)

    def _passages(self, document: Document) -> Iterator[Context]:
        for item in contexts_of(document, self._settings, self._tokenizer):
            if isinstance(item, Context) and self._seen.first(item.text):
                yield item


def _rows(path: Path) -> int | None:
    """Rows of a table, counted without reading them; None where that cannot be done."""
    if not path.is_file():
        return None
    if path.suffix.lower() == ".parquet":
        try:
            return int(pq.ParquetFile(path).metadata.num_rows)
        except (OSError, ValueError):
            return None  # reading it will say what is wrong
    if path.suffix.lower() not in _LINES:
        return None
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))
    except OSError:
        return None


def _size(path: Path) -> int:
    """Bytes of a file, or of the files of a dataset folder."""
    try:
        if path.is_dir():
            return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _limited(number: int, limit: int | None) -> int:
    return number if limit is None else min(number, limit)
