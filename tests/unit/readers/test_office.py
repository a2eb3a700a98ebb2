"""An archive gives its text, and nothing in it reaches out of it or fills the memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
import pytest

from katsuo import readers
from katsuo.types import Document, Dropped

SENTENCE = "The harbour master keeps a register of every vessel that lies at the quay overnight."


def only(path: Path) -> Document | Dropped:
    (found,) = readers.read(path, text_column=None)
    return found


def reason(path: Path) -> str:
    found = only(path)
    assert isinstance(found, Dropped), found
    return found.reason


def repacked(path: Path, extra: dict[str, bytes], *, near: Path) -> Path:
    """A Word file with `extra` parts, which replace those of the same name."""
    whole = near / "whole.docx"
    written = docx.Document()
    written.add_paragraph(SENTENCE)
    written.save(str(whole))
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, extra.get(name) or old.read(name))
        for name in extra.keys() - set(old.namelist()):
            new.writestr(name, extra[name])
    return path


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.epub"])
@pytest.mark.parametrize("n_mib", [48, 600], ids=["many-times-itself", "more-than-fits"])
def test_an_archive_that_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, name: str, n_mib: int
) -> None:
    with (
        zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(n_mib):
            part.write(bytes(2**20))
    found = only(tmp_path / name)
    assert isinstance(found, Dropped)
    assert (found.reason, f"unpack to {n_mib} MiB" in found.excerpt) == ("archive-too-large", True)


def test_an_archive_whose_parts_are_larger_than_it_states_is_damaged(tmp_path: Path) -> None:
    path = repacked(tmp_path / "a.docx", {}, near=tmp_path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        stated = archive.getinfo("word/document.xml").file_size
    at = data.rindex(stated.to_bytes(4, "little"))  # in the directory at the end
    data[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    assert reason(path) == "file-damaged"


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha ") for n in range(9)
)


def test_entities_that_grow_are_not_followed(tmp_path: Path) -> None:
    part = b'<?xml version="1.0"?><!DOCTYPE x [%s]><styles>&l8;</styles>' % LAUGHS
    path = repacked(tmp_path / "a.docx", {"word/styles.xml": part}, near=tmp_path)
    assert reason(path) == "file-damaged"


def test_an_entity_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a word that stands nowhere else")
    path = tmp_path / "a.html"
    path.write_text(
        f'<!DOCTYPE x [<!ENTITY s SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
        f"<html><body><p>&s; {SENTENCE}</p></body></html>"
    )
    found = only(path)
    assert isinstance(found, Document)
    assert SENTENCE in found.text
    assert "nowhere else" not in found.text


def test_a_chapter_outside_its_book_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "one.xhtml").write_text(f"<html><body><p>{SENTENCE}</p></body></html>")
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>',
        )
        book.writestr(
            "book.opf",
            '<package><manifest><item id="one" href="../one.xhtml"/></manifest>'
            '<spine><itemref idref="one"/></spine></package>',
        )
    assert reason(tmp_path / "a.epub") == "no-text-found"


def test_names_of_parts_lead_nowhere(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    path = repacked(below / "a.docx", {"../evil.txt": b"x", "/evil.txt": b"x"}, near=below)
    found = only(path)
    assert isinstance(found, Document)
    assert found.text == SENTENCE
    assert not (tmp_path / "evil.txt").exists()
