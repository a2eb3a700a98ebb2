"""A row with text is a document; a row without leaves a line, and the others go on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from katsuo import readers
from katsuo.errors import RecipeError
from katsuo.types import Document


def _csv(folder: Path) -> Path:
    (folder / "a.csv").write_text('id,text\n1,"Two\nlines"\n2,\n3,Last\n')
    return folder / "a.csv"


def _jsonl(folder: Path) -> Path:
    rows: list[dict[str, object]] = [
        {"id": 1, "text": "Two\nlines"},
        {"text": None},
        {"text": "Last"},
    ]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "a.jsonl"


def _parquet(folder: Path) -> Path:
    table = pa.table({"id": [1, 2, 3], "text": ["Two\nlines", None, "Last"]})
    pq.write_table(table, folder / "a.parquet")
    return folder / "a.parquet"


def _dataset(folder: Path) -> Path:
    import datasets

    rows = datasets.Dataset.from_dict({"id": [1, 2, 3], "text": ["Two\nlines", None, "Last"]})
    rows.save_to_disk(str(folder / "saved"))
    return folder / "saved"


TABLES = pytest.mark.parametrize("write", [_csv, _jsonl, _parquet, _dataset])


def seen(path: Path) -> list[tuple[str, str]]:
    """Row and text of every document, row and reason of every line."""
    found = []
    for item in readers.read(path, text_column="text"):
        if isinstance(item, Document):
            found.append((item.source.removeprefix(str(path)), item.text))
        else:
            found.append((item.item_id.removeprefix(str(path)), item.reason))
    return found


@TABLES
def test_each_row_is_a_document_with_its_number(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    assert seen(write(tmp_path)) == [("#1", "Two\nlines"), ("#2", "no-text-found"), ("#3", "Last")]


@TABLES
@pytest.mark.parametrize("column", [None, "body"], ids=["no-column-named", "unknown-column"])
def test_the_error_names_the_file_the_columns_and_the_setting(
    tmp_path: Path, write: Callable[[Path], Path], column: str | None
) -> None:
    path = write(tmp_path)
    with pytest.raises(RecipeError) as caught:
        list(readers.read(path, text_column=column))
    said = str(caught.value)
    assert all(part in said for part in (str(path), "id, text", "ingest.text_column"))


def test_a_saved_dataset_is_one_file_and_is_not_walked(tmp_path: Path) -> None:
    assert readers.files([_dataset(tmp_path).parent]) == [tmp_path / "saved"]


def test_every_split_of_a_saved_dataset_is_read(tmp_path: Path) -> None:
    import datasets

    splits = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test")}
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    assert seen(tmp_path / "saved") == [("/train#1", "train"), ("/test#1", "test")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"{broken", "row-damaged", id="no-json"),
        pytest.param(b"[1]", "row-damaged", id="no-object"),
        pytest.param(b'{"text": 5}', "no-text-found", id="a-number"),
        pytest.param(b'{"other": "x"}', "no-text-found", id="no-such-field"),
    ],
)
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n\n' + line + b'\n{"text": "two"}\n')
    assert seen(path) == [("#1", "one"), ("#3", reason), ("#4", "two")]


def test_a_row_may_leave_out_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"id": 2, "text": "Last"}\n')
    assert seen(tmp_path / "a.jsonl") == [("#1", "no-text-found"), ("#2", "Last")]


def test_a_text_that_was_cut_at_its_own_comma_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,Pay ten, or leave.\n2,Last,,\n3\n")
    assert seen(tmp_path / "a.csv") == [
        ("#1", "row-damaged"),
        ("#2", "Last"),
        ("#3", "no-text-found"),
    ]


def test_a_lone_surrogate_becomes_a_character_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "\\ud800x"}\n')
    assert seen(tmp_path / "a.jsonl") == [("#1", "\ufffdx")]


def test_a_row_of_characters_that_fall_away_holds_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "\\u0000\\u202e"}\n')
    assert seen(tmp_path / "a.jsonl") == [("#1", "no-text-found")]


def test_a_field_may_be_a_whole_document_and_other_readers_keep_their_limit(
    tmp_path: Path,
) -> None:
    earlier = csv.field_size_limit()
    text = "word " * 40_000
    (tmp_path / "a.csv").write_text(f'text\n"{text}"\nshort\n')
    for item in readers.read(tmp_path / "a.csv", text_column="text"):
        assert isinstance(item, Document)
        assert csv.field_size_limit() == earlier
    assert [len(text) for _, text in seen(tmp_path / "a.csv")] == [len(text), 5]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_read_off_the_header(tmp_path: Path, separator: str) -> None:
    (tmp_path / "a.csv").write_text(separator.join(["id", "text"]) + "\n" + separator.join("1x"))
    assert seen(tmp_path / "a.csv") == [("#1", "x")]


@pytest.mark.parametrize("above", ["\n", "\r\n \n", "sep={}\n", "\ufeffsep={}\r\n", '"sep={}"\n\n'])
@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_lines_above_the_names_of_the_columns_are_no_names(
    tmp_path: Path, above: str, separator: str
) -> None:
    if separator == "|" and "sep" not in above:
        pytest.skip("nobody guesses it")
    rows = f"id{separator}text\n1{separator}x\n"
    (tmp_path / "a.csv").write_text(above.format(separator) + rows, "utf-8", newline="")
    assert seen(tmp_path / "a.csv") == [("#1", "x")]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("a.csv", b"id,text\n", "no-text-found", id="header-only"),
        pytest.param("a.jsonl", b"nothing\n", "file-damaged", id="no-json-at-all"),
        pytest.param("a.parquet", b"PAR1 cut", "file-damaged", id="cut-parquet"),
    ],
)
def test_a_table_without_rows_leaves_one_line(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert seen(tmp_path / name) == [("", reason)]
