"""Hugging Face datasets: Parquet with all that a row knows, and a card that says where it lies."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

import pyarrow as pa

from katsuo.export.formats import Facts, Format, Shaped, Split, as_code
from katsuo.export.lines import plain
from katsuo.export.rows import Row, evidence, scores, turns

_TURN: Final = pa.struct([("role", pa.string()), ("content", pa.string())])
_SPAN: Final = pa.struct([("start", pa.int64()), ("end", pa.int64())])
# The library `datasets` has no type for a map of Parquet.
_SCORE: Final = pa.struct([("name", pa.string()), ("value", pa.float64())])
SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(_TURN)),
        ("task_type", pa.string()),
        ("task_name", pa.string()),
        ("book", pa.string()),
        ("context", pa.string()),
        ("response", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("answerable", pa.bool_()),
        ("evidence", pa.list_(_SPAN)),
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("domain", pa.string()),
        ("generator", pa.string()),
        ("seed", pa.uint64()),
        ("scores", pa.list_(_SCORE)),
    ]
)


def _shape(row: Row, split: Split) -> Shaped:
    task = row.task
    columns = {
        "id": row.id,
        "messages": [{**turn, "content": plain(turn["content"])} for turn in turns(row)],
        "task_type": task.type.value,
        "task_name": task.name or None,
        "book": row.book,
        "context": plain(task.context),
        "response": plain(task.response),
        "labels": [plain(label) for label in task.labels],
        "answerable": task.answerable,
        "evidence": evidence(row),
        "document_id": task.document_id,
        "source": plain(PurePath(row.place.source).name),
        "domain": row.domain or None,
        "generator": task.origin.generator,
        "seed": task.origin.seed,
        "scores": [{"name": name, "value": value} for name, value in scores(row)],
    }
    return Shaped(file=f"data/{split}-00000-of-00001.parquet", columns=columns)


def _use(_facts: Facts) -> str:
    return (
        "All that a row knows, as Parquet. `evidence` counts characters of the document.\n\n"
        "```python\nimport datasets\n\nrows = datasets.load_dataset(FOLDER)\n```\n\n"
        + as_code("hf upload OWNER/NAME . --repo-type dataset --private")
    )


HF: Final = Format(shape=_shape, beside=lambda _: {}, use=_use)
