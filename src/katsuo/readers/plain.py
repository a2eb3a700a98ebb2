"""Which characters does a text consist of?

    bytes ──decoded──▶ str ──normalised──▶ the characters that all offsets count

What no reader can see or write down in Parquet (controls, lone surrogates, marks
that show a line in another order) is gone before the first offset is taken, so
every later stage may trust the text.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from katsuo.readers.refusals import RefusedError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_ENDS: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\ufeff\u202a-\u202e\u2066-\u2069]"
)
"""Controls except tab and line feed, soft hyphens, stray byte order marks, and the marks that
turn the direction of writing around: with them a page shows another text than it holds."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_HALVES: Final = re.compile(b"\xed[\xa0-\xbf][\x80-\xbf]")
"""Lone surrogates as broken writers put them into UTF-8: the rest of the text is still UTF-8."""
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MOST_CONTROLS: Final = 0.02
"""Real texts hold a stray control now and then; in programs and images it is every tenth."""
_MOST_BROKEN: Final = 0.05
"""A UTF-8 file in which so few of the characters beyond ASCII are broken is still UTF-8."""
_WESTERN: Final = "cp1252"
_TIED_COHERENCE: Final = 0.05
"""Differences below this are chance in a text of a few lines."""
_MEANT: Final = {
    "ascii": _WESTERN,
    "iso8859-1": _WESTERN,
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""Encodings that a page declares, and what browsers read instead (WHATWG Encoding, "labels"): pages
are written for browsers, and hold quotes, dashes, signs that the encoding they name has not."""
_ELSEWHERE: Final = ("utf-", "utf_", "idna", "punycode", "unicode", "raw-unicode", "raw_unicode")
"""How names begin that can be no encoding of a page in which the name itself was found as ASCII: by
those of a width of their own it would not have been, and the rest are not for texts."""
_SAMPLE_BYTES: Final = 2**20
_PAGE_GAP: Final = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader found in one file, already normalised."""

    text: str
    page_starts: tuple[int, ...] = ()
    """Offset at which each page begins; empty where the format has no pages."""


def read(path: Path) -> Reading:
    """The text of a plain or Markdown file, in whatever encoding it was saved.

    Raises:
        RefusedError: If the bytes are no text.
    """
    return Reading(text=normalised(decoded(path.read_bytes())))


def joined(pages: Iterable[str]) -> Reading:
    """The pages one after the other, a blank line between them."""
    texts = [normalised(page).strip() for page in pages]
    lengths = (len(text) + len(_PAGE_GAP) for text in texts[:-1])
    starts = tuple(accumulate(lengths, initial=0)) if texts else ()
    return Reading(text=_PAGE_GAP.join(texts), page_starts=starts)


def normalised(text: str) -> str:
    r"""`text` in Unicode form C, lines ended by one line feed, without what cannot be seen.

    Controls except tab and line feed, soft hyphens, byte order marks and marks
    of another direction of writing fall away, and lone surrogates become U+FFFD.
    Nothing else changes, and doing it twice changes nothing more.

    >>> normalised("a\r\nb\x00c")
    'a\nbc'
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    return unicodedata.normalize("NFC", text)


def decoded(data: bytes, declared: str | None = None) -> str:
    """The text in `data`: by its byte order mark, as UTF-8, or in the likeliest older encoding.

    Args:
        data: A whole text.
        declared: The encoding that the text itself names, as web pages do. It
            counts unless the bytes show UTF-8 or a mark.

    Raises:
        RefusedError: If the bytes are no text.
    """
    encoding = _encoding(data, declared)
    if encoding.startswith("utf-8"):
        data = _HALVES.sub("\ufffd".encode(), data)
    text = data.decode(encoding, "replace")
    if len(text) - len(_CONTROLS.sub("", text)) > _MOST_CONTROLS * len(text):
        raise RefusedError("not-text", "more control characters than a text has")
    return text


def encoding_of_file(path: Path) -> str:
    """The name of the codec that reads the text file at `path`, by a mebibyte that shows it.

    That is the first one, or where the first letter beyond ASCII stands: what is before tells
    nothing.

    Raises:
        RefusedError: If there is none.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
        while sample.isascii() and (more := file.read(_SAMPLE_BYTES)):
            # With the begun line, lest the first letter be cut.
            sample = sample[sample.rfind(b"\n") + 1 :][-_SAMPLE_BYTES:] + more
        if file.read(1):
            # Ends at a line, lest half a character at the end rule the encoding out.
            sample = sample[: sample.rfind(b"\n") + 1] or sample
    return _encoding(sample)


def _encoding(data: bytes, declared: str | None = None) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if _is_utf8(data) and not (declared and data.isascii()):
        return "utf-8"
    if declared and (meant := _meant(declared)):
        return meant
    return "utf-8" if _is_utf8(data) else _guessed(data)


def _meant(name: str) -> str:
    """The codec for a page that declares `name`; empty where the name says nothing."""
    try:
        "a".encode(name)  # an empty text would not be looked up
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return "" if known.startswith(_ELSEWHERE) else _MEANT.get(known, known)


def _is_utf8(data: bytes) -> bool:
    data = _HALVES.sub("\ufffd".encode(), data)
    try:
        # Not final: a text that ends in the middle of a character is still UTF-8.
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        n_foreign = sum(not character.isascii() for character in text)
        return text.count("\ufffd") <= _MOST_BROKEN * n_foreign
    return True


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        raise RefusedError("not-text", "no known encoding fits the bytes")
    for match in matches:
        # Short Western texts fit the Central European code page as well; it is far rarer.
        if (
            _WESTERN in match.could_be_from_charset
            and match.chaos <= best.chaos
            and match.coherence >= best.coherence - _TIED_COHERENCE
        ):
            return _WESTERN
    return best.encoding
