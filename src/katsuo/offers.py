"""Which words does an instruction offer as answers?

    Does it follow? Yes, No or Maybe.          ─▶ yes | no | maybe
    Say yes if it must be so, else no.         ─▶ yes | no
    Options: Company / Village / Film          ─▶ company | village | film
    How long? (a) ten years (b) for good       ─▶ a | ten years | b | for good

Only what is plainly an offer counts: known labels with an "or" between them or with what each
means, words in quotes behind "answer" or "choose", a list behind "Options:", lettered options.
An "or" alone proves nothing: claims and questions have it, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from katsuo.types import TaskType

_JUDGED: Final = """
    yes|no|true|false|correct|incorrect|right|wrong|maybe|unknown|unclear|uncertain|undetermined
    inconclusive|can't say|can't tell|cannot say|cannot tell|likely|unlikely|accept|reject|accepted
    rejected|possible|impossible|ja|nein|nee|nej|oui|non|si|sí|sim|não|tak|nie|да|нет|так|ні
"""
_FOLLOWED: Final = """
    entailment|entails|entailed|not entailment|not entailed|neutral|contradiction|contradicts
    contradicted|supports|supported|not supported|unsupported|refutes|refuted|backed|not backed
    not enough info|not enough information|not enough evidence|follows|does not follow|agrees
    disagrees|does not say|proven|disproven|always|sometimes|never
"""
_LIKENED: Final = """
    same|the same|not the same|different|equivalent|not equivalent|kept|changed|match|mismatch
    similar|dissimilar|duplicate|not duplicate|paraphrase|not paraphrase|not a paraphrase
    same meaning|different meaning|same sense|different sense|separate|one entry|same entry
    different entries|separate entries
"""
_FELT: Final = """
    positive|negative|neutral|mixed|good|bad|favourable|unfavourable|favorable|unfavorable|happy
    unhappy|pleased|displeased|satisfied|dissatisfied|bright|gloomy|praise|complaint|thumbs up
    thumbs down|very positive|very negative|liked|disliked|friendly|hostile|upset|fresh|rotten|+|-
