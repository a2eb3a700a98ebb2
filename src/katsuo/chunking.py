"""Documents to contexts: where may a text be cut?

    text ──library: semantic pieces──▶ spans ──headings go down──▶ contexts

Cuts fall between sections where possible, else between paragraphs, sentences,
words. Every character outside white space lies in exactly one context, in
order, and `document.text[start:end] == text` always.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from katsuo.types import Context, Document, Span, digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS: Final = 400
"""About a page: long enough to hold an argument, short enough for small generators."""
_TIGHTER: Final = 0.6
"""Share of a passage that stays with a heading that it must make room for."""

_FENCE: Final = re.compile(r" {0,3}(```|~~~)")
_HASHES: Final = re.compile(r" {0,3}#{1,6}[ \t]+(\S.*?)[ \t#]*$")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_TAG: Final = re.compile(r"<[^<>]*>")
_EMPHASIS: Final = " \t*_`"
_RULES: Final = " \t\n-=*_"
"""What may stand between a heading and what it heads: blank lines and drawn ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading and where its lines stand."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cutter:
    """What decides where to cut: the tokenizer, and whether the text is Markdown."""

    tokenizer: Tokenizer | None
    markdown: bool

    def count(self, text: str) -> int:
        """Tokens of `text`, special ones not counted; words, without a tokenizer."""
        if self.tokenizer is None:
            return len(text.split())
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def starts(self, text: str, max_tokens: int) -> list[int]:
        """Where the pieces of `text` begin."""
        pieces = _splitter(self.tokenizer, max_tokens, self.markdown)(text)
        return [start for start, _ in pieces]


def chunk(
    document: Document, tokenizer: Tokenizer | None, *, max_tokens: int = MAX_TOKENS
) -> list[Context]:
    """Passages of at most `max_tokens` tokens; a heading goes with what it heads.

    Without a tokenizer, words divided by white space count as tokens. The text
    is read as Markdown unless the source ends in `.txt` or `.text`.
    """
    text = document.text
    suffix = PurePath(document.source).suffix.casefold()
    cutter = _Cutter(tokenizer=_untruncated(tokenizer), markdown=suffix not in (".txt", ".text"))
    above = list(headings(text)) if cutter.markdown else []
    whole = Span(start=0, end=len(text))
    spans = list(_pieces(text, whole, cutter, max_tokens))
    if above:
        spans = _headed(text, spans, above, cutter, max_tokens)
    return [_context(document, span, above) for span in spans]


def headings(text: str) -> Iterator[Heading]:
    """The headings of a Markdown text, in order; lines in fenced code are none."""
    fence = ""
    before, last = "", ""
    at = last_at = 0
    for line in text.split("\n"):
        start, at = at, at + len(line) + 1
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence and (hashes := _HASHES.match(line)):
            yield Heading(text=_plain(hashes[1]), start=start, end=start + len(line.rstrip()))
        elif not fence and _UNDERLINE.match(line) and not before.strip() and _is_title(last):
            yield Heading(text=_plain(last), start=last_at, end=start + len(line.rstrip()))
        before, last, last_at = last, line, start


def _plain(title: str) -> str:
    return _TAG.sub("", title).strip(_EMPHASIS)


def _is_title(line: str) -> bool:
    """Whether an underlined line is a heading, not a list, a table or a heading already."""
    return bool(line.strip()) and not re.match(r"\s*([-*+>|#]|\d+[.)])", line)


def _pieces(text: str, span: Span, cutter: _Cutter, max_tokens: int) -> Iterator[Span]:
    """`span` in pieces of at most `max_tokens`, white space at their ends left out."""
    part = text[span.start : span.end]
    starts = cutter.starts(part, max_tokens)
    for start, end in zip([0, *starts[1:]], [*starts[1:], len(part)], strict=True):
        piece = _stripped(text, span.start + start, span.start + end)
        if piece.start == piece.end:
            continue
        # The library counts with the indentation, which may save a token.
        fits = cutter.count(text[piece.start : piece.end]) <= max_tokens
        if fits or max_tokens == 1 or piece.end - piece.start == 1:
            yield piece
        else:
            yield from _pieces(text, piece, cutter, max(1, int(max_tokens * 0.9)))


