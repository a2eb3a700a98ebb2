"""Our nouns as Parquet rows and back; the columns are a contract that programs rely on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from katsuo.errors import DataError
from katsuo.store.files import appearing
from katsuo.types import Context, Dropped, Origin, Span, Task, TaskType

ROW_GROUP: Final = 4096
"""Rows held in memory while writing."""

_SPAN: Final = pa.struct([("start", pa.int64()), ("end", pa.int64())])

CONTEXTS: Final = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("text", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("page", pa.int64()),
        ("heading", pa.string()),
    ]
)
TASKS: Final = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("context_id", pa.string()),
        ("context", pa.string()),
        ("task_type", pa.string()),
        ("instruction", pa.string()),
        ("response", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("answerable", pa.bool_()),
        ("voice", pa.string()),
        ("evidence", pa.list_(_SPAN)),
        (
            "origin",
            pa.struct([("generator", pa.string()), ("format", pa.string()), ("seed", pa.uint64())]),
        ),
        ("scores", pa.map_(pa.string(), pa.float64())),
        ("surrogates", pa.int64()),
    ]
)
OWN_TASKS: Final = TASKS.append(pa.field("task_name", pa.string()))
"""Of a run with task types of the user's own."""
_REVIEW: Final = pa.field("review", pa.string())
DROPPED: Final = pa.schema(
    [(name, pa.string()) for name in ("item_id", "stage", "by", "reason", "excerpt")]
)
LABEL_NATS: Final = pa.schema([("id", pa.string()), ("nats", pa.list_(pa.float64()))])
SCORES: Final = pa.schema([("id", pa.string()), ("score", pa.float64())])
LEARNED: Final = pa.schema([("arm", pa.string()), ("seed", pa.int64()), ("pair_id", pa.string())])
PREDICTIONS: Final = pa.schema(
    [
        ("arm", pa.string()),
        ("set", pa.string()),
        ("probe_id", pa.string()),
        ("document_id", pa.string()),
        ("prompt_id", pa.string()),
        ("seed", pa.int64()),
        ("prompt", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("nats", pa.list_(pa.float64())),
        ("n_tokens", pa.list_(pa.int64())),
        ("prediction", pa.string()),
        ("gold", pa.list_(pa.string())),
    ]
)


def tasks_schema(*, own: bool = False, reviewed: bool = False) -> pa.Schema:
    """The columns of tasks in a run with task types of the user's own, or decided on by hand."""
    schema = OWN_TASKS if own else TASKS
    return schema.append(_REVIEW) if reviewed else schema


def write(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write `rows` as the zstd Parquet file `path`, a row group at a time; the number of rows.

    The file appears whole or not at all; when `rows` fails, the one before it stays.
    """
    with writing(path, schema) as put:
        count = 0
        for row in rows:
            put(row)
            count += 1
    return count


@contextmanager
def writing(path: Path, schema: pa.Schema) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What takes the rows of the Parquet file `path`, one by one; as `write`, for several at once.

    The file appears when the block ends, and not at all when it fails.
    """
    batch: list[Mapping[str, Any]] = []
    with (
        appearing(path) as unfinished,
        pq.ParquetWriter(unfinished, schema, compression="zstd") as writer,
    ):

        def flush() -> None:
            if batch:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch.clear()

        def put(row: Mapping[str, Any]) -> None:
            batch.append(row)
            if len(batch) == ROW_GROUP:
                flush()

        yield put
        flush()


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as `write` writes its rows, byte for byte; no row is made a Python object."""
    # An open file: a path is looked up in every known file system first.
    with (
        appearing(path) as unfinished,
        pa.OSFile(str(unfinished), "wb") as sink,
        pq.ParquetWriter(sink, table.schema, compression="zstd") as writer,
    ):
        if table.num_rows:
            writer.write_table(table, row_group_size=ROW_GROUP)


def of_rows(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The table of `rows`."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def of_tasks(schema: pa.Schema, tasks: Iterable[Task]) -> pa.Table:
    """The table of `tasks`."""
    return of_rows(schema, map(task_row, tasks))


def whole(path: Path) -> pa.Table:
    """A Parquet file of few rows, such as a shard, in memory."""
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=False)  # threads cost twice what so few rows do


def noted(drafts: pa.Table, schema: pa.Schema, tasks: Sequence[Task]) -> pa.Table:
    """The rows of `drafts` that `tasks` were read from, with the evidence and scores of `tasks`.

    It is the table of their `task_row`s, at less cost, if nothing else about them has changed.
    Where `drafts` has not the columns of `schema`, it is made of `task_row`s.
    """
    if not drafts.schema.equals(schema):
        return of_tasks(schema, tasks)
    place = {id_: number for number, id_ in enumerate(drafts["id"].to_pylist())}
    table = drafts.take(pa.array([place[task.id] for task in tasks], pa.int64()))
    for name in ("evidence", "scores"):
        field = schema.field(name)
        column = pa.array(map(_NOTED[name], tasks), field.type)
        table = table.set_column(schema.get_field_index(name), field, column)
    return table.combine_chunks().cast(schema)  # names of nested fields, too


def read(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, streamed; only these columns of them, where any are named."""
    with pq.ParquetFile(path) as file:
        # A shard is one row group: threads cost twice what they decode.
        threads = file.metadata.num_rows > ROW_GROUP
        for batch in file.iter_batches(ROW_GROUP, columns=columns, use_threads=threads):
            yield from batch.to_pylist()


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet or JSON Lines file, streamed.

    Raises:
        DataError: If the file cannot be read; names the file and the line.
    """
    try:
        if path.suffix == ".parquet":
            yield from read(path)
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json_row(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read as a table of rows ({error})") from error


def _json_row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: is not JSON ({error.msg} at column {error.colno})") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: holds a {type(row).__name__}; a row is a JSON object")
    return row


def context_row(context: Context, source: str) -> dict[str, Any]:
    """A context as a row of `1-contexts`; `source` is its document's."""
    return {
        "id": context.id,
        "document_id": context.document_id,
        "source": source,
        "text": context.text,
        "start": context.start,
        "end": context.end,
        "page": context.page,
        "heading": context.heading,
    }


def context_of(row: Mapping[str, Any]) -> Context:
    """The context of a row of `1-contexts`."""
    return Context(**{name: row[name] for name in Context.__slots__})


def task_row(task: Task) -> dict[str, Any]:
    """A task as a row of `2-tasks` and `3-curated`."""
    return {
        "id": task.id,
        "document_id": task.document_id,
        "context_id": task.context_id,
        "context": task.context,
        "task_type": task.type.value,
        "instruction": task.instruction,
        "response": task.response,
        "labels": list(task.labels),
        "answerable": task.answerable,
        "voice": task.voice,
        "evidence": _evidence(task),
        "origin": {
            "generator": task.origin.generator,
            "format": task.origin.format,
            "seed": task.origin.seed,
        },
        "scores": _scores(task),
        "surrogates": task.surrogates,
        **({"task_name": task.name} if task.name else {}),
        **({"review": task.review} if task.review else {}),
    }


def _evidence(task: Task) -> list[dict[str, int]]:
    return [{"start": span.start, "end": span.end} for span in task.evidence]


def _scores(task: Task) -> list[tuple[str, float]]:
    return sorted(task.scores.items())


_NOTED: Final[dict[str, Callable[[Task], Any]]] = {"evidence": _evidence, "scores": _scores}
"""What a filter notes of a task, by column."""


def task_of(row: Mapping[str, Any]) -> Task:
    """The task of a row of `2-tasks` or `3-curated`."""
    return Task(
        id=row["id"],
        document_id=row["document_id"],
        context_id=row["context_id"],
        context=row["context"],
        type=TaskType(row["task_type"]),
        instruction=row["instruction"],
        response=row["response"],
        labels=tuple(row.get("labels") or ()),  # a table written before 0.1 has none of the three
        answerable=row.get("answerable", True),
        voice=row.get("voice", ""),
        evidence=tuple(Span(**span) for span in row["evidence"]),
        origin=Origin(**row["origin"]),
        scores=dict(row["scores"] or ()),
        surrogates=row.get("surrogates", 0),
        name=row.get("task_name") or "",
        review=row.get("review") or "",
    )


def dropped_row(dropped: Dropped) -> dict[str, Any]:
    """A ledger line as a row of `dropped`."""
    return {name: getattr(dropped, name) for name in DROPPED.names}


def dropped_of(row: Mapping[str, Any]) -> Dropped:
    """The ledger line of a row of `dropped`."""
    return Dropped(**row)


def tasks(paths: Sequence[Path]) -> Iterator[Task]:
    """The tasks of several files, in order."""
    for path in paths:
        for row in read(path):
            yield task_of(row)
