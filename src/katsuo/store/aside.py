"""Tables between two passes over the shards of a stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa


class Aside:
    """Tables of one schema in a file of this process's own, taken back in the order of putting.

    The file is fast to write and to read, lost with the power, and goes when all were taken.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self.schema = path, schema
        self._empty = pa.RecordBatch.from_pylist([], schema)
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, schema)

    def put(self, table: pa.Table) -> None:
        """Lay `table` aside; an empty one, too."""
        (batch,) = table.combine_chunks().to_batches() or [self._empty]
        self._writer.write_batch(batch)

    def taken(self) -> Iterator[pa.Table]:
        """Every table, the first one first; none can be put from then on."""
        self._writer.close()
        self._file.close()
        with pa.OSFile(str(self._path), "rb") as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield pa.Table.from_batches([reader.get_batch(number)])
        self._path.unlink()
