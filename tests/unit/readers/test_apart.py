"""A file that was made to do harm costs its limits and one line; the next file is read."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from katsuo import readers
from katsuo.errors import RecipeError
from katsuo.readers.apart import Apart
from katsuo.readers.limits import DEFAULT, Limits
from katsuo.types import Document, Dropped

SENTENCE = "The harbour master keeps a register of every vessel that lies at the quay overnight."
WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


@pytest.fixture(scope="module")
def reader() -> Iterator[Apart]:
    with Apart(Limits(seconds=4)) as made:
        yield made


def only(reader: Apart, path: Path, column: str | None = "text") -> Document | Dropped:
    (found,) = reader.read(path, text_column=column)
    return found


def word_file(path: Path, body: bytes = b"") -> Path:
    """A Word file whose body is `body`, or one sentence."""
    written = docx.Document()
    written.add_paragraph(SENTENCE)
    written.save(str(path))
    if body:
        with zipfile.ZipFile(path) as old:
            parts = {name: old.read(name) for name in old.namelist()}
        parts["word/document.xml"] = (
            f'<w:document xmlns:w="{WORDS}"><w:body>'.encode() + body + b"</w:body></w:document>"
        )
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in parts.items():
                new.writestr(name, data)
    return path


def pdf(pages: bytes, count: int) -> bytes:
    """A PDF whose page tree is `pages`, with one page as object 3."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (pages, count),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length 40>>stream\nBT /F1 12 Tf 10 100 Td (A page of it) Tj ET    \nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.4\n"
    places: list[int] = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def test_what_is_read_apart_is_what_is_read_here(reader: Apart, tmp_path: Path) -> None:
    word_file(tmp_path / "a.docx")
    (tmp_path / "a.html").write_text(f"<h1>Quays</h1><p>{SENTENCE}</p>", "utf-8")
    (tmp_path / "a.pdf").write_bytes(pdf(b"3 0 R " * 3, 3))
    (tmp_path / "a.csv").write_text(f"text\n{SENTENCE}\n\nagain\n", "utf-8")
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": 3}\nno\n', "utf-8")
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "a.txt").write_text(SENTENCE, "utf-8")
    pq.write_table(pa.table({"text": ["a text", None]}), tmp_path / "a.parquet")
    for path in readers.files([tmp_path]):
        here = list(readers.read(path, text_column="text"))
        assert list(reader.read(path, text_column="text")) == here, path


def hostile(folder: Path, name: str) -> Path:
    path = folder / name
    match name:
        case "empty.docx":
            return word_file(path, b"<w:p/>" * 4_000_000)
        case "deep.docx":
            deep = b"<w:ins>" * 100_000 + b"</w:ins>" * 100_000
            body = b"<w:p><w:r>" + deep + b"</w:r></w:p>"
            return word_file(path, body)
        case "attributes.html":
            marks = b" ".join(b"a%d=1" % n for n in range(400_000))
            path.write_bytes(b"<p " + marks + b">x</p>")
        case "pages.pdf":
            path.write_bytes(pdf(b"3 0 R " * 300_000, 300_000))
        case "repeated.parquet":
            index = pa.array([0] * 2000, pa.int32())
            column = pa.DictionaryArray.from_arrays(index, pa.array(["a" * 50 * 2**20]))
            pq.write_table(pa.table({"text": column}), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    "name",
    ["empty.docx", "deep.docx", "attributes.html", "pages.pdf", "repeated.parquet"],
)
def test_what_takes_too_much_is_given_up_and_the_next_file_is_read(
    reader: Apart, tmp_path: Path, name: str
) -> None:
    found = only(reader, hostile(tmp_path, name))
    assert isinstance(found, Dropped)
    assert found.reason in {"reader-timeout", "reader-memory", "reader-crashed"}
    assert found.item_id == str(tmp_path / name)
    after = only(reader, word_file(tmp_path / "after.docx"))
    assert isinstance(after, Document)
    assert after.text == SENTENCE


def test_a_refusal_by_time_names_the_setting(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx", b"<w:p/>" * 400_000)
    with Apart(Limits(seconds=0.01)) as reader:
        found = only(reader, path)
    assert isinstance(found, Dropped)
    assert (found.reason, "raise ingest.file_seconds" in found.excerpt) == ("reader-timeout", True)


def test_a_reader_that_dies_costs_one_file(tmp_path: Path) -> None:
    word_file(tmp_path / "a.docx")
    (tmp_path / "rows.csv").write_text("text\n" + f"{SENTENCE}\n" * 200_000, "utf-8")
    with Apart() as reader:
        rows = reader.read(tmp_path / "rows.csv", text_column="text")
        assert isinstance(next(rows), Document)
        assert reader._process is not None
        reader._process.kill()
        *_, last = rows
        assert isinstance(last, Dropped)
        assert (last.reason, "SIGKILL" in last.excerpt) == ("reader-crashed", True)
        assert isinstance(only(reader, tmp_path / "a.docx"), Document)


def test_rows_that_nobody_waits_for_are_not_taken_for_the_next_file(tmp_path: Path) -> None:
    word_file(tmp_path / "a.docx")
    (tmp_path / "rows.csv").write_text("text\none\ntwo\nthree\n", "utf-8")
    with Apart() as reader:
        rows = reader.read(tmp_path / "rows.csv", text_column="text")
        next(rows)
        rows.close()  # type: ignore[attr-defined]  # it is a generator
        found = only(reader, tmp_path / "a.docx")
    assert isinstance(found, Document)
    assert found.text == SENTENCE


def test_a_column_that_is_not_there_is_a_bad_request(reader: Apart, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body\nhere\n", "utf-8")
    with pytest.raises(
        RecipeError, match=r"ingest\.text_column is 'text', but the columns are body"
    ):
        only(reader, tmp_path / "a.csv")


def test_an_endless_line_is_no_row(tmp_path: Path) -> None:
    for name, head in (("a.csv", "text\n"), ("a.jsonl", '{"text": "one"}\n')):
        (tmp_path / name).write_text(head + "a" * 2**21, "utf-8")
        with Apart(Limits(max_mib=1)) as reader:
            *_, last = reader.read(tmp_path / name, text_column="text")
        assert isinstance(last, Dropped)
        assert last.reason == "row-too-large"


def test_an_archive_of_very_many_parts_is_not_opened(reader: Apart, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        for number in range(2**14 + 1):
            book.writestr(f"{number}", "")
    found = only(reader, tmp_path / "a.epub")
    assert isinstance(found, Dropped)
    assert found.reason == "archive-too-large"


def test_a_module_beside_the_documents_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("markitdown", "mammoth", "json"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    monkeypatch.chdir(tmp_path)
    with Apart() as reader:
        assert isinstance(only(reader, word_file(tmp_path / "a.docx")), Document)
    assert not (tmp_path / "ran").exists()


def test_a_larger_file_may_cost_more() -> None:
    assert DEFAULT.seconds_of(2 * 2**20) == 2 * DEFAULT.seconds
    assert DEFAULT.memory_bytes_of(2**20) - DEFAULT.memory_bytes_of(0) == 8 * 2**20
    assert dataclasses.replace(DEFAULT, max_mib=0.5).max_bytes == 2**19
