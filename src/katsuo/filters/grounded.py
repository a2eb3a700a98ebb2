"""Does the passage support the answer, and where?

An extractive task promises that its response can be read off the context word
for word. A task that breaks the promise teaches the adapted model to invent.
Other tasks promise less: some sentence should at least speak of the same things.
Either way the place is recorded, so that a reader can check a task at a glance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import ClassVar, Final, NamedTuple

from katsuo.errors import RecipeError
from katsuo.extracts import Folded, folded, occurrences, trimmed
from katsuo.types import KEEP, Span, Task, TaskType, Verdict, drop
from katsuo.words import WORD, words

_MOST_ASKED: Final = 20
"""No sentence can hold a whole summary, so no more content words than this are asked of it."""

_PAIR_GAIN: Final = 0.1
"""Share by which two sentences must beat the best one: shorter evidence is better evidence."""

_STEM_CHARS: Final = 6
"""Words that agree so far ("terminates", "termination") speak of the same thing."""

_SENTENCE_END: Final = re.compile(
    # The lookbehind spares initials and list numbers: "U.S. law", "see 4. above".
    r"(?<![.!?])(?<![\s.]\w)[.!?]+[\"')\]”’»]*\s+|[。！？।॥]+[」』”’]*\s*|\n\s*\n"  # noqa: RUF001
)

_OF_THE_WHOLE: Final = frozenset({TaskType.SENTIMENT, TaskType.TOPIC_CLASS})
"""Types that ask one thing of any passage ("How does the writer feel?"): no sentence says it."""

_NEED_NOT_SPEAK: Final = frozenset(
    {TaskType.NLI, TaskType.TE, TaskType.SENT_COMP, TaskType.TEXT_GEN, TaskType.WSD}
)
"""Types that may rightly speak of something else: a hypothesis that does not follow, what comes
next, another use of a word."""

_FEWEST_ASKED: Final = 3
"""Fewer content words that are not found prove nothing ("How did she feel?")."""

_LEAST_OWN: Final = 0.4
"""Share of a written question's own words that shows what it asks about, whatever words the
instruction has around the passage ("Class 3 will read this page"); measured by bench_filters."""

_OPTION: Final = re.compile(r"(?m)^[ \t]*\(?(?:[A-Ha-h]|\d)[).:][ \t].*$")
"""A lettered option: most are wrong by design, so no sentence is asked for their words."""

_FRAME_WORDS: Final = frozenset(
    """
    a an the of to in on at by for from with about into as and or but not if that this these those
    it its he she they them his her their we our you your i is are was were be been being do does
    did has have had can could may might will would shall should must there here what which who
    whom whose when where why how than then so such no yes true false maybe any all each both only
    also answer answers article based below above choice choices choose claim complete consider
    context correct describe document entail entails explain follow follows following generate give
    given hypothesis inconclusive information option options paragraph passage premise question
    questions read reading say says select sentence sentences statement statements summarise
    summarize summary support supported text title topic using word words write according
    """.split()  # noqa: SIM905 -- words are read as words
)
"""Words that an instruction is built with; no sentence of a passage is asked for them."""


class _Window(NamedTuple):
    """One sentence, or two neighbours."""

    start: int
    end: int
    stems: frozenset[str]


class _Passage(NamedTuple):
    """A context as places where evidence may stand."""

    sentences: list[_Window]
    pairs: list[_Window]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """Drop tasks that their context does not support, and record where it does.

    An extractive response must stand in the context. Letter case, Unicode form,
    runs of white space and the cut of quotes and dashes are not differences,
    nor is the punctuation around the answer; half a word is not an occurrence
    ("art" does not stand in "party"), except in scripts that set no spaces.

    For other types the score is the share of content words of the question and
    the response (of a label, the question alone) that the best sentence, or
    pair of neighbours, holds. A task without content words, or of a type that
    asks of the passage as a whole, passes unmeasured; one with only a few, or of a
    type that may speak of something else, passes whatever its score. Where the task is
    to write a question, it may stand on the words of that question alone. A task
    that was made to have no answer in its passage passes unmeasured.
    """

    edition: ClassVar[int] = 3
    """Counted up when it drops other tasks than before: then keys change, see `edition_of`."""

    max_answer_words: int = 40
    """Longest response still called an extract; where no spaces are set, in characters."""
    min_overlap: float = 0.15
    """Least share of content words to be found, in [0, 1]; 0 drops nothing."""

    def __post_init__(self) -> None:
        if self.max_answer_words < 1:
            raise RecipeError(
                f"curate.grounded.max_answer_words is {self.max_answer_words}; it must be >= 1"
            )
        if not 0 <= self.min_overlap <= 1:
            raise RecipeError(
                f"curate.grounded.min_overlap is {self.min_overlap}; it must lie in [0, 1]"
            )

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        fold, read = cache(folded), cache(_passage)

        def verdict(task: Task) -> Verdict:
            if not task.answerable:
                return KEEP
            if task.type.extractive:
                return self._extract(task, fold(task.context))
            return self._support(task, read(task.context))

        return list(map(verdict, tasks))

    def _extract(self, task: Task, context: Folded) -> Verdict:
        answer = trimmed(task.response)
        if not answer:
            return drop("answer-empty")
        if len(WORD.findall(answer)) > self.max_answer_words:
            return drop("answer-too-long", score=0.0)
        spans = tuple(occurrences(answer, context))
        if not spans:
            return drop("answer-not-in-context", score=0.0)
        return Verdict(keep=True, score=1.0, evidence=spans)

    def _support(self, task: Task, places: _Passage) -> Verdict:
        passage = task.context.strip()
        question = task.instruction.replace(passage, " ") if passage else task.instruction
        said = [_OPTION.sub("", question), "" if task.type.closed_choice else task.response]
        wanted = frozenset().union(*map(_stems, said))
        if not wanted or task.type in _OF_THE_WHOLE:
            return KEEP
        best, share = _best(wanted, places)
        if task.type is TaskType.QG and share < self.min_overlap:
            best, share = self._asked(task, places) or (best, share)
        droppable = len(wanted) >= _FEWEST_ASKED and task.type not in _NEED_NOT_SPEAK
        if droppable and share < self.min_overlap:
            return drop("evidence-not-found", score=share)
        spans = (Span(start=best.start, end=best.end),) if best and share else ()
        return Verdict(keep=True, score=share, evidence=spans)

    def _asked(self, task: Task, places: _Passage) -> tuple[_Window | None, float] | None:
        """Where the passage speaks of the question that `task` writes, if it does enough."""
        own = _stems(task.response)
        found = _best(own, places) if own else (None, 0.0)
        return found if found[1] >= max(_LEAST_OWN, self.min_overlap) else None


def _passage(context: str) -> _Passage:
    """Every sentence of `context`, and every pair of neighbours."""
    cuts = [0, *(found.end() for found in _SENTENCE_END.finditer(context)), len(context)]
    sentences = []
    for cut, next_cut in pairwise(cuts):
        text = context[cut:next_cut]
        start, end = next_cut - len(text.lstrip()), cut + len(text.rstrip())
        if start < end:
            sentences.append(_Window(start, end, _stems(text)))
    pairs = [_Window(one.start, two.end, one.stems | two.stems) for one, two in pairwise(sentences)]
    return _Passage(sentences, pairs)


def _best(wanted: frozenset[str], passage: _Passage) -> tuple[_Window | None, float]:
    """The window that holds most of `wanted`, the first of equals, and the share that it holds."""
    n_asked = min(len(wanted), _MOST_ASKED)

    def share(window: _Window) -> float:
        return min(1.0, len(wanted & window.stems) / n_asked)

    if not passage.sentences:
        return None, 0.0
    sentence = max(passage.sentences, key=share)
    pair = max(passage.pairs, key=share, default=sentence)
    best = pair if share(pair) > share(sentence) + _PAIR_GAIN else sentence
    return best, share(best)


def _stems(text: str) -> frozenset[str]:
    """What `text` speaks of: its content words, cut to their first letters."""
    said = words(unicodedata.normalize("NFKC", text))
    return frozenset(_stem(word) for word in said if word not in _FRAME_WORDS)


def _stem(word: str) -> str:
    return (word[:-1] if len(word) > len("its") and word.endswith("s") else word)[:_STEM_CHARS]
