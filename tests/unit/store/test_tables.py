from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import DataError
from katsuo.store import tables
from katsuo.types import Context, Dropped, Origin, Span, Task, TaskType

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**40)
CONTEXTS = st.builds(
    Context,
    id=TEXT,
    document_id=TEXT,
    text=TEXT,
    start=COUNT,
    end=COUNT,
    page=st.none() | COUNT,
    heading=st.none() | TEXT,
)
TASKS = st.builds(
    Task,
    id=TEXT,
    document_id=TEXT,
    context_id=TEXT,
    context=TEXT,
    type=st.sampled_from(TaskType),
    instruction=TEXT,
    response=TEXT,
    origin=st.builds(Origin, generator=TEXT, format=TEXT, seed=st.integers(0, 2**64 - 1)),
    evidence=st.lists(st.builds(Span, start=COUNT, end=COUNT), max_size=3).map(tuple),
    scores=st.dictionaries(TEXT, st.floats(0, 1), max_size=3),
)
LINES = st.builds(Dropped, item_id=TEXT, stage=TEXT, by=TEXT, reason=TEXT, excerpt=TEXT)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "deep" / "rows.parquet"


@given(found=st.lists(TASKS, max_size=4))
def test_tasks_come_back_as_they_went(path: Path, found: list[Task]) -> None:
    assert tables.write(path, tables.TASKS, map(tables.task_row, found)) == len(found)
    assert list(tables.tasks([path, path])) == found * 2


@given(found=st.lists(CONTEXTS, max_size=4))
def test_contexts_come_back_as_they_went(path: Path, found: list[Context]) -> None:
    tables.write(path, tables.CONTEXTS, [tables.context_row(one, "s.md") for one in found])
    assert [tables.context_of(row) for row in tables.read(path)] == found
    assert all(row["source"] == "s.md" for row in tables.read(path))


@given(found=st.lists(LINES, max_size=4))
def test_ledger_lines_come_back_as_they_went(path: Path, found: list[Dropped]) -> None:
    tables.write(path, tables.DROPPED, map(tables.dropped_row, found))
    assert [tables.dropped_of(row) for row in tables.read(path)] == found


def test_the_columns_of_tasks_are_a_contract(tmp_path: Path) -> None:
    tables.write(tmp_path / "t.parquet", tables.TASKS, [])
    assert pq.read_schema(tmp_path / "t.parquet").names == [
        "id", "document_id", "context_id", "context", "task_type", "instruction", "response",
        "labels", "answerable", "voice", "evidence", "origin", "scores", "surrogates",
    ]  # fmt: skip


def test_a_table_of_before_labels_is_still_read(tmp_path: Path) -> None:
    task = Task(
        id="t", document_id="d", context_id="c", context="p", type=TaskType.NLI,
        instruction="i", response="r", origin=Origin(generator="g", format="f", seed=1),
    )  # fmt: skip
    row = tables.task_row(task)
    for later in ("labels", "answerable", "voice"):
        del row[later]
    assert tables.task_of(row) == task


def test_the_order_of_the_filters_does_not_change_the_bytes(tmp_path: Path) -> None:
    for name, scores in (("a", {"x": 0.1, "y": 0.2}), ("b", {"y": 0.2, "x": 0.1})):
        task = Task(
            id="t", document_id="d", context_id="c", context="p", type=TaskType.QA,
            instruction="i", response="r", origin=Origin(generator="g", format="f", seed=1),
            scores=scores,
        )  # fmt: skip
        tables.write(tmp_path / f"{name}.parquet", tables.TASKS, [tables.task_row(task)])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_many_rows_are_written_a_group_at_a_time(tmp_path: Path) -> None:
    path, n_rows = tmp_path / "many.parquet", tables.ROW_GROUP + 1
    line = tables.dropped_row(Dropped(item_id="i", stage="s", by="b", reason="r"))
    assert tables.write(path, tables.DROPPED, (line for _ in range(n_rows))) == n_rows
    assert pq.ParquetFile(path).num_row_groups == 2
    assert sum(1 for _ in tables.read(path)) == n_rows


