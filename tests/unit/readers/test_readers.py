"""A file gives its documents or one ledger line; the other files go on."""

from __future__ import annotations

import os
import random
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pptx
import pytest
from fpdf import FPDF

from katsuo import readers
from katsuo.errors import RecipeError
from katsuo.readers import limits
from katsuo.readers.refusals import refusal
from katsuo.types import Document, Dropped

SENTENCE = "The harbour master keeps a register of every vessel that lies at the quay overnight."


def read(path: Path) -> list[Document | Dropped]:
    return list(readers.read(path, text_column=None))


def document(path: Path) -> Document:
    (found,) = read(path)
    assert isinstance(found, Document), found
    return found


def line(path: Path) -> Dropped:
    (found,) = read(path)
    assert isinstance(found, Dropped), found
    return found


def pdf(path: Path, pages: list[str], *, password: str = "") -> Path:
    paper = FPDF()
    paper.set_font("helvetica", size=11)
    for text in pages:
        paper.add_page()
        paper.multi_cell(0, 6, text)
    if password:
        paper.set_encryption(owner_password="owner", user_password=password)
    paper.output(str(path))
    return path


def epub(path: Path, chapter: str) -> Path:
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>',
        )
        book.writestr(
            "book.opf",
            '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Quays</dc:title>'
            '</metadata><manifest><item id="one" href="one.xhtml"/></manifest>'
            '<spine><itemref idref="one"/></spine></package>',
        )
        book.writestr("one.xhtml", f'<?xml version="1.0"?><html><body>{chapter}</body></html>')
    return path


def test_a_pdf_has_pages_and_its_wrapped_lines_are_joined(tmp_path: Path) -> None:
    found = document(pdf(tmp_path / "a.pdf", [f"{SENTENCE} " * 4, "The second page."]))
    first, second = found.page_starts
    assert found.text[first:second] == " ".join([SENTENCE] * 4) + "\n\n"
    assert found.text[second:] == "The second page."


def test_a_word_file_becomes_markdown(tmp_path: Path) -> None:
    written = docx.Document()
    written.add_heading("Pilotage", level=1)
    written.add_paragraph(SENTENCE)
    written.save(str(tmp_path / "a.docx"))
    assert document(tmp_path / "a.docx").text == f"# Pilotage\n\n{SENTENCE}"


def test_a_slide_is_a_page(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for title in ("Tides", "Tugs"):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    deck.save(str(tmp_path / "a.pptx"))
    found = document(tmp_path / "a.pptx")
    assert [found.text[start:].split("\n")[0] for start in found.page_starts] == [
        "# Tides",
        "# Tugs",
    ]


def test_a_book_gives_its_chapters_without_the_catalogue_entry(tmp_path: Path) -> None:
    found = document(epub(tmp_path / "a.epub", f"<h1>Quays</h1><p>{SENTENCE}</p>"))
    assert found.text == f"# Quays\n\n{SENTENCE}"


def test_a_web_page_keeps_its_words_and_loses_its_links_and_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        "<html><head><title>x</title><script>let hidden</script></head><body><h2>Fees</h2><p>Pay\n"
        '<b>sixty</b> <a href="http://example.org/a">crowns</a>.<img src="http://example.org/b"></p>'
    )
    assert document(path).text == "## Fees\n\nPay sixty crowns."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250"])
def test_text_is_read_in_whatever_encoding_it_was_saved(tmp_path: Path, encoding: str) -> None:
    text = "Die Größe des Übertragungsmaßes wird überprüft, und die Gebühr für März ist fällig."
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert document(tmp_path / "a.txt").text == text


