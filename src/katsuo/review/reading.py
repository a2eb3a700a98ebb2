"""What does one row say in full? One row group of one Parquet file is read for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from typing import Any

import pyarrow.parquet as pq

from katsuo.errors import DataError
from katsuo.store import tables
from katsuo.store.runs import Run, StageFolder
from katsuo.types import Context, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the list, in full."""

    row: Row
    draft: Task | None
    """As it was written; None where it could not be read as a task."""
    curated: Task | None
    """As it stands in `3-curated`, with evidence and scores; None where it does not."""
    passage: Context | None
    """None for a draft of which no passage is known."""
    source: str

    @property
    def task(self) -> Task | None:
        """What a reader is shown."""
        return self.curated or self.draft


def entry(run: Run, row: Row, passage: Row | None) -> Entry:
    """The texts of `row`, whose passage is the row `passage` of the index.

    Raises:
        DataError: If a file is not there any more.
    """
    draft = _task(run.stage("generate"), row["part"], row["row"])
    curated = _task(run.stage("curate"), row["kept_part"], row["kept_row"])
    context, source = None, row["source"]
    if passage is not None:
        found = _at(run.stage("ingest"), passage["part"], passage["row"])
        context, source = tables.context_of(found), found["source"]
    return Entry(row=row, draft=draft, curated=curated, passage=context, source=source)


def _task(stage: StageFolder, part: int | None, row: int | None) -> Task | None:
    return None if part is None or row is None else tables.task_of(_at(stage, part, row))


def _at(stage: StageFolder, part: int, row: int) -> dict[str, Any]:
    paths = stage.parts()
    if part >= len(paths):
        raise DataError(f"{stage.folder}: is being made anew; open this page again when it is done")
    return _row(paths[part], row)


def _row(path: Path, number: int) -> dict[str, Any]:
    with pq.ParquetFile(path) as file:
        for group in range(file.metadata.num_row_groups):
            held = file.metadata.row_group(group).num_rows
            if number < held:
                table = file.read_row_group(group, use_threads=False).slice(number, 1)
                (found,) = table.to_pylist()
                return dict(found)
            number -= held
    raise DataError(f"{path}: has lost rows; run the stage again")
