"""Which passages is a generator measured on?

    annotated sources ─held-out documents alone, by templates─▶ n passages a type, with labels
    data/unannotated ────────────────────────────────────────▶ n passages a domain, for three types

A document is held out by its id (`stages.mixture.is_held_out`), so no generator that was taught by
`katsuo teach` has learned of it, whatever its seed. That goes for the first generator too: the rule
and the fraction were the same, and so are the passages and documents of the sources it had (commit
4d73806). Sources share passages and name their documents differently; a passage that any source
has in a document that may be learned from is left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from katsuo.errors import DataError
from katsuo.recipe import expand
from katsuo.road.remixing import remix_key
from katsuo.road.trip import key_of
from katsuo.school import Teach
from katsuo.scoring.generated import Label, label
from katsuo.sections import Remix
from katsuo.seeds import stream
from katsuo.stages.measure import choices
from katsuo.stages.mixture import is_held_out
from katsuo.stages.remix import RemixSettings, remix
from katsuo.store import tables
from katsuo.store.files import read_json, sha256, write_json
from katsuo.templates import load_sources
from katsuo.templates.compiler import Row, Source
from katsuo.templates.tables import with_rows
from katsuo.types import Context, Flaw, Task, TaskType, digest
from katsuo.wishes import LABELS

DOMAINS: Final = (
    "contract_nli", "privacy_qa", "pubmed_qa", "squadshifts_amazon", "squadshifts_nyt",
    "squadshifts_reddit", "vitaminc",
)  # fmt: skip
DOMAIN_TYPES: Final = (TaskType.EXQA, TaskType.YNQA, TaskType.NLI)
NEW_DOMAINS: Final = "new domains"
LEAST_CHARS: Final = 60
MOST_CHARS: Final = 2000
_PHRASES: Final = {TaskType.WSD: 20}
"""Types whose sources hold no passages but single phrases."""
_FRACTION: Final = Teach().held_out_fraction
"""What every generator of ours has been taught with."""
_SPARE: Final = 1.5
"""Tasks drawn for each passage wanted: the same passage may come twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Passages that a generator meets in one call, all asked for the same types."""

    name: str
    types: tuple[TaskType, ...]
    contexts: tuple[Context, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """Everything that contestants are asked about."""

    blocks: tuple[Block, ...]
    labels: Mapping[TaskType, Sequence[Label]]
    """Of annotated tasks about the same passages, in an order of chance."""

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Passages:
        """The passages that `facts` once stated."""
        blocks = [
            Block(
                name=block["name"],
                types=tuple(TaskType(kind) for kind in block["types"]),
                contexts=tuple(Context(**context) for context in block["contexts"]),
            )
            for block in stated["blocks"]
        ]
        labels = {
            TaskType(kind): [(vocabulary, word) for vocabulary, word in held]
            for kind, held in stated["labels"].items()
        }
        return cls(blocks=tuple(blocks), labels=labels)

    def of_types(self, kinds: Sequence[TaskType]) -> Passages:
        """Those that are asked for these types alone, blocks without passages left out."""
        blocks = [block for block in self.blocks if block.contexts and {*block.types} <= {*kinds}]
        return replace(self, blocks=tuple(blocks))

    @property
    def facts(self) -> dict[str, Any]:
        """In values that JSON knows."""
        return {"blocks": [asdict(block) for block in self.blocks], "labels": dict(self.labels)}


def passages(seed: int, per_type: int, per_domain: int, kept: Path) -> Passages:
    """The passages of `seed`, drawn once and then read from the folder `kept`.

    Raises:
        KatsuoError: If `KATSUO_DATA` names no folder of sources and domains.
    """
    asked = Remix(max_context_chars=MOST_CHARS)
    folder = expand(["$KATSUO_DATA/unannotated"], "KATSUO_DATA")[0]
    files = {name: folder / f"{name}.parquet" for name in DOMAINS}
    for path in files.values():
        if not path.is_file():
            raise DataError(f"{path}: no such file; KATSUO_DATA names the folder of all data")
    sums = [sha256(path) for path in files.values()]
    key = key_of("held out", remix_key(asked, seed), sums, per_type, per_domain, _FRACTION)
    path = kept / f"passages-{key}.json"
    if (stated := read_json(path)) is not None:
        return Passages.of(stated)
    tasks = _by_type(asked, seed, per_type)
    blocks = [
        Block(name=kind.value, types=(kind,), contexts=tuple(map(_context, found)))
        for kind, found in tasks.items()
    ]
    held = tuple(
        context
        for name, path_of in files.items()
        for context in _of_domain(path_of, stream(seed, "domain", name), per_domain)
    )
    blocks.append(Block(name=NEW_DOMAINS, types=DOMAIN_TYPES, contexts=held))
    labels = {kind: [one for one in map(label_of, found) if one] for kind, found in tasks.items()}
    drawn = Passages(blocks=tuple(blocks), labels=labels)
    write_json(path, drawn.facts)
    return drawn


def label_of(task: Task) -> Label | None:
    """The label of a closed task; none where it allows no choice that is known, or is open."""
    known = choices(task) if task.type.closed_choice else None
    return None if known is None else label(*known, by_place=task.type not in LABELS)


def _context(task: Task) -> Context:
    return Context(
        id=task.context_id,
        document_id=task.document_id,
        text=task.context,
        start=0,
        end=len(task.context),
    )


def _by_type(asked: Remix, seed: int, n: int) -> dict[TaskType, list[Task]]:
    """Up to `n` annotated tasks of every type, no two about one passage; sources take turns."""
    settings = RemixSettings(
        seed=seed,
        cap_per_type=round(_SPARE * n),
        max_context_chars=MOST_CHARS,
        unanswerable=asked.unanswerable,
    )
    by_passage: dict[TaskType, dict[str, Task]] = {kind: {} for kind in TaskType}
    for task in remix(_held_out(asked, seed), settings):
        if isinstance(task, Task) and len(task.context) >= _PHRASES.get(task.type, LEAST_CHARS):
            by_passage[task.type].setdefault(_folded(task.context), task)
    return {kind: list(found.values())[:n] for kind, found in by_passage.items()}


def _held_out(asked: Remix, seed: int) -> list[tuple[Source, list[Row]]]:
    """Of every source the rows about held-out passages, each passage once."""
    learned: set[str] = set()
    found: list[tuple[Source, dict[str, Row]]] = []
    for source, rows in with_rows(load_sources(), expand([asked.folder], "KATSUO_DATA")[0], seed):
        least = min(_PHRASES.get(one.type, LEAST_CHARS) for one in source.templates)
        held: dict[str, Row] = {}
        for row in rows:
            record = source.read(row, seed)
            if isinstance(record, Flaw):
                continue
            passage = _folded(record.context)
            if not is_held_out(record.document_id, _FRACTION):
                learned.add(passage)
            elif least <= len(record.context) <= MOST_CHARS:
                held.setdefault(passage, row)
        found.append((source, held))
    return [
        (source, [row for passage, row in held.items() if passage not in learned])
        for source, held in found
    ]


def _folded(text: str) -> str:
    return digest(" ".join(text.split()).casefold())


def _of_domain(path: Path, chance: random.Random, n: int) -> Iterator[Context]:
    texts = {str(row["text"]).strip() for row in tables.rows_of(path)}
    fitting = sorted(text for text in texts if LEAST_CHARS <= len(text) <= MOST_CHARS)
    for text in chance.sample(fitting, min(n, len(fitting))):
        yield invented(path.stem, text)


def invented(name: str, text: str) -> Context:
    """A passage that is a document of its own, of the body of text called `name`."""
    document = digest("bench-generator", name, text)
    return Context(
        id=digest(document, text), document_id=document, text=text, start=0, end=len(text)
    )


def few(n: int) -> Passages:
    """`n` invented passages a type, and as many for the new domains."""

    def contexts(name: str) -> tuple[Context, ...]:
        return tuple(
            invented(
                name,
                f"Rule {number} of the {name} berth: nobody may take fuel between sunset and "
                f"sunrise. The keeper of pier {number + 2} signs every permit. It costs {number}.",
            )
            for number in range(n)
        )

    blocks = [Block(name=kind, types=(kind,), contexts=contexts(kind)) for kind in TaskType]
    blocks.append(Block(name=NEW_DOMAINS, types=DOMAIN_TYPES, contexts=contexts(NEW_DOMAINS)))
    words = {kind: LABELS[kind][0] for kind in TaskType if kind in LABELS}
    labels = {kind: [label(held, i) for i in range(len(held))] for kind, held in words.items()}
    return Passages(blocks=tuple(blocks), labels=labels)
