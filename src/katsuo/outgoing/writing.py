"""Rows on their way into files, each with its lineage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from katsuo.export import hub
from katsuo.export.formats import Split
from katsuo.export.lines import line
from katsuo.export.places import Places
from katsuo.export.rows import Row, lineage
from katsuo.languages import language
from katsuo.outgoing.choosing import Choice, Part
from katsuo.stages.tuning import task_pairs
from katsuo.store import tables
from katsuo.types import Pair, Task

LINEAGE: Final = "lineage.jsonl"
_MARKER: Final = re.compile(r"<\|\w+\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<｜")  # noqa: RUF001
"""What chat templates put around a turn."""
_READ_FOR_LANGUAGES: Final = 50
"""Passages that are read to tell the languages of an export."""


@dataclass(slots=True)
class Told:
    """What is counted while rows are written."""

    by_type: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    documents: set[str] = field(default_factory=set)
    n_rows: int = 0
    n_marked: int = 0

    def count(self, row: Row) -> None:
        """Count a row that was written."""
        task = row.task
        if self.n_rows < _READ_FOR_LANGUAGES and (code := language(task.context)):
            self.languages[code] += 1
        self.n_rows += 1
        self.by_type[task.name or task.type.value] += 1
        self.documents.add(task.document_id)
        self.n_marked += bool(_MARKER.search(row.pair.prompt) or _MARKER.search(row.pair.target))


def rows(parts: list[Part], choice: Choice, book: str, told: Told) -> Iterator[tuple[Row, Split]]:
    """The rows of every split in turn, in the order of the run; what has no split is counted."""
    places = [Places(part.run.stage("ingest").parts()) for part in parts]
    for split in choice.splits:
        for part, of_part in zip(parts, places, strict=True):
            for task in tables.tasks(part.run.stage("curate").parts()):
                side = choice.side(part, task.document_id, task.id)
                if side == split:
                    yield from ((row, split) for row in _forms(task, part, of_part, book, told))
                elif side not in choice.splits and split == choice.splits[0]:
                    told.left_out[side] += 2 if book == "both" else 1


def _forms(task: Task, part: Part, places: Places, book: str, told: Told) -> Iterator[Row]:
    """A task with its passage, without it, or both; what says nothing new is counted."""
    asked: set[str] = set()
    place = places.of(task.context_id)
    for shape in ("open", "closed") if book == "both" else (book,):
        (pair,) = task_pairs([task], shape)
        reason = _why_not(pair, asked)
        if reason:
            told.left_out[reason] += 1
            continue
        asked.add(pair.prompt)
        yield Row(task=task, pair=pair, book=shape, place=place, domain=part.domain)


def _why_not(pair: Pair, asked: set[str]) -> str:
    if not pair.prompt.strip():
        return "prompt-empty"
    if not pair.target.strip():
        return "response-empty"
    return "same-without-passage" if pair.prompt in asked else ""


class Writer:
    """Data files that open when their first row comes, and the lineage beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._puts: dict[str, Callable[[Mapping[str, Any]], object]] = {}
        self.counts: dict[str, int] = {}
        """Data file -> its rows."""

    def __enter__(self) -> Writer:
        self._lineage = self._lines(LINEAGE)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]  # as they come

    def put(self, file: str, columns: Mapping[str, Any], row: Row) -> None:
        """Write a row into `file`, and where it comes from."""
        if file not in self._puts:
            self._puts[file] = self._rows(file) if file.endswith("parquet") else self._lines(file)
        at = self.counts.setdefault(file, 0)
        self._puts[file](columns)
        self._lineage({"file": file, "row": at, **lineage(row)})
        self.counts[file] += 1

    def _lines(self, file: str) -> Callable[[Mapping[str, Any]], object]:
        path = self._folder / file
        path.parent.mkdir(exist_ok=True)
        opened = self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
        return lambda columns: opened.write(line(columns))

    def _rows(self, file: str) -> Callable[[Mapping[str, Any]], object]:
        return self._stack.enter_context(tables.writing(self._folder / file, hub.SCHEMA))