def test_rows_that_fail_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    line = tables.dropped_row(Dropped(item_id="old", stage="s", by="b", reason="r"))
    tables.write(path, tables.DROPPED, [line])

    def failing() -> Iterator[dict[str, Any]]:
        yield line
        raise ValueError("a reader failed")

    with pytest.raises(ValueError, match="a reader failed"):
        tables.write(path, tables.DROPPED, failing())
    assert [row["item_id"] for row in tables.read(path)] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_rows_are_read_from_parquet_and_json_lines_alike(tmp_path: Path) -> None:
    rows = [{"item_id": n, "stage": "s", "by": "b", "reason": "r", "excerpt": ""} for n in "ab"]
    tables.write(tmp_path / "rows.parquet", tables.DROPPED, rows)
    (tmp_path / "rows.jsonl").write_text(
        '{"item_id": "a", "stage": "s", "by": "b", "reason": "r", "excerpt": ""}\n\n'
        '{"item_id": "b", "stage": "s", "by": "b", "reason": "r", "excerpt": ""}',
        "utf-8",
    )
    for name in ("rows.parquet", "rows.jsonl"):
        assert list(tables.rows_of(tmp_path / name)) == rows


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.jsonl", b'{"a": 1}\n{"b"', r"a\.jsonl:2: is not JSON", id="half-a-line"),
        pytest.param("a.jsonl", b"[1]\n", r"a\.jsonl:1: holds a list", id="no-object"),
        pytest.param("a.jsonl", b"\xff\xfe\n", "cannot be read as a table", id="no-utf-8"),
        pytest.param("a.parquet", b"PAR1", "cannot be read as a table", id="no-parquet"),
        pytest.param("a.parquet", None, "cannot be read as a table", id="absent-parquet"),
        pytest.param("a.jsonl", None, "cannot be read as a table", id="absent-lines"),
    ],
)
def test_a_table_that_cannot_be_read_names_its_place(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        list(tables.rows_of(tmp_path / name))


NOTES = st.dictionaries(TEXT, st.floats(0, 1), max_size=3)


@given(
    drafts=st.lists(TASKS, max_size=4, unique_by=lambda task: task.id),
    scores=st.lists(NOTES, min_size=4, max_size=4),
    keep=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_a_noted_table_is_that_of_the_tasks_byte_for_byte(
    path: Path, drafts: list[Task], scores: list[dict[str, float]], keep: list[bool]
) -> None:
    tables.write(path, tables.TASKS, map(tables.task_row, drafts))
    kept = [
        replace(task, scores=found, evidence=(*task.evidence, Span(start=1, end=2)))
        for task, found, here in zip(drafts, scores, keep, strict=False)
        if here
    ]
    table = tables.noted(tables.whole(path), tables.TASKS, kept)
    assert table.equals(tables.of_tasks(tables.TASKS, kept))
    one, other = path.with_name("one.parquet"), path.with_name("other.parquet")
    tables.write_table(one, table)
    tables.write(other, tables.TASKS, map(tables.task_row, kept))
    assert one.read_bytes() == other.read_bytes()


def test_an_older_table_is_noted_row_by_row(path: Path) -> None:
    task = tables.task_of(
        {
            "id": "1", "document_id": "d", "context_id": "c", "context": "", "task_type": "qa",
            "instruction": "", "response": "", "evidence": [], "scores": [],
            "origin": {"generator": "g", "format": "f", "seed": 1},
        }
    )  # fmt: skip
    older = tables.TASKS.remove(tables.TASKS.get_field_index("surrogates"))
    tables.write(path, older, [tables.task_row(task)])
    found = tables.noted(tables.whole(path), tables.TASKS, [task])
    assert found.equals(tables.of_tasks(tables.TASKS, [task]))
