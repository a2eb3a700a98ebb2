"""What else could a passage have said in the place of an answer?

An annotated answer gives one right task. These filters of meta-templates make a
wrong one to go with it, so that labels are right by construction and even:

    "Ada Moss" | rivals(text)        other names of the text; for a number, other numbers
    query | declared("Ada Moss")     "Who lit the lighthouse?" → "Ada Moss lit the lighthouse."
    text | sentences                 ["One sentence.", "Another one."]
    text | sentence_with(answer)     the sentence that says it

They work by the look of the words alone, so they give nothing (an empty list,
an empty text) where the look does not tell; a condition leaves such rows out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

_MONTHS: Final = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_YEAR: Final = re.compile(r"(?<![\w.,])(?:1\d{3}|20\d{2})(?![\w%]|[.,]\d)")
_DATE: Final = re.compile(
    rf"\b(?:\d{{1,2}} (?:{_MONTHS})|(?:{_MONTHS}) \d{{1,2}}|(?:{_MONTHS}))(?:,? \d{{4}})?\b"
)
_NUMBER: Final = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?: ?%)?(?![\w%]|[.,]\d)")
_NAME: Final = re.compile(
    r"\b(?:[A-Z]\. )*[A-Z][\w'’-]+"  # noqa: RUF001
    r"(?:(?: (?:of|the|of the|de|la|von|van) | )(?:[A-Z][\w'’-]+|[A-Z]\.))*"  # noqa: RUF001
)
_KINDS: Final = (_YEAR, _DATE, _NUMBER, _NAME)
_NO_NAMES: Final = frozenset(
    """
    a an the this that these those it he she they we i you his her its their our my your in on at by
    for from with as and or but if when while after before during since although though however
    there here what who which where why how one two three some many most all each every no not
    """.split()  # noqa: SIM905 -- words are read as words
)
"""Words that have a capital because a sentence begins with them."""
_TIMES: Final = re.compile(
    rf"(?:{_MONTHS}|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Figure|Table|Section)\b"
)
"""What has a capital and names nobody."""

_ABBREVIATED: Final = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Fig|al|Inc|Ltd|Co|Corp|approx|e\.g|i\.e)|\b[A-Z])\.$"
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9])")  # noqa: RUF001

_AUXILIARY: Final = (
    "did|does|do|is|are|was|were|has|have|had|can|could|will|would|should|may|might|must|else"
)
_WHO_DID: Final = re.compile(rf"Who (?!(?:{_AUXILIARY})\b)(?P<said>[a-z]+\b.*)\?")
_WHAT_IS: Final = re.compile(
    r"(?:What|Who) (?P<verb>is|are|was|were) "
    r"(?P<thing>(?:the|his|her|its|their|[A-Z][\w-]*[’']s) .*)\?"  # noqa: RUF001
)
_WHEN_WAS: Final = re.compile(
    r"When (?P<verb>was|were) (?P<thing>.+) "
    r"(?P<done>born|built|founded|held|won|made|written|published|[a-z]{3,}ed)\?"
)
_DANGLING: Final = re.compile(
    r"\b(?:of|as|by|to|for|in|on|at|with|from|about|into|like|called|named|known|do|doing|\w+ed)"
    r"\?$|\bgoing to\b"
)
_YEAR_ALONE: Final = re.compile(r"(?:1\d{3}|20\d{2})")


def rivals(answer: str, text: str, question: str = "") -> list[str]:
    """Other phrases of `text` of the kind of `answer`: years, dates, numbers or names, in order.

    None shares a word with the answer or with the question. Which of them would be a right answer
    too, nobody knows; a question that asks for one thing has one right answer.
    """
    answer = answer.strip()
    kind = next((kind for kind in _KINDS if kind.fullmatch(answer)), None)
    if kind is None:
        return []
    if kind is _NUMBER:
        text = _DATE.sub(";", text)
    taken = _words(answer) | _words(question)
    found: list[str] = []
    for match in kind.finditer(text):
        phrase = _named(match[0], text[: match.start()]) if kind is _NAME else match[0]
        words = _words(phrase)
        if words and not words & taken and _alike(phrase, answer, kind):
            found.append(phrase)
            taken |= words
    return found


def spans(text: str) -> list[str]:
    """The dates, numbers and names of `text` that it says but once, in their order."""
    rest = text
    found: dict[str, int] = {}
    for kind in (_DATE, _NUMBER, _NAME):
        for match in kind.finditer(rest):
            phrase = _named(match[0], rest[: match.start()]) if kind is _NAME else match[0]
            if phrase and text.count(phrase) == 1:
                found[phrase] = text.index(phrase)
        rest = kind.sub(";", rest) if kind is _DATE else rest
    return sorted(found, key=lambda phrase: found[phrase])


def declared(question: str, answer: str) -> str:
    """The statement that answers `question`, or an empty text where its form is not known.

    Known are "Who lit …?", "What is the …?" and "When was … built?".
    """
    answer = answer.strip(" .,;:")
    if match := _WHO_DID.fullmatch(question):
        return _stated(f"{answer} {match['said']}")
    if not _DANGLING.search(question) and (match := _WHAT_IS.fullmatch(question)):
        return _stated(f"{match['thing']} {match['verb']} {answer}")
    if match := _WHEN_WAS.fullmatch(question):
        when = f"in {answer}" if _YEAR_ALONE.fullmatch(answer) else ""
        when = when or (f"on {answer}" if _DATE.fullmatch(answer) else "")
        return _stated(f"{match['thing']} {match['verb']} {match['done']} {when}") if when else ""
    return ""


def sentences(text: str) -> list[str]:
    """The sentences of `text`, white space between them off; a guess by marks and capitals."""
    parts: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _ABBREVIATED.search(text[start : match.start()]):
            continue
        parts.append(text[start : match.end()].strip())
        start = match.end()
    return [part for part in (*parts, text[start:].strip()) if part]


def sentence_with(text: str, answer: str) -> str:
    """The first sentence of `text` that says `answer` exactly once, or an empty text."""
    found = (part for part in sentences(text) if answer and part.count(answer) == 1)
    return next(found, "")


def _alike(phrase: str, answer: str, kind: re.Pattern[str]) -> bool:
    """Whether the two may answer one question, as far as a number shows it."""
    if kind is not _NUMBER:
        return True
    year = _YEAR.fullmatch(phrase) or phrase.startswith("0")
    return not year and phrase.endswith("%") is answer.endswith("%")


def _named(phrase: str, before: str) -> str:
    """A name without the word that opens its sentence, where that is no name."""
    phrase = re.sub(r"['’]s?$", "", phrase)  # noqa: RUF001
    words = phrase.split(" ")
    if words[0].lower() in _NO_NAMES:
        phrase, words = " ".join(words[1:]), words[1:]
    if _TIMES.match(phrase) or not phrase[:1].isupper():
        return ""
    opens = not before.strip() or before.rstrip()[-1:] in '.!?:"“\n'
    # A single word at the front of a sentence may have its capital from there.
    return "" if opens and len(words) == 1 else phrase


def _words(phrase: str) -> set[str]:
    return set(re.findall(r"\w+", phrase.lower())) - _NO_NAMES


def _stated(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip(' .')}."


FILTERS: Final[Sequence[Callable[..., object]]] = (rivals, declared, sentences, sentence_with)
"""What `katsuo.templates.language` takes from here."""