"""
_KNOWN: Final = {
    TaskType.NLI: _FOLLOWED,
    TaskType.TE: _FOLLOWED,
    TaskType.PARAPHRASE_ID: _LIKENED,
    TaskType.WSD: _LIKENED,
    TaskType.SENTIMENT: _FELT,
}
"""Labels that may be offered without quotes beside those of `_JUDGED`, which any type may have."""

_OR: Final = r"(?:or|oder|ou|o|of|или|або|lub|czy|eller)"  # noqa: RUF001
_MARK: Final = r"[\"'“”‘’«»()\[\].]?"  # noqa: RUF001
_SMALL: Final = r"(?:(?:as|to be|under|is there) )?(?:an? )?"
"""Small words in front of an offered one: "as praise or as a complaint"."""
_LINK: Final = rf"{_MARK}(?: ?[,;]? {_OR} | ?[,;/|] ?){_MARK}{_SMALL}"

_SENTENCE: Final = re.compile(r"(?<=[.?!:。？！])\s+|\n+")  # noqa: RUF001
_INSIDE: Final = re.compile(r"[\"“«]([^\"“”«»\n]{1,60})[\"”»]")
_BETWEEN: Final = re.compile(rf" ?(?:\([^()]*\))? ?[,;/|]? ?(?:\b{_OR}\b)? ?", re.IGNORECASE)
"""Of text with single spaces: a run of them could be shared out in too many ways."""
_SPACES: Final = re.compile(r"\s+")
_CUE: Final = re.compile(
    r"\b(?:answer|reply|respond|say|choose|select|pick|put|write|mark|label|state|classify|sort|tag)\b",
    re.IGNORECASE,
)
_HEADED: Final = re.compile(
    r"(?im)\b(?:options|choices|labels|categories|topics|tags|possible answers|choose one"
    r"|choose from|pick one|pick from|select one|select from)"
    r"(?: (?:are|of these|of the following))?[ \t]*:[ \t]*(?P<list>\S.*)$"
)
_ASKED: Final = re.compile(r"(?im)\b(?:which|what)\b[^:?\n]{0,80}:[ \t]*(?P<list>[^?\n]+)\?")
_ALTERNATIVE: Final = re.compile(rf"\s*[,;/|]\s*(?:{_OR}\s+)?|\s+{_OR}\s+", re.IGNORECASE)

_SIGN: Final = re.compile(r"(?m)(?:^|(?<=\s))[(\[]?(?P<sign>[A-Ha-h1-8])[).:\]](?=\s*\S)")
_DASH: Final = re.compile(r"(?m)^[ \t]*(?:[-*•]|\(\s?\))[ \t]+(?P<list>\S.*)$")
_ASKS_SIGN: Final = re.compile(r"\b(?:letter|number|option|options|choices)\b", re.IGNORECASE)
_BLANK: Final = re.compile(
    r"(?i)\b(?:answer|reply|respond|say|put|write|state)\s+(?:with\s+)?[\"“«](?P<said>[^\"“”«»\n<]{1,60})"
    r"[\"”»]|\ba dash if\b"
)
_LISTS: Final = frozenset({TaskType.MCQA, TaskType.TOPIC_CLASS, TaskType.SENTIMENT})
"""Types whose lettered lists are options; elsewhere they may be two texts to be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Words to choose from."""

    words: frozenset[str]
    """Folded; a letter of a list is a word, too."""
    rest: str = ""
    """Folded text that may offer more than was read: the list itself, what follows an "or"."""

    def has(self, answer: str) -> bool:
        """Whether `answer` is one of them, holds one, or is the beginning of one."""
        said = folded(answer)
        return _stands_in(said, self.rest) or any(_is_near(said, word) for word in self.words)


def offers(kind: TaskType, question: str) -> list[Offer]:
    """Every plain offer of `question`, an instruction of type `kind` without its passage."""
    found = [*_lettered(kind, question), *_headed(kind, question)]
    if kind is TaskType.MCQA:
        return [*found, *_dashed(question)]
    return [*found, *_known(kind, question), *_quoted(question)]


def choices(kind: TaskType, question: str) -> tuple[str, ...]:
    """The first plain offer of `question` as it is spelled there, in the order of its words."""
    found = offers(kind, question)
    spelled = dict.fromkeys(_spelled(word, question) for word in found[0].words) if found else {}
    places = {word: question.find(word) for word in spelled}
    fitting = [word for word in spelled if found[0].has(word) and "<|" not in word]
    return tuple(sorted(fitting, key=lambda word: (places[word], word)))


def known(kind: TaskType, answer: str) -> bool:
    """Whether `answer` is a label that `kind` may have without an offer that can be read."""
    return _run(kind)[0].fullmatch(folded(answer)) is not None


def blank(question: str) -> str:
    """What an instruction tells to answer where the passage does not say; empty where nothing."""
    found = _BLANK.search(question)
    return "" if found is None else found["said"] or "-"


def _spelled(word: str, question: str) -> str:
    """A folded word of an offer as `question` has it."""
    if len(word) == 1 and word.isalnum():
        signs = (sign["sign"] for sign in _SIGN.finditer(question))
        return next((sign for sign in signs if sign.casefold() == word), word)
    loose = r"[\s_]+".join(map(re.escape, word.replace("'", "’").split())).replace("’", "['’]")  # noqa: RUF001
    found = re.search(rf"(?<!\w){loose}(?!\w)", question, re.IGNORECASE)
    return word if found is None else " ".join(found[0].split())


def folded(text: str) -> str:
    """`text` in one Unicode form, without case, the signs around it, and an article in front."""
    bare = _plain(text).replace("_", " ").strip(" .,;:!?\"'“”‘()[]*")  # noqa: RUF001
    return re.sub(r"^(?:an?|the) (?=\w)", "", bare)


def _is_near(said: str, word: str) -> bool:
    """Whether `said` holds the offered `word` (a letter: at its start), or begins it."""
    if _begins(word, said):
        return True
    return _stands_in(word, said) if len(word) > 1 else _begins(said, word)


def _begins(text: str, words: str) -> bool:
    return re.match(rf"{re.escape(words)}(?!\w)", text) is not None


def _stands_in(words: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _plain(text: str) -> str:
    one_form = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")  # noqa: RUF001
    return " ".join(one_form.split())


@cache
def _run(kind: TaskType) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A known label of `kind`; two or more with a link between them; one with its meaning."""
    words = re.split(r"[|\n]\s*", _JUDGED.strip() + "\n" + _KNOWN.get(kind, "").strip())
    longest = sorted((word.strip() for word in words if word.strip()), key=len, reverse=True)
    label = rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])"
    explained = rf"{label}(?={_MARK} (?:only )?(?:if|when|where|means)\b)"
    aside = rf"(?<=\(){label}(?=\))|(?<=else ){label}|(?<=otherwise ){label}"
    return (
        re.compile(label),
        re.compile(rf"{label}(?:{_LINK}{label})+"),
        re.compile(rf"{explained}|{aside}"),
    )


