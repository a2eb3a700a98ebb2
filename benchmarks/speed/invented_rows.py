"""Rows of five bundled sources: the real ones where they lie, then invented ones without end.

Invented rows are sentences of invented names ("Moravel Tisk mended the lantern of Orune in 1843."),
so questions, answers and passages differ from row to row as those of people do.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from katsuo.store import tables
from katsuo.templates import load_sources

SOURCES: Final = ("squad", "boolq", "mnli", "dbpedia_14", "rotten_tomatoes")
"""Sixty templates and more, of ten types: short and long passages, with `let` and without."""
COLUMNS: Final[Mapping[str, pa.Schema]] = {
    "squad": pa.schema(
        [
            ("id", pa.string()),
            ("title", pa.string()),
            ("context", pa.string()),
            ("question", pa.string()),
            (
                "answers",
                pa.struct(
                    [("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))]
                ),
            ),
        ]
    ),
    "boolq": pa.schema(
        [("question", pa.string()), ("passage", pa.string()), ("label", pa.int64())]
    ),
    "mnli": pa.schema(
        [("premise", pa.string()), ("hypothesis", pa.string()), ("label", pa.int64())]
    ),
    "dbpedia_14": pa.schema(
        [("label", pa.int64()), ("title", pa.string()), ("content", pa.string())]
    ),
    "rotten_tomatoes": pa.schema([("text", pa.string()), ("label", pa.int64())]),
}
_BLOCK: Final = 4096
_SYLLABLES: Final = (
    *("mo", "ra", "vel", "tis", "or", "une", "ka", "lin", "dro", "sef"),
    *("ab", "ethi", "gul", "par", "ney", "wick", "tam", "bri", "sol", "hed"),
)
_DEEDS: Final = (
    *("mended", "sold", "painted", "guarded", "burned"),
    *("raised", "surveyed", "crossed", "flooded", "named"),
)
_THINGS: Final = (
    *("lantern", "bridge", "mill", "harbour", "archive", "garden", "tower", "canal", "chapel"),
    *("orchard", "ferry", "quarry", "market", "theatre", "granary", "wall", "school", "well"),
)


def write(folder: Path, n_rows: int) -> None:
    """About `n_rows` rows of all sources together, below `folder` as `katsuo remix` finds them."""
    share = n_rows // len(SOURCES)
    for number, name in enumerate(SOURCES):
        (source, *_) = load_sources([name])
        chance = random.Random(number)
        rows = islice(chain(_real(name, source.splits), _invented(name, chance)), share)
        into = folder / name
        into.mkdir(parents=True)
        first, *others = source.splits
        _put(into / f"{first}.parquet", COLUMNS[name], rows)
        for split in others:
            _put(into / f"{split}.parquet", COLUMNS[name], islice(_invented(name, chance), 1))


def texts(n_texts: int) -> Iterator[str]:
    """Evaluation texts: the real ones where they lie, else invented ones."""
    data = os.environ.get("KATSUO_DATA")
    paths = sorted((Path(data) / "eval").glob("*.parquet")) if data else []
    for path in paths:
        for row in tables.rows_of(path):
            yield from (value for value in row.values() if isinstance(value, str))
    if not paths:
        chance = random.Random("exam")
        yield from (_passage(chance)[0] for _ in range(n_texts))


def _put(path: Path, schema: pa.Schema, rows: Iterator[Mapping[str, Any]]) -> None:
    with pq.ParquetWriter(path, schema) as writer:
        while block := list(islice(rows, _BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema=schema))


def _real(name: str, splits: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    data = os.environ.get("KATSUO_DATA")
    for split in splits if data else ():
        path = Path(data or "") / "sources" / name / f"{split}.parquet"
        if path.is_file():
            for row in tables.read(path):
                yield {column: row.get(column) for column in COLUMNS[name].names}


def _invented(name: str, chance: random.Random) -> Iterator[Mapping[str, Any]]:
    make = {
        "squad": _squad,
        "boolq": _boolq,
        "mnli": _mnli,
        "dbpedia_14": _dbpedia,
        "rotten_tomatoes": _film,
    }[name]
    while True:
        yield make(chance)


def _name(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 3))).capitalize()


def _fact(chance: random.Random) -> tuple[str, str, str]:
    """Who, did what, when."""
    deed, thing, place = chance.choice(_DEEDS), chance.choice(_THINGS), _name(chance)
    return (
        f"{_name(chance)} {_name(chance)}",
        f"{deed} the {thing} of {place}",
        str(chance.randint(1200, 2020)),
    )


def _passage(chance: random.Random) -> tuple[str, list[tuple[str, str, str]]]:
    facts = [_fact(chance) for _ in range(chance.randint(2, 8))]
    return " ".join(f"{who} {did} in {when}." for who, did, when in facts), facts


def _squad(chance: random.Random) -> Mapping[str, Any]:
    passage, facts = _passage(chance)
    who, did, _ = chance.choice(facts)
    return {
        "id": f"{chance.getrandbits(64):x}",
        "title": "",
        "context": passage,
        "question": f"Who {did}?",
        "answers": {"text": [who], "answer_start": [passage.index(who)]},
    }


def _boolq(chance: random.Random) -> Mapping[str, Any]:
    passage, facts = _passage(chance)
    who, did, _ = chance.choice(facts)
    asked = f"is it true that {who} {did}".lower()
    return {"question": asked, "passage": f"{who} -- {passage}", "label": chance.randint(0, 1)}


def _mnli(chance: random.Random) -> Mapping[str, Any]:
    who, did, when = _fact(chance)
    return {
        "premise": f"{who} {did} in {when}, and nobody asked why.",
        "hypothesis": f"{who} {did} after {chance.randint(1200, 2020)}.",
        "label": chance.randint(0, 2),
    }


def _dbpedia(chance: random.Random) -> Mapping[str, Any]:
    passage, facts = _passage(chance)
    return {"label": chance.randint(0, 13), "title": facts[0][0], "content": passage}


def _film(chance: random.Random) -> Mapping[str, Any]:
    who, did, when = _fact(chance)
    return {"text": f"a film about how {who} {did} in {when} .", "label": chance.randint(0, 1)}
