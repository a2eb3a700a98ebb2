"""Where does an answer stand in a passage, but for case, spacing and typesetting?

"wattle  sledge," ─trimmed─▶ wattle sledge ─occurrences─▶ Span of "Wattle Sledge"
"Wattle Sledge cut" ─longest─▶ "Wattle Sledge"
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from katsuo.types import Span
from katsuo.words import STANDS_ALONE

_SAME_SIGNS: Final = str.maketrans(
    dict.fromkeys("‘’‚‛′`´", "'")  # noqa: RUF001 -- these are the signs to be folded
    | dict.fromkeys("“”„‟″«»", '"')
    | dict.fromkeys("‐‑‒–—−", "-")  # noqa: RUF001
)
"""Signs that a typesetter chose and a generator writes plainly."""

_AROUND: Final = " .,;:!?\"'"
"""Signs around an answer that are no part of it."""


_INSIDE: Final = frozenset("'’.,-")  # noqa: RUF001
"""Signs that belong to a word between two letters or figures: 12,000 and don't."""
_LEADS: Final = frozenset("$€£¥")
_TRAILS: Final = frozenset("%°")
"""Signs that an extract may begin with, or end with, beside words."""


class Piece(NamedTuple):
    """A word of a text, or signs between two words."""

    span: Span
    begins: bool
    """Whether an extract may begin with it."""
    ends: bool
    """Whether an extract may end with it."""


class Folded(NamedTuple):
    """A text as a reader compares it, and the way back."""

    text: str
    starts: list[int]
    """For each character of `text`, where the characters it came from begin."""
    ends: list[int]
    """For each character of `text`, where they end."""
    source: str
    """The text before it was folded."""


def trimmed(answer: str) -> str:
    """`answer` folded, without the signs around it."""
    return folded(answer).text.strip(_AROUND)


def extract(answer: str, passage: str) -> str:
    """`answer` as it first stands in `passage`: verbatim where it does; empty where it does not."""
    bare = trimmed(answer)
    found = list(occurrences(bare, folded(passage))) if bare else []
    if found and answer in passage:
        return answer
    return passage[found[0].start : found[0].end] if found else ""


def longest(text: str, passage: str) -> str:
    """The longest beginning of `text`, in whole words, that stands in `passage` verbatim."""
    start = len(text) - len(text.lstrip())
    ends = [piece.span.end for piece in pieces(text) if piece.ends]
    found = (text[start:end] for end in reversed(ends))
    return next((one for one in found if extract(one, passage) == one), "")


def pieces(text: str) -> list[Piece]:
    """`text` in words and runs of signs, in order; white space is what stands between them.

    From a piece that begins to one that ends reaches an extract: whole words, without the commas
    and brackets around them. A character of a script without spaces is a word.
    """
    found: list[Piece] = []
    at = 0
    while at < len(text):
        end = _behind(text, at)
        if end > at:
            said = text[at:end]
            words = any(map(_is_of_a_word, said))
            leads = (words or set(said) <= _LEADS) and not _is_inside_sign(text, at)
            trails = (words or set(said) <= _TRAILS) and not _is_inside_sign(text, end)
            found.append(Piece(Span(start=at, end=end), leads, trails))
        at = max(end, at + 1)
    return found


def _behind(text: str, at: int) -> int:
    """Where the piece ends that begins at `at`; `at` itself where white space stands there."""
    if text[at].isspace():
        return at
    words = _is_wordy(text, at)
    alone = bool(STANDS_ALONE.match(text, at))
    end = at + 1
    while end < len(text) and not text[end].isspace() and _is_wordy(text, end) == words:
        if words and not _is_mark(text[end]) and (alone or STANDS_ALONE.match(text, end)):
            break
        end += 1
    return end


def _is_inside_sign(text: str, at: int) -> bool:
    """Whether a reader sees one sign where `text` is cut in front of `at`: a letter, its accent."""
    return 0 < at < len(text) and _joins(text[at]) and not text[at - 1].isspace()


def _is_wordy(text: str, at: int) -> bool:
    """Whether the character at `at` is of a word."""
    sign = text[at]
    if sign in _INSIDE:
        return 0 < at < len(text) - 1 and text[at - 1].isalnum() and text[at + 1].isalnum()
    return _is_of_a_word(sign) or _is_unseen(sign)


def occurrences(answer: str, context: Folded) -> Iterator[Span]:
    """Every place where `answer` stands in the context, in the context's own offsets."""
    at = context.text.find(answer)
    while at >= 0:
        behind = at + len(answer)
        whole = _is_whole(context, at, behind)
        if whole:
            yield Span(start=context.starts[at], end=context.ends[behind - 1])
        at = context.text.find(answer, behind if whole else at + 1)


def _is_whole(context: Folded, at: int, behind: int) -> bool:
    """Whether `context.text[at:behind]` cuts neither a word nor a character (`½` is no `1`)."""
    if _is_inside_word(context, at) or _is_inside_word(context, behind):
        return False
    first = bisect_left(context.starts, context.starts[at])
    last = bisect_right(context.starts, context.starts[behind - 1])
    return context.text[first:last].strip(_AROUND) == context.text[at:behind]


def _is_inside_word(context: Folded, at: int) -> bool:
    """Whether cutting `context.text` in front of `at` would cut a word in two.

    The source must say so too: there `™` is a sign, where the folded text has two letters.
    """
    if not 0 < at < len(context.text):
        return False
    shown = context.text[at - 1 : at + 1]
    pair = context.source[context.ends[at - 1] - 1] + context.source[context.starts[at]]
    return not STANDS_ALONE.search(pair) and all(map(_is_of_a_word, shown + pair))


def _is_of_a_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_" or _is_mark(sign)


def folded(text: str) -> Folded:
    """`text` without differences of case, Unicode form, spacing and typesetting."""
    signs: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for word in re.finditer(r"\S+", text):
        if word[0].isascii():  # a sign for a sign; most of the time of `grounded` goes by here
            if signs:
                signs.append(" ")
                starts.append(ends[-1])
                ends.append(word.start())
            signs.append(word[0].lower().translate(_SAME_SIGNS))
            starts.extend(range(word.start(), word.end()))
            ends.extend(range(word.start() + 1, word.end() + 1))
            continue
        pieces = [(sign, at) for sign, at in _signs(word[0]) if sign]
        if signs and pieces:
            signs.append(" ")
            starts.append(ends[-1])
            ends.append(word.start())
        for sign, (start, end) in pieces:
            signs.append(sign)
            starts.extend([word.start() + start] * len(sign))
            ends.extend([word.start() + end] * len(sign))
    return Folded("".join(signs), starts, ends, text)


def _signs(word: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The folded signs of `word`, each with the range of characters it stands for."""
    start = 0
    for end in range(1, len(word) + 1):
        if end == len(word) or not _joins(word[end]):
            plain = unicodedata.normalize("NFKC", word[start:end].translate(_SAME_SIGNS)).casefold()
            seen = "".join(sign for sign in plain if not _is_unseen(sign))
            yield seen, (start, end)
            start = end


def _joins(sign: str) -> bool:
    """Whether Unicode may compose `sign` with what stands in front of it."""
    return _is_mark(sign) or "\u1160" <= sign <= "\u11ff" or sign in "\uff9e\uff9f"


def _is_unseen(sign: str) -> bool:
    """Whether it is a format character, as soft hyphens and joiners are: a reader sees none."""
    return unicodedata.category(sign) == "Cf"


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")
