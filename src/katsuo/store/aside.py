"""Tables between two passes over the shards of a stage, and work that need not be waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")

_DEPTH: Final = 2
"""Results that are made before they are asked for; so much more is held in memory."""


class Aside:
    """Tables of one schema in a file of this process's own, taken back in the order of putting.

    The file is fast to write and to read, lost with the power, and goes when all were taken.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, schema)

    def put(self, table: pa.Table) -> None:
        """Lay `table` aside; an empty one, too."""
        whole = table.combine_chunks().to_batches()
        self._writer.write_batch(*whole or [pa.RecordBatch.from_pylist([], self._schema)])

    def taken(self) -> Iterator[pa.Table]:
        """Every table, the first one first; none can be put from then on."""
        self._writer.close()
        self._file.close()
        with pa.OSFile(str(self._path), "rb") as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield pa.Table.from_batches([reader.get_batch(number)])
        self._path.unlink()


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map(work, items)`, the next results made in threads while one is used.

    It pays where `work` reads, writes or packs, which leaves the interpreter to others.
    """
    with ThreadPoolExecutor(max_workers=_DEPTH) as pool:
        coming: deque[Future[Result]] = deque()
        for item in items:
            coming.append(pool.submit(work, item))
            if len(coming) > _DEPTH:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