def _known(kind: TaskType, question: str) -> Iterator[Offer]:
    """Known labels with an "or" or a stroke between them, listed in brackets, or explained."""
    label, run, explained = _run(kind)
    for sentence in map(_plain, _SENTENCE.split(question)):
        told = frozenset(map(folded, explained.findall(sentence)))
        # "Is it right if the tenant is wrong when ..." asks, and tells nobody what to say.
        if len(told) > 1 and (_CUE.search(sentence) or " means " in sentence or "(" in sentence):
            yield Offer(words=told)
        for each in run.finditer(sentence):
            words = frozenset(map(folded, label.findall(each[0])))
            before, behind = sentence[: each.start()], sentence[each.end() :]
            chosen = re.search(rf"[/|]| {_OR} ", each[0]) or before.endswith(("(", "["))
            if chosen and len(words) > 1:
                yield Offer(words=words, rest=_more(before, behind))


def _more(before: str, behind: str) -> str:
    """What stands around a run of labels and may be offered as well."""
    left = re.search(rf"(?: {_OR} |[/|] ?){_MARK}$", before)
    right = re.match(_LINK, behind) or re.search(rf" {_OR} ", behind)
    return " … ".join(text for text in (left and before, right and behind) if text)


def _quoted(question: str) -> Iterator[Offer]:
    """Words in quotes, one behind the other, in a sentence that says what to do with them."""
    for line in question.splitlines():
        marks = list(_INSIDE.finditer(line))
        for first, second in pairwise(marks):
            between = line[first.end() : second.start()]
            cue = _CUE.search(_SENTENCE.split(line[: first.start()])[-1])
            if cue and between and _BETWEEN.fullmatch(_SPACES.sub(" ", between)):
                yield Offer(words=frozenset(folded(each[1]) for each in marks), rest="")
                break


def _headed(kind: TaskType, question: str) -> Iterator[Offer]:
    """The list behind "Options:", and of a topic or a feeling also behind "Which one is it:"."""
    found = list(_HEADED.finditer(question))
    if kind.settled:
        found += _ASKED.finditer(question)
    for each in found:
        words = _words(_ALTERNATIVE.split(each["list"]))
        if len(words) > 1:
            yield Offer(words=words, rest=_plain(each["list"]))


def _dashed(question: str) -> Iterator[Offer]:
    """The lines of a list without letters."""
    lines = [found["list"] for found in _DASH.finditer(question)]
    if len(words := _words(lines)) > 1:
        yield Offer(words=words, rest=_plain(" … ".join(lines)))


def _lettered(kind: TaskType, question: str) -> Iterator[Offer]:
    """Options with the letters a, b and so on, or numbers from 1, in lines or in one line."""
    if kind not in _LISTS and not _ASKS_SIGN.search(question):
        return
    for first in "a1":
        marks = _in_turn(_SIGN.finditer(question), first)
        if len(marks) > 1:
            ends = [*(mark.start() for mark in marks[1:]), len(question)]
            texts = [question[m.end() : end] for m, end in zip(marks, ends, strict=True)]
            signs = (mark["sign"] for mark in marks)
            lines = (text.strip().split("\n")[0] for text in texts)
            yield Offer(words=_words([*signs, *lines]), rest=_plain(question[marks[0].start() :]))


def _in_turn(marks: Iterable[re.Match[str]], first: str) -> list[re.Match[str]]:
    """Those of `marks` that count on from `first`."""
    kept: list[re.Match[str]] = []
    for mark in marks:
        if ord(mark["sign"].casefold()) == ord(first) + len(kept):
            kept.append(mark)
    return kept


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts if (word := folded(text)))
