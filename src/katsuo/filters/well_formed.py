"""Is this a task at all, whatever it says?

A generator may echo, loop, leave its own markers behind, forget the passage, or
answer a closed question with a lecture or in words that it does not offer. Each
of these can be seen without understanding the text, and each has its own reason;
so can another language than the passage's. Better to let a strange task pass than
to turn a good one away: later filters look closer.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Final, TypeAlias

from katsuo.errors import RecipeError
from katsuo.languages import hardly, language
from katsuo.offers import offers
from katsuo.types import KEEP, Task, TaskType, Verdict, drop
from katsuo.wire import MARKS
from katsuo.words import WORD, words

_LEFT_OVER: Final = re.compile(
    "|".join(map(re.escape, MARKS))
    # Slots, the marks of chat templates, and the headings of instruction datasets.
    + r"|\{\{|\}\}|<\|[^|<>\s]{1,40}\|>|</?s>|<</?SYS>>|\[/?INST\]|###\s*(?:Instruction|Response)\b"
)

_GRAM_WORDS: Final = 4
_LOOP_TURNS: Final = 4
"""A run of four words is a loop if it comes this often and half of all runs are repeats."""

_YES_NO: Final = frozenset(
    """
    yes no true false correct incorrect right wrong maybe unknown unclear
    ja nein nee nej oui non si sí sim não tak nie evet hayır да нет так ні ναι όχι
    نعم لا हाँ नहीं 是 否 是的 不是 はい いいえ 예 네 아니요 아니오 có không ใช่ ไม่ใช่
    """.split()  # noqa: RUF001, SIM905 -- words are read as words
)
_FOLLOWS: Final = _YES_NO | {
    "entailment", "entails", "entailed", "not entailment", "not_entailment", "not entailed",
    "neutral", "neither", "contradiction", "contradicts", "contradicted", "inconclusive",
    "undetermined", "always", "sometimes", "never", "guaranteed", "possible", "impossible",
    "it's impossible to say", "impossible to say", "can't say", "can't tell", "cannot tell",
    "supports", "supported", "refutes", "refuted", "not enough info", "not enough information",
    "mentioned", "not mentioned", "follows", "does not follow",
}  # fmt: skip
_LABELS: Final[Mapping[TaskType, frozenset[str]]] = {
    TaskType.YNQA: _YES_NO,
    TaskType.NLI: _FOLLOWS,
    TaskType.TE: _FOLLOWS,
    TaskType.MCQA: frozenset(),
}
"""What counts as a label though the instruction may not offer it; other types are free."""

_AT_TIMES_CLOSED: Final = frozenset({TaskType.COREF})
"""Types that may offer labels ("Does it stand for the lease? Yes or No.") and may ask freely."""

_ONE_ANSWER: Final = frozenset({TaskType.EXQA, TaskType.QA, TaskType.YNQA})
"""Types that answer one question; elsewhere options and quotes may hold more."""

_FREE: Final = frozenset(
    {
        TaskType.QA, TaskType.QG, TaskType.PARAPHRASE, TaskType.SENT_COMP, TaskType.SUMMARIZATION,
        TaskType.TEXT_GEN,
    }
)  # fmt: skip
"""Types whose response is in words of its own, neither the passage's nor a label's."""

_Barred: TypeAlias = Callable[[str], frozenset[str]]
"""The languages that nothing about a passage should be in."""

_FEWEST_TOLD_WORDS: Final = 8
"""A shorter text has no language (note 0030)."""

_LANGUAGES: Final = ("same", "any")

_ASKS: Final = re.compile(r"[?؟？]+")  # noqa: RUF001

_MOST_LABEL_WORDS: Final = 4
"""Longest label of a closed question that may be one of our own or the instruction's words."""