def _stripped(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    lead = len(part) - len(part.lstrip())
    return Span(start=start + lead, end=max(start + lead, start + len(part.rstrip())))


def _headed(
    text: str, spans: list[Span], above: list[Heading], cutter: _Cutter, max_tokens: int
) -> list[Span]:
    """`spans`, where headings at the end of one go to the next, if there is room."""
    made: list[Span] = []
    waiting = list(reversed(spans))
    while waiting:
        span = waiting.pop()
        cut = _tail(text, span, above)
        joined = _joined(text, Span(start=cut, end=span.end), waiting, cutter, max_tokens)
        if cut == span.end or not joined:
            made.append(span)
            continue
        waiting[-1:] = reversed(joined)
        body = _stripped(text, span.start, cut)
        if body.start < body.end:
            made.append(body)
    return made


def _tail(text: str, span: Span, above: list[Heading]) -> int:
    """Where the headings begin with which `span` ends; its end when there are none."""
    cut = span.end
    for heading in reversed(above[: bisect_right(above, span.end, key=_start)]):
        if heading.start < span.start or text[heading.end : cut].strip(_RULES) or heading.end > cut:
            break
        cut = heading.start
    return cut


def _joined(
    text: str, tail: Span, waiting: list[Span], cutter: _Cutter, max_tokens: int
) -> list[Span]:
    """The headings `tail` and the next span as one or two; nothing if that does not fit."""
    if tail.start == tail.end or not waiting:
        return []
    following = waiting[-1]
    if cutter.count(text[tail.start : following.end]) <= max_tokens:
        return [Span(start=tail.start, end=following.end)]
    room = max_tokens - cutter.count(text[tail.start : tail.end])
    share = int(cutter.count(text[following.start : following.end]) * _TIGHTER)
    if room < max_tokens // 2:
        return []
    first, *others = _pieces(text, following, cutter, max(1, min(room, share)))
    if cutter.count(text[tail.start : first.end]) > max_tokens:
        return []
    return [Span(start=tail.start, end=first.end), *others]


def _context(document: Document, span: Span, above: list[Heading]) -> Context:
    text = document.text[span.start : span.end]
    starts = document.page_starts
    return Context(
        id=digest(document.id, str(span.start), text),
        document_id=document.id,
        text=text,
        start=span.start,
        end=span.end,
        page=bisect_right(starts, span.start) if starts else None,
        heading=_heading_of(document.text, span, above),
    )


def _heading_of(text: str, span: Span, above: list[Heading]) -> str | None:
    """The last heading before the first words of `span` that are no heading."""
    n_above = bisect_right(above, span.start, key=_start)
    at = max(span.start, above[n_above - 1].end) if n_above else span.start
    while n_above < len(above) and above[n_above].start < span.end:
        if text[at : above[n_above].start].strip():
            break
        at = above[n_above].end
        n_above += 1
    return above[n_above - 1].text if n_above else None


def _start(heading: Heading) -> int:
    return heading.start


@lru_cache(maxsize=8)
def _splitter(
    tokenizer: Tokenizer | None,
    max_tokens: int,
    markdown: bool,  # noqa: FBT001 -- a cache key
) -> Callable[[str], list[tuple[int, str]]]:
    """The library's splitter, which is dear to make: tables have thousands of documents."""
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    kind = MarkdownSplitter if markdown else TextSplitter
    if tokenizer is None:
        return kind.from_callback(lambda text: len(text.split()), max_tokens).chunk_indices
    return kind.from_huggingface_tokenizer(tokenizer, max_tokens).chunk_indices


def _untruncated(tokenizer: Tokenizer | None) -> Tokenizer | None:
    """`tokenizer`, or a copy that counts every token where it would cut or fill up."""
    if tokenizer is None or (tokenizer.truncation is None and tokenizer.padding is None):
        return tokenizer
    return _copied(tokenizer)


@lru_cache(maxsize=2)
def _copied(tokenizer: Tokenizer) -> Tokenizer:
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy
