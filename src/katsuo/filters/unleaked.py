"""Would learning this task be learning the exam?

A generator that was trained on public questions may write one of them again. A
task that asks what an evaluation set asks makes the score after tuning
worthless, so it is turned away. The passage may be the set's own: adapting on
the texts is the point, knowing the questions is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from katsuo.errors import RecipeError
from katsuo.types import KEEP, Task, TaskType, Verdict, drop

_FEWEST_CONTENT_WORDS: Final = 3
"""Questions with fewer leak only word for word: two words in common prove nothing."""

_ALONE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words: each character counts as a word."""

_WORD: Final = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+")

_PIECE_END: Final = re.compile(r"(?<=[.?!])\s+|[。？！\n]|:\s|[\"“”«»]")  # noqa: RUF001
"""Where a frame ("Answer by yes or no.", "Question:", quotes) ends and a question may begin."""

_FUNCTION_WORDS: Final = frozenset(
    """
    a an the of to in on at by for from with as and or not if that this these those it its is are
    was were be been being do does did has have had can could may might will would shall should
    must there what which who whom whose when where why how than then so any all s
    """.split()  # noqa: SIM905 -- words are read as words
)
"""Words that a question is built with rather than about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unleaked:
    """Drop tasks whose question is near one of an evaluation set.

    Near means: a run of `gram_words` words in common, or content words that
    overlap by `max_overlap` or more, or, for questions of one or two content
    words, the same words. The question is what the instruction says outside
    its passage, as a whole and sentence by sentence; where the task is to write
    a question, the response is one too.
    """

    texts: tuple[str, ...] = ()
    """The evaluation questions; a recipe names their files as `against`."""
    max_overlap: float = 0.7
    """Jaccard overlap of content words from which two questions are the same, in (0, 1]."""
    gram_words: int = 8
    """Length of a run of words that no two questions share by chance."""
    _asked: tuple[frozenset[str], ...] = field(init=False, repr=False, compare=False)
    """Content words of each evaluation question."""
    _askers: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """Numbers of the evaluation questions that hold a content word."""
    _runs: frozenset[tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Every run of `gram_words` words; short questions as they are."""

    def __post_init__(self) -> None:
        if not 0 < self.max_overlap <= 1:
            raise RecipeError(
                f"curate.unleaked.max_overlap is {self.max_overlap}; it must lie in (0, 1]"
            )
        if self.gram_words < 1:
            raise RecipeError(f"curate.unleaked.gram_words is {self.gram_words}; it must be >= 1")
        words = [_words(text) for text in self.texts]
        runs = {run for each in words for run in self._runs_of(each)}
        asked = tuple(frozenset(each) - _FUNCTION_WORDS for each in words)
        short = {tuple(each) for each, held in zip(words, asked, strict=True) if _is_short(held)}
        askers: dict[str, list[int]] = {}
        for number, held in enumerate(asked):
            for word in () if _is_short(held) else held:
                askers.setdefault(word, []).append(number)
        object.__setattr__(self, "_asked", asked)
        object.__setattr__(self, "_askers", {word: tuple(at) for word, at in askers.items()})
        object.__setattr__(self, "_runs", frozenset(runs | short) - {()})

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compare with, so that every task passes unseen."""
        return not self._runs and not self._askers

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        return [drop("evaluation-question") if self._leaks(task) else KEEP for task in tasks]

    def _leaks(self, task: Task) -> bool:
        for part in _asked_in(task):
            if not self._runs.isdisjoint(self._runs_of(_words(part))):
                return True
            if any(self._is_asked(_words(piece)) for piece in [part, *_PIECE_END.split(part)]):
                return True
        return False

    def _is_asked(self, words: Sequence[str]) -> bool:
        if tuple(words) in self._runs:
            return True
        content = frozenset(words) - _FUNCTION_WORDS
        shared = Counter(number for word in content for number in self._askers.get(word, ()))
        return any(
            n_shared >= self.max_overlap * (len(content) + len(self._asked[number]) - n_shared)
            for number, n_shared in shared.items()
        )

    def _runs_of(self, words: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for i in range(len(words) - self.gram_words + 1):
            yield tuple(words[i : i + self.gram_words])


def _is_short(content: frozenset[str]) -> bool:
    return len(content) < _FEWEST_CONTENT_WORDS


def _asked_in(task: Task) -> list[str]:
    """What the instruction says before, between and behind its passage; a question to write."""
    passage = task.context.strip()
    said = task.instruction.split(passage) if passage else [task.instruction]
    return [*said, task.response] if task.type is TaskType.QG else said


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
