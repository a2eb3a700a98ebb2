"""Office files, web pages and books to Markdown: what does markitdown make of them?

Its converters are called one by one: the front door would load a model that
guesses file types, and may go to the network. Links, pictures and emphasis are
left out, since a passage should read as it is spoken; headings, lists and
tables stay.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from katsuo.readers.plain import Reading, decoded, joined, normalised
from katsuo.readers.refusals import RefusedError

_OPTIONS: Final[dict[str, Any]] = {
    "strip": ["a", "img", "b", "strong", "em", "i", "u"],
    "escape_asterisks": False,
    "escape_underscores": False,
    # Together: line breaks of the source are spaces, and no new ones are made.
    "wrap": True,
    "wrap_width": None,
}
_TITLES: Final = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"
_OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0"
"""An encrypted Office file is not a zip archive but an older container around one."""
_MOST_UNPACKED_BYTES: Final = 2**29
"""The converters unpack whole parts into memory: a part of text takes 13 times its bytes there."""
_BOMB_BYTES: Final = 2**25
_BOMB_RATIO: Final = 200
"""Deflate packs text to about a tenth and zeros to a thousandth. What unpacks to less than
`_BOMB_BYTES` does no harm, however it was packed."""
_MOST_PARTS: Final = 2**14
_SLIDE: Final = re.compile(r"<!-- Slide number: \d+ -->")
_PICTURE: Final = re.compile(r"^!\[[^\]]*\]\([^)]*\)$", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n(?:[^\S\n]*\n)+")


def html(path: Path) -> Reading:
    """The text of a web page's body."""
    from bs4.dammit import EncodingDetector

    data = path.read_bytes()
    text = decoded(data, EncodingDetector.find_declared_encoding(data, is_html=True))
    with _quietly():
        from markitdown.converters import HtmlConverter

        return _reading(HtmlConverter().convert_string(text, **_OPTIONS).markdown)


def docx(path: Path) -> Reading:
    """The text of a Word file."""
    with _archive(path) as file, _quietly():
        from markitdown import StreamInfo
        from markitdown.converters import DocxConverter

        made = DocxConverter().convert(file, StreamInfo(), style_map=_TITLES, **_OPTIONS)
    return _reading(made.markdown)


def pptx(path: Path) -> Reading:
    """The text of a slide deck; a slide is a page."""
    with _archive(path) as file, _quietly():
        from markitdown import StreamInfo
        from markitdown.converters import PptxConverter

        made = PptxConverter().convert(file, StreamInfo(), **_OPTIONS)
    before, *slides = _SLIDE.split(_PICTURE.sub("", made.markdown))
    assert not before.strip(), "a deck begins with its first slide"
    return joined([_BLANK_LINES.sub("\n\n", slide) for slide in slides])


def epub(path: Path) -> Reading:
    """The text of a book, chapters in reading order."""
    with _archive(path) as file, _quietly():
        from markitdown import StreamInfo
        from markitdown.converters import EpubConverter

        made = EpubConverter().convert(file, StreamInfo(), **_OPTIONS)
    # The converter puts the catalogue entry first: title, identifier, publisher.
    return _reading(made.markdown.partition("\n\n")[2])


def _reading(markdown: str) -> Reading:
    return Reading(text=_BLANK_LINES.sub("\n\n", normalised(markdown)).strip())


@contextmanager
def _archive(path: Path) -> Iterator[BinaryIO]:
    """The file, once it is sure that it is an archive without a password, of some size."""
    with path.open("rb") as file:
        if file.read(4) == _OLE_MAGIC:
            raise RefusedError(
                "password-protected",
                "an older container instead of a zip archive: encrypted, or saved as .doc or .ppt",
            )
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            if any(entry.flag_bits & 1 for entry in archive.infolist()):
                raise RefusedError("password-protected", "entries of the archive are encrypted")
            if (n_parts := len(archive.infolist())) > _MOST_PARTS:
                raise RefusedError(
                    "archive-too-large",
                    f"the archive has {n_parts:,} parts; a book has thousands at most, and the "
                    f"limit is {_MOST_PARTS:,}",
                )
            # No part gives more bytes than are stated here: the library cuts it off there.
            _check_size(
                packed=path.stat().st_size,
                unpacked=sum(entry.file_size for entry in archive.infolist()),
            )
        file.seek(0)
        yield file


def _check_size(*, packed: int, unpacked: int) -> None:
    """Refuse what would fill the memory; both sizes are in bytes."""
    is_bomb = unpacked > _BOMB_BYTES and unpacked > _BOMB_RATIO * packed
    if is_bomb or unpacked > _MOST_UNPACKED_BYTES:
        raise RefusedError(
            "archive-too-large",
            f"{packed / 2**20:,.1f} MiB unpack to {unpacked / 2**20:,.0f} MiB; the limits are "
            f"{_MOST_UNPACKED_BYTES / 2**20:,.0f} MiB and {_BOMB_RATIO} times the file",
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Libraries' warnings about a user's file are no news to us: its text is what counts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
