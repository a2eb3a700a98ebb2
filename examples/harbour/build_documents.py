"""Build the Word and PDF documents of the Brannesk Harbour example.

Run ``python examples/harbour/build_documents.py`` from the root of the repository. The sources are
the Markdown files in ``source/``; the results go to ``documents/``. Both results are the same bytes
on every run with the same library versions, because every date in them is fixed.
"""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import docx
from fpdf import FPDF

HERE = Path(__file__).resolve().parent
CREATED = datetime(2024, 1, 1, tzinfo=UTC)
ZIP_DATE = (2024, 1, 1, 0, 0, 0)
AUTHOR = "Brannesk Harbour Board"
HEADING_SIZES = {1: 17, 2: 13}


class Block(NamedTuple):
    """One block of a source file: a heading of some level, or a paragraph at level 0."""

    level: int
    text: str


def read_blocks(path: Path) -> list[Block]:
    """Split a source file at its blank lines into headings and paragraphs."""
    blocks = []
    for chunk in re.split(r"\n\s*\n", path.read_text(encoding="utf-8").strip()):
        text = " ".join(chunk.split())
        marks = len(text) - len(text.lstrip("#"))
        blocks.append(Block(marks, text[marks:].strip()))
    return blocks


def with_fixed_dates(archive: bytes) -> bytes:
    """Repack a zip archive so that the time of the run leaves no trace in it."""
    result = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, date_time=ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return result.getvalue()


def build_docx(blocks: list[Block], target: Path) -> None:
    """Write a Word document with true heading styles."""
    document = docx.Document()
    properties = document.core_properties
    properties.author = properties.last_modified_by = AUTHOR
    properties.title = blocks[0].text
    properties.comments = ""
    properties.created = properties.modified = CREATED
    for block in blocks:
        if block.level:
            document.add_heading(block.text, level=block.level)
        else:
            document.add_paragraph(block.text)
    buffer = BytesIO()
    document.save(buffer)
    target.write_bytes(with_fixed_dates(buffer.getvalue()))


def build_pdf(blocks: list[Block], target: Path) -> None:
    """Write an A4 document; a paragraph never runs over the end of a page."""
    pdf = FPDF(format="A4")
    pdf.set_margin(25)
    pdf.set_auto_page_break(auto=True, margin=25)
    pdf.set_creation_date(CREATED)
    pdf.set_title(blocks[0].text)
    pdf.set_author(AUTHOR)
    pdf.add_page()
    for block in blocks:
        size = HEADING_SIZES.get(block.level, 11)
        pdf.set_font("Helvetica", style="B" if block.level else "", size=size)
        height = pdf.multi_cell(0, size / 2, block.text, dry_run=True, output="HEIGHT")
        room_after = 35 if block.level else 0
        if pdf.will_page_break(height + room_after):
            pdf.add_page()
        pdf.multi_cell(0, size / 2, block.text, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(3)
    pdf.output(str(target))


def main() -> None:
    """Build both documents."""
    documents = HERE / "documents"
    documents.mkdir(exist_ok=True)
    build_docx(
        read_blocks(HERE / "source" / "quarantine-order.md"), documents / "quarantine-order.docx"
    )
    build_pdf(read_blocks(HERE / "source" / "bunkering-code.md"), documents / "bunkering-code.pdf")


if __name__ == "__main__":
    main()
