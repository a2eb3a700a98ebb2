"""Which passages of a document are worth a task?

    document ──chunk──▶ passages ──prose of some length──▶ Context | Dropped

Whatever is not passed on leaves a reason, so that every character of a
document is in a context or in the ledger.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from katsuo.chunking import MAX_TOKENS, chunk
from katsuo.errors import RecipeError
from katsuo.types import EXCERPT_CHARS, Context, Document, Dropped

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_LEAST_MAX_TOKENS: Final = 16
"""Shorter passages hold no question and its answer."""
_LEAST_LETTERS: Final = 0.5
"""Share of letters below which a passage is a table of figures, a list of links, code."""
_CHARS_PER_WORD: Final = 2
"""Characters that count as a word in scripts without spaces (Chinese words average 1.5 to 2)."""

# Thai to Khmer, kana, Chinese characters.
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
)
# What Markdown adds to a text is no part of it.
_FURNITURE: Final = re.compile(r"[\s|#*_>`~=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """How documents are cut."""

    max_tokens: int = MAX_TOKENS
    """Longest passage, in tokens of the target model's tokenizer."""
    min_words: int = 8
    """Passages with fewer words are dropped: a caption, a page number, a lone heading."""

    def __post_init__(self) -> None:
        if self.max_tokens < _LEAST_MAX_TOKENS:
            raise RecipeError(
                f"ingest.max_tokens is {self.max_tokens}; it must be >= {_LEAST_MAX_TOKENS}, "
                "and 400 is a good page"
            )
        if self.min_words < 1:
            raise RecipeError(f"ingest.min_words is {self.min_words}; it must be >= 1")


def contexts_of(
    document: Document, settings: IngestSettings, tokenizer: Tokenizer | None
) -> Iterator[Context | Dropped]:
    """The passages of `document` in order; those that are no prose leave their reason.

    Without a tokenizer, words divided by white space count as tokens.
    """
    for context in chunk(document, tokenizer, max_tokens=settings.max_tokens):
        reason = _reason(context.text, settings)
        yield _dropped(context, reason) if reason else context


class Seen:
    """Which texts have come by: 8 bytes of each are kept, not the text.

    Letter case, Unicode form and runs of white space make no other text.
    """

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def first(self, text: str) -> bool:
        """Whether `text` comes by for the first time."""
        digest = _folded_digest(text)
        if digest in self._digests:
            return False
        self._digests.add(digest)
        return True

    def __contains__(self, text: str) -> bool:
        return _folded_digest(text) in self._digests


def _folded_digest(text: str) -> bytes:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _reason(text: str, settings: IngestSettings) -> str:
    if _n_words(text) < settings.min_words:
        return "passage-too-short"
    written = _FURNITURE.sub("", text)
    n_letters = sum(map(str.isalpha, written))
    if not written.isascii():
        n_letters += sum(map(_is_mark, written))
    return "passage-not-prose" if n_letters < _LEAST_LETTERS * len(written) else ""


def _is_mark(char: str) -> bool:
    # Marks are vowels in many scripts of South Asia.
    return unicodedata.category(char).startswith("M")


def _n_words(text: str) -> int:
    spaced = sum(word.isalnum() or any(map(str.isalnum, word)) for word in text.split())
    return max(spaced, len(_UNSPACED.findall(text)) // _CHARS_PER_WORD)


def _dropped(context: Context, reason: str) -> Dropped:
    return Dropped(
        item_id=context.id,
        stage="ingest",
        by="passages",
        reason=reason,
        excerpt=context.text[:EXCERPT_CHARS],
    )