_OR: Final = r"(?:or|oder|ou|или)"
_OPTION: Final = re.compile(
    r"(?m)^[ \t]*(?:[-*•][ \t]+|\(?(?:[A-Ha-h]|\d)[).:][ \t]*)(?P<text>\S.*?)[ \t]*$"
)
_LETTER: Final = re.compile(r"\(?([A-Za-z]|\d)[).:]?(?:\s+(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WellFormed:
    """Drop what is no task, for the first reason that holds.

    Words of scripts that set no spaces are counted as characters. What stands in
    the passage itself is never held against a task. The passage must stand in
    the instruction; where the task is to write a text, it may be the response.
    The language is looked at last, and a text that has fewer than eight words or
    could be of two languages has none. It is held against a task where the passage
    is hardly in it. Labels and extracts of the passage have none either, nor have
    task types of the user's own, who may word them as he likes.
    """

    edition: ClassVar[int] = 4
    """Counted up when it drops other tasks than before: then keys change, see `edition_of`."""

    min_instruction_words: int = 4
    """Fewest words of an instruction, its passage included."""
    max_instruction_words: int = 300
    """Most words of an instruction besides its passage."""
    max_response_words: int = 400
    """Most words of a response."""
    min_question_words: int = 3
    """Fewest words of an instruction besides its passage."""
    max_questions: int = 2
    """Most question marks besides the passage, in tasks that have one answer."""
    languages: str = "same"
    """`same`: instruction and free answer are in the language of the passage; `any`: nobody
    looks."""

    def __post_init__(self) -> None:
        if self.languages not in _LANGUAGES:
            raise RecipeError(
                f"curate.well_formed.languages is {self.languages!r}; it must be same or any"
            )
        for name in self.__slots__:
            if name != "languages" and getattr(self, name) < 1:
                raise RecipeError(
                    f"curate.well_formed.{name} is {getattr(self, name)}; it must be >= 1"
                )

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        barred = cache(_barred)  # many tasks are about one passage
        return [self._verdict(task, barred) for task in tasks]

    def _verdict(self, task: Task, barred: _Barred) -> Verdict:
        question = _outside(task.instruction, task)
        reason = next(self._faults(task, question), "")
        if not reason and self.languages == "same":
            reason = next(_strays(task, question, barred), "")
        return drop(reason) if reason else KEEP

    def _faults(self, task: Task, question: str) -> Iterator[str]:
        """Every reason against `task` but its language, the plainest first."""
        yield from self._misfits(task, question)
        if task.type in _ONE_ANSWER and len(_ASKS.findall(question)) > self.max_questions:
            yield "several-questions"
        n_question_words = len(WORD.findall(question))
        if not _holds_passage(task):
            yield "instruction-lacks-context"
        elif n_question_words < self.min_question_words:
            yield "question-missing"
        if _is_marked(task, question):
            yield "marker-left-over"
        if _is_echo(task, question):
            yield "response-echoes-instruction"
        if _is_loop(question) or _is_loop(_outside(task.response, task)):
            yield "loop-in-text"
        yield from _label_faults(task, question)

    def _misfits(self, task: Task, question: str) -> Iterator[str]:
        if len(WORD.findall(task.instruction)) < self.min_instruction_words:
            yield "instruction-too-short"
        # A lone format character, such as a zero-width space, is invisible too.
        if not any(sign.isprintable() and not sign.isspace() for sign in task.response):
            yield "response-empty"
        if _holds_passage(task) and len(WORD.findall(question)) > self.max_instruction_words:
            yield "instruction-too-long"
        if len(WORD.findall(_outside(task.response, task))) > self.max_response_words:
            yield "response-too-long"


def _holds_passage(task: Task) -> bool:
    text = task.instruction + (f"\n{task.response}" if task.type is TaskType.TEXT_GEN else "")
    passage = task.context.strip()
    return passage in text or _plain(passage) in _plain(text)


def _is_marked(task: Task, question: str) -> bool:
    """Whether a marker is left over that the passage does not hold itself."""
    found = {mark[0] for text in (question, task.response) for mark in _LEFT_OVER.finditer(text)}
    return any(mark not in task.context for mark in found)


def _is_echo(task: Task, question: str) -> bool:
    """Whether the response says the instruction, its question or the whole passage again."""
    response, asked = _plain(task.response), _plain(question)
    if response in (asked, _plain(task.instruction)):
        return True
    if not task.type.extractive and response == _plain(task.context):
        return task.type is not TaskType.TEXT_GEN or response in _plain(task.instruction)
    return asked.endswith(("?", "؟")) and response.startswith(asked)


def _is_loop(text: str) -> bool:
    said = words(text)
    runs = Counter(tuple(said[i : i + _GRAM_WORDS]) for i in range(len(said) - _GRAM_WORDS + 1))
    return max(runs.values(), default=0) >= _LOOP_TURNS and 2 * len(runs) <= runs.total()


def _strays(task: Task, question: str, barred: _Barred) -> Iterator[str]:
    """Which parts of `task` are surely in a language that its passage is hardly in."""
    if task.name:
        return
    parts = [("instruction", question)]
    if task.type in _FREE:
        parts.append(("response", _outside(task.response, task)))
    for part, text in parts:
        if (found := _told(text)) and found in barred(task.context):
            yield f"{part}-in-other-language"


def _told(text: str) -> str:
    """The language of `text`; empty where it is too short or could be of two."""
    return language(text) if len(WORD.findall(text)) >= _FEWEST_TOLD_WORDS else ""


def _barred(passage: str) -> frozenset[str]:
    """The languages that nothing about `passage` should be in; none where it is too short."""
    enough = len(WORD.findall(passage)) >= _FEWEST_TOLD_WORDS
    return hardly(passage) if enough else frozenset()


def _label_faults(task: Task, question: str) -> Iterator[str]:
    """What is wrong with the label of a closed question, or with its options."""
    if task.name:  # a user's own labels were held to when it was made
        return
    if task.type in _LABELS:
        options = [_plain(found["text"]) for found in _OPTION.finditer(question)]
        if len(set(options)) < len(options):
            yield "options-repeated"
        if not _is_choice(task, question, options):
            yield "label-not-a-choice"
    if task.type.closed_choice or task.type in _AT_TIMES_CLOSED:
        found = offers(task.type, question)
        if found and not any(offer.has(task.response) for offer in found):
            yield "label-not-offered"


def _is_choice(task: Task, question: str, options: Sequence[str]) -> bool:
    """Whether the response is a known label, an option, its letter, or a label in a list."""
    asked, label = _plain(question), _bare(task.response)
    if not label or label in _LABELS[task.type] or label in map(_bare, options):
        return bool(label)
    lettered = _LETTER.fullmatch(task.response.strip())
    if lettered and _offers_letter(lettered[1], question):
        # A letter with words behind it ("B) ten days") must bring the words of an option.
        return lettered[2] is None or _stands_in(_bare(lettered[2]), asked)
    if not _LABELS[task.type]:
        return _stands_in(label, asked)
    return len(WORD.findall(label)) <= _MOST_LABEL_WORDS and _is_listed(label, asked)


def _offers_letter(letter: str, question: str) -> bool:
    """Whether options are lettered so: `B)`, `b.`, or a lone capital."""
    marked = re.search(rf"(?<!\w){letter}[).:]", question, re.IGNORECASE)
    return bool(marked) or (letter.isupper() and _stands_in(letter, question))


def _is_listed(label: str, asked: str) -> bool:
    """Whether `label` is named as a choice: quoted, or beside a comma, a stroke or an "or"."""
    sign = r"[/,|\"'“”‘’()\[\]]"  # noqa: RUF001
    word = rf"(?<!\w){re.escape(label)}(?!\w)"
    return bool(re.search(rf"(?:{sign}|\b{_OR}\b|:)\s*{word}|{word}\s*(?:{sign}|{_OR}\b)", asked))


def _stands_in(words: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _outside(text: str, task: Task) -> str:
    """What `text` says outside the passage, which may be wrapped or spaced otherwise."""
    passage = task.context.strip()
    if not passage or len(text) < len(passage) // 2:
        return text.strip()
    if passage in text:
        return text.replace(passage, "\n").strip()
    if _plain(passage) not in _plain(text):
        return text.strip()
    words = map(re.escape, passage.split())
    return re.sub(r"\s+".join(words), "\n", text, flags=re.IGNORECASE).strip()


def _bare(text: str) -> str:
    """`text` without the signs around it: `"Yes."` is the label `yes`."""
    return _plain(text).strip(" .,;:!\"'“”‘’()[]*-")  # noqa: RUF001


def _plain(text: str) -> str:
    """`text` in one Unicode form, without case, single-spaced."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