def test_what_a_chat_template_would_read_as_a_marker_stays_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Say <|im_start|> and <|pipe|> aloud.")
    assert document(tmp_path / "a.md").text == "Say <|im_start|> and <|pipe|> aloud."


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("a.txt", b"", "file-empty", id="no-bytes"),
        pytest.param("a.md", b" \n\n\t", "no-text-found", id="white-space-only"),
        pytest.param("a.txt", random.Random(1).randbytes(4000), "not-text", id="binary"),
        pytest.param("a.txt", b"\x00\x01" * 99, "not-text", id="controls"),
        pytest.param("a.pdf", b"%PDF-1.7\nend", "file-damaged", id="no-pdf-inside"),
        pytest.param("a.docx", b"PK\x03\x04 cut", "file-damaged", id="no-archive-inside"),
        pytest.param("a.pptx", b"PK\x03\x04 cut", "file-damaged", id="no-deck-inside"),
        pytest.param("a.epub", b"hello", "file-damaged", id="no-book-inside"),
        pytest.param(
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
            "password-protected",
            id="ole",
        ),
        pytest.param("a.exe", b"MZ", "format-unknown", id="unknown-ending"),
        pytest.param("README", b"hello", "format-unknown", id="no-ending"),
    ],
)
def test_a_file_that_gives_no_text_leaves_one_line(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = line(path)
    assert (found.item_id, found.stage, found.reason) == (str(path), "ingest", reason)
    assert found.excerpt
    assert "\n" not in found.excerpt


def test_a_locked_pdf_says_so(tmp_path: Path) -> None:
    assert line(pdf(tmp_path / "a.pdf", [SENTENCE], password="x")).reason == "password-protected"


def test_a_pdf_of_pictures_says_that_it_has_no_text(tmp_path: Path) -> None:
    assert line(pdf(tmp_path / "a.pdf", ["", ""])).reason == "no-text-found"


def test_a_pdf_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    whole = pdf(tmp_path / "whole.pdf", [SENTENCE]).read_bytes()
    (tmp_path / "a.pdf").write_bytes(whole[: len(whole) // 2])
    assert line(tmp_path / "a.pdf").reason == "file-damaged"


def test_what_may_not_be_opened_is_named_as_such() -> None:
    error = PermissionError(13, "Permission denied")
    assert refusal(Path("a.txt"), "txt", error).reason == "permission-denied"


def test_a_folder_is_walked_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", ".hidden.txt", ".git/x.txt", "~$open.docx", "c.xyz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = [path.relative_to(tmp_path).as_posix() for path in readers.files([tmp_path])]
    assert found == ["a/z.md", "b.txt", "c.xyz"]


def test_links_in_a_circle_are_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert readers.files([tmp_path, tmp_path]) == [tmp_path / "a.txt"]


def test_a_link_that_leads_nowhere_leaves_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "nowhere")
    (path,) = readers.files([tmp_path])
    found = line(path)
    assert (found.item_id, found.reason) == (str(path), "file-missing")
    assert found.excerpt == f"a link to {tmp_path / 'nowhere'} which does not exist"


def test_links_to_each_other_lead_nowhere_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    assert [line(path).reason for path in readers.files([tmp_path])] == ["file-missing"] * 2


def test_a_file_that_goes_after_the_walk_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nhere")
    (path,) = readers.files([tmp_path])
    path.unlink()
    assert (line(path).reason, line(path).excerpt) == (
        "file-missing",
        "the file was gone when it was to be read",
    )


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS = pytest.mark.parametrize(
    ("make", "kind"),
    [pytest.param(pipe, "a named pipe", id="pipe"), pytest.param(bound, "a socket", id="socket")],
)


@KINDS
def test_what_is_no_file_is_never_opened_and_leaves_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    make(Path("a.txt"))
    (path,) = readers.files([Path()])
    assert (line(path).reason, line(path).excerpt) == (
        "not-a-file",
        f"{kind}; only files and folders are read",
    )


@KINDS
def test_what_is_no_file_is_refused_by_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("a.txt"))
    with pytest.raises(RecipeError, match=f"a.txt is {kind}; only files and folders are read"):
        readers.files([Path("a.txt")])


def test_a_device_is_refused_by_what_it_is() -> None:
    with pytest.raises(RecipeError, match="is a device"):
        readers.files([Path(os.devnull)])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("nowhere", "nowhere does not exist; name files", id="absent"),
        pytest.param("link.txt", "is a link to gone which does not exist", id="broken-link"),
        pytest.param("a.txt/b", "does not exist", id="inside-a-file"),
        pytest.param("x" * 300, "cannot be read", id="too-long"),
        pytest.param("a\0b", r"a\\x00b does not exist", id="no-name"),
        pytest.param("a\ud800", r"a\\x00 does not exist", id="no-text"),
    ],
)
def test_a_path_that_cannot_be_read_is_refused_before_any_reading(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "a.txt").write_text(SENTENCE)
    (tmp_path / "link.txt").symlink_to("gone")
    with pytest.raises(RecipeError, match=rf"ingest\.paths: .*{says}"):
        readers.files([tmp_path, tmp_path / name])


def odd_file(folder: Path, name: bytes, data: bytes) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
    try:
        path.write_bytes(data)
    except OSError:
        pytest.skip("this file system takes no names that are not UTF-8")
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param(b"caf\xe9.txt", SENTENCE.encode(), id="text"),
        pytest.param(b"caf\xe9.csv", b"text\nhere\n", id="table"),
        pytest.param(b"caf\xe9.pdf", b"no pdf", id="damaged"),
        pytest.param(b"caf\xe9", b"no ending", id="no-ending"),
        pytest.param(b"caf\xe9\n\x1b.txt", SENTENCE.encode(), id="controls"),
    ],
)
def test_a_name_that_is_no_text_is_read_and_shown_as_text(
    tmp_path: Path, name: bytes, data: bytes
) -> None:
    (item,) = readers.read(odd_file(tmp_path, name, data), text_column="text")
    shown = item.source if isinstance(item, Document) else item.item_id
    assert shown.startswith(f"{tmp_path}/caf\\xe9")
    assert shown.isprintable()
    assert shown.encode("utf-8")


def test_a_ledger_line_can_always_be_written() -> None:
    found = refusal(Path("a\udcff.txt"), "txt", ValueError("says \ud800\x1b[31m"))
    assert found.item_id == "a\\xff.txt"
    assert found.excerpt.isprintable()


def test_a_file_too_large_to_be_read_at_a_stretch_is_not_read(tmp_path: Path) -> None:
    for name in ("a.txt", "a.md", "a.html"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(limits.DEFAULT.max_bytes + 1)  # sparse: it takes no room
        assert line(tmp_path / name).reason == "file-too-large"


def test_every_trial_document_gives_text() -> None:
    if not (folder := os.environ.get("KATSUO_DATA")):
        pytest.skip("KATSUO_DATA names no data folder")
    for path in readers.files([Path(folder) / "documents"]):
        assert len(document(path).text.split()) > 100, path
