"""Where does a passage stand? A whole run's passages, without their texts.

A few hundred bytes are held of each, its heading included (note 0035).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from katsuo.errors import DataError
from katsuo.export.rows import Place

_COLUMNS: Final = ("id", "source", "start", "end", "page", "heading")


class Places:
    """Looks passages up by id."""

    def __init__(self, parts: Sequence[Path]) -> None:
        tables = [pq.read_table(part, columns=list(_COLUMNS)) for part in parts]
        self._table = pa.concat_tables(tables) if tables else pa.table({"id": pa.array([])})
        ids = np.array([id_.encode() for id_ in self._table["id"].to_pylist()], dtype=np.bytes_)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        self._table = self._table.drop_columns(["id"]).combine_chunks()

    def of(self, context_id: str) -> Place:
        """The place of a passage.

        Raises:
            DataError: If there is no such passage.
        """
        at = int(np.searchsorted(self._ids, context_id.encode()))
        if at == len(self._ids) or self._ids[at] != context_id.encode():
            raise DataError(
                f"1-contexts has no passage {context_id}, which a task of 3-curated is about; run "
                "the stages again"
            )
        row: Mapping[str, Any] = self._table.slice(int(self._order[at]), 1).to_pylist()[0]
        return Place(**row)
