"""Where do the rows of a source come from?

From files of each split in a folder below the folder of all sources: `train.parquet`,
or the pieces `train-00000-of-00003.parquet` as the Hub has them, or `train.jsonl`, `train.csv`.
Rows come in an order of chance, so that the first hundred are a sample of
all. For that a source is held in memory as columns (the largest bundled one
takes some 20 MB); a dataset that does not fit must be sampled beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo import seeds
from katsuo.errors import DataError
from katsuo.templates.compiler import PERMISSIVE, Row, Source

_BATCH_ROWS: Final = 256
_FORMS: Final = ("parquet", "jsonl", "csv")


def with_rows(
    sources: Iterable[Source], folder: Path, seed: int, restricted: Path | None = None
) -> list[tuple[Source, Iterator[Row]]]:
    """Each source with its rows, read from below `folder` when the first one is asked for.

    Sources of the restricted tier lie below `restricted`.
    """
    return [
        (source, read_rows(place(source, folder, restricted), source.splits, seed=seed))
        for source in sources
    ]


def place(source: Source, folder: Path, restricted: Path | None) -> Path:
    """The folder of a source's files."""
    below = folder if source.tier == PERMISSIVE or restricted is None else restricted
    return below / source.data


def n_rows(folder: Path, splits: Sequence[str]) -> int:
    """How many rows a source has; 0 where its files cannot be read."""
    from pyarrow import ArrowException, parquet

    total = 0
    for path in (path for split in splits for path in files_of(folder, split)):
        try:
            if path.suffix == ".parquet":
                total += parquet.read_metadata(path).num_rows
            else:
                total += sum(1 for _ in path.open("rb"))
        except (OSError, ArrowException):
            return 0
    return total


def read_rows(folder: Path, splits: Sequence[str], *, seed: int) -> Iterator[Row]:
    """The rows of `splits`, together and in an order that depends on `seed` and the folder's name.

    Raises:
        DataError: If a split is missing, is no Parquet file or has other columns than the first.
    """
    drawn = Drawn.of(folder, splits, seed=seed)
    for start in range(0, len(drawn.order), _BATCH_ROWS):
        yield from drawn.rows(start, _BATCH_ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The rows of some splits, as columns, and an order of chance."""

    table: Any
    order: list[int]

    def rows(self, start: int, n_rows: int) -> list[Row]:
        """So many rows of the order, from `start` on; fewer at its end."""
        found: list[Row] = self.table.take(self.order[start : start + n_rows]).to_pylist()
        return found

    @classmethod
    def of(cls, folder: Path, splits: Sequence[str], *, seed: int) -> Drawn:
        """The rows of `splits`, read now.

        Raises:
            DataError: As `read_rows`.
        """
        import pyarrow

        tables = [_read(folder, split) for split in splits]
        for split, table in zip(splits, tables, strict=True):
            if set(table.column_names) != set(tables[0].column_names):
                raise DataError(
                    f"{folder / split}.parquet has the columns {', '.join(table.column_names)}; "
                    f"{splits[0]} has {', '.join(tables[0].column_names)}"
                )
        table = pyarrow.concat_tables(tables, promote_options="permissive")
        order = list(range(table.num_rows))
        seeds.stream(seed, "rows", folder.name).shuffle(order)
        return cls(table=table, order=order)


def files_of(folder: Path, split: str) -> list[Path]:
    """The files of a split, in the order of their names; of the first form that is there."""
    for form in _FORMS:
        whole = folder / f"{split}.{form}"
        if whole.is_file():
            return [whole]
        if pieces := sorted(folder.glob(f"{split}-*.{form}")):
            return pieces
    return []


def _read(folder: Path, split: str) -> Any:  # noqa: ANN401 -- pyarrow ships no types
    import pyarrow

    paths = files_of(folder, split)
    if not paths:
        held = (path for form in _FORMS for path in folder.glob(f"*.{form}"))
        found = ", ".join(sorted({path.stem for path in held}))
        raise DataError(
            f"{folder / split}.parquet: no such file, nor {split}.jsonl or {split}.csv; the splits "
            f"in {folder} are: {found or 'none'}"
        )
    return pyarrow.concat_tables(map(_table, paths), promote_options="permissive")


def _table(path: Path) -> Any:  # noqa: ANN401
    import pyarrow
    from pyarrow import csv, json, parquet

    read = {".jsonl": json.read_json, ".csv": csv.read_csv}
    try:
        if path.suffix == ".parquet":
            with parquet.ParquetFile(path) as file:  # read_table would load pandas beforehand
                return file.read()
        return read[path.suffix](path)
    except pyarrow.ArrowException as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: no {path.suffix[1:]} file of rows: {said}") from error
