"""Which tasks of a training set are near twins, with most of it on the disk?

    rows.parquet ──signatures──▶ piles, by type and passage ──select, pile by pile──▶ ids to drop
                 ──again──▶ rows.parquet without them, dropped.parquet with them

Twins have the first line of their signature in common, so no pile has a twin in another, and what
is dropped is what would be dropped of all at once. Memory grows with the largest pile: the tasks of
one open type, or an eighth of those of a type of labels.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from katsuo import filters
from katsuo.protocols import Selector, Signature
from katsuo.road.cards import Tally
from katsuo.stages.curate import dropped_by, signature_of
from katsuo.store import tables
from katsuo.types import Task, Verdict, digest

_PILES_OF_TYPE: Final = 8


def thin(folder: Path, tally: Tally) -> None:
    """Take near twins out of `rows.parquet` and into `dropped.parquet`, and count anew."""
    path, ledger = folder / "rows.parquet", folder / "dropped.parquet"
    part = filters.build("fresh", {})
    assert isinstance(part, Selector), "fresh looks at the whole set"
    gone = _gone(tables.tasks([path]), part, folder)
    with (
        tables.writing(path, tables.TASKS) as keep,
        tables.writing(ledger, tables.DROPPED) as drop,
    ):
        for line in tables.read(ledger):  # the file before this one, until the block ends
            drop(line)
        for row in tables.read(path):
            if row["id"] in gone:
                task = tables.task_of(row)
                tally.take_back(task, dropped_by(task, "fresh", gone[task.id]), drop)
            else:
                keep(row)


def _gone(tasks: Iterable[Task], part: Selector, folder: Path) -> dict[str, Verdict]:
    """What `part` drops; only its piles of signatures are held, one after the other."""
    gone: dict[str, Verdict] = {}
    with tempfile.TemporaryDirectory(prefix=".piles.", dir=folder) as scratch:
        _pile(tasks, Path(scratch))
        for pile in sorted(Path(scratch).iterdir()):
            verdicts = part.select(_signatures(pile))
            gone.update((id_, verdict) for id_, verdict in verdicts if not verdict.keep)
    return gone


def _pile(tasks: Iterable[Task], scratch: Path) -> None:
    """Write the signature of each task into the file of its pile."""
    piles: dict[str, IO[str]] = {}
    with ExitStack() as open_files:
        for task in tasks:
            row = signature_of(task)
            head = row.text.partition("\n")[0]
            name = f"{row.type}-{int(digest(head), 16) % _PILES_OF_TYPE}"
            if name not in piles:
                file = (scratch / name).open("w", encoding="utf-8")
                piles[name] = open_files.enter_context(file)
            piles[name].write(json.dumps([row.id, row.type, row.score, row.text]) + "\n")


def _signatures(pile: Path) -> Iterator[Signature]:
    with pile.open(encoding="utf-8") as lines:
        for line in lines:
            id_, kind, score, text = json.loads(line)
            yield Signature(id=id_, type=kind, score=score, text=text)
