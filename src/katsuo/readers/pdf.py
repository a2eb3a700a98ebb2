"""What stands on the pages of a PDF?

pages ─PDFium─▶ lines with their places ─▶ headings and paragraphs, page by page
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from katsuo.readers.lines import (
    Line,
    heading_marks,
    markdown,
    mended,
    without_running_lines,
    words_of,
)
from katsuo.readers.plain import Reading, joined
from katsuo.readers.refusals import RefusedError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_WRONG_PASSWORD: Final = 4
"""PDFium's FPDF_ERR_PASSWORD."""


def read(path: Path) -> Reading:
    """The text of every page as Markdown, and where each page begins.

    Running titles and page numbers are left out. A paragraph that goes on over
    the page ends at the page.

    Raises:
        RefusedError: If the file is damaged, locked, or holds pictures of pages only.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        with PdfDocument(path.read_bytes()) as document:
            pages = without_running_lines(list(_pages(document)))
    except PdfiumError as error:
        is_locked = error.err_code == _WRONG_PASSWORD
        raise RefusedError(
            "password-protected" if is_locked else "file-damaged", str(error)
        ) from error
    if not any(pages):
        raise RefusedError("no-text-found", f"{len(pages)} pages without text; scans need OCR")
    marks = heading_marks([line for page in pages for line in page])
    texts = [markdown(page, marks) for page in pages]
    words = words_of("\n".join(texts))
    return joined(mended(text, words) for text in texts)


def _pages(document: PdfDocument) -> Iterator[list[Line]]:
    for i in range(len(document)):
        page = document[i]
        text_page = page.get_textpage()
        yield list(_lines(text_page))
        text_page.close()
        page.close()


def _lines(text_page: PdfTextPage) -> Iterator[Line]:
    from pypdfium2 import raw

    n_chars = text_page.count_chars()
    units = [raw.FPDFText_GetUnicode(text_page, i) for i in range(n_chars)]
    ends = [i for i in range(n_chars) if units[i] in (10, 13)]
    for start, end in zip([0, *(i + 1 for i in ends)], [*ends, n_chars], strict=True):
        visible = [i for i in range(start, end) if not chr(units[i]).isspace()]
        if visible:
            yield _line(text_page, units, visible)


def _line(text_page: PdfTextPage, units: list[int], visible: list[int]) -> Line:
    """The line whose `visible` characters have these numbers; `units` are UTF-16."""
    from pypdfium2 import raw

    first, middle, last = visible[0], visible[len(visible) // 2], visible[-1]
    word_end = next((a for a, b in pairwise(visible) if b > a + 1), last)
    left = text_page.get_charbox(first, loose=True)[0]
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, middle, x, y)
    inside = "".join(map(chr, units[first : last + 1]))
    return Line(
        text=inside.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"),
        left=left,
        right=text_page.get_charbox(last, loose=True)[2],
        baseline=y.value,
        size=raw.FPDFText_GetFontSize(text_page, middle),
        weight=min(raw.FPDFText_GetFontWeight(text_page, i) for i in (first, middle, last)),
        first_word_width=text_page.get_charbox(word_end, loose=True)[2] - left,
    )
