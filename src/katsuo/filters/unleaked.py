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
from katsuo.words import words

_FEWEST_CONTENT_WORDS: Final = 3
"""Questions with fewer leak only word for word: two words in common prove nothing."""


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
class Leak:
    """How a task asks what an evaluation set asks."""

    set: str
    """Name of the set; empty where it is not known."""
    document: str
    """The document that the question is about; empty where it is not known."""
    way: str
    """`words-in-a-row`, `same-words` (a short question) or `near-duplicate`."""
    overlap: float
    """Jaccard overlap of content words; 1 for the other ways."""


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
    sets: tuple[str, ...] = ()
    """The set of each text, so that a reason can name it; a recipe leaves it out."""
    documents: tuple[str, ...] = ()
    """The document that each text asks about, for the report; a recipe leaves it out."""
    _asked: tuple[frozenset[str], ...] = field(init=False, repr=False, compare=False)
    """Content words of each evaluation question."""
    _askers: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """Numbers of the evaluation questions that hold a content word."""
    _runs: Mapping[tuple[str, ...], int] = field(init=False, repr=False, compare=False)
    """Every run of `gram_words` words, short questions as they are -> the first that says it."""

    def __post_init__(self) -> None:
        if not 0 < self.max_overlap <= 1:
            raise RecipeError(
                f"curate.unleaked.max_overlap is {self.max_overlap}; it must lie in (0, 1]"
            )
        if self.gram_words < 1:
            raise RecipeError(f"curate.unleaked.gram_words is {self.gram_words}; it must be >= 1")
        if any(len(each) not in (0, len(self.texts)) for each in (self.sets, self.documents)):
            raise RecipeError("curate.unleaked: sets and documents follow from against; leave them")
        words = [_words(text) for text in self.texts]
        asked = tuple(frozenset(each) - _FUNCTION_WORDS for each in words)
        runs: dict[tuple[str, ...], int] = {}
        for number, (each, held) in enumerate(zip(words, asked, strict=True)):
            said = [*self._runs_of(each), *([tuple(each)] if each and _is_short(held) else ())]
            for run in said:
                runs.setdefault(run, number)
        askers: dict[str, list[int]] = {}
        for number, held in enumerate(asked):
            for word in () if _is_short(held) else held:
                askers.setdefault(word, []).append(number)
        object.__setattr__(self, "_asked", asked)
        object.__setattr__(self, "_askers", {word: tuple(at) for word, at in askers.items()})
        object.__setattr__(self, "_runs", runs)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compare with, so that every task passes unseen."""
        return not self._runs and not self._askers

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        return [self._verdict(task) for task in tasks]

    def leak(self, task: Task) -> Leak | None:
        """The first evaluation question that `task` asks, and how near it comes."""
        for part in _asked_in(task):
            for run in self._runs_of(_words(part)):
                if run in self._runs:
                    return self._leak(self._runs[run], "words-in-a-row", 1.0)
            for piece in [part, *_PIECE_END.split(part)]:
                if (found := self._asked_by(_words(piece))) is not None:
                    return found
        return None

    def _verdict(self, task: Task) -> Verdict:
        found = self.leak(task)
        if found is None:
            return KEEP
        return drop("evaluation-question" + (f"-in-{found.set}" if found.set else ""))

    def _leak(self, number: int, way: str, overlap: float) -> Leak:
        return Leak(
            set=self.sets[number] if self.sets else "",
            document=self.documents[number] if self.documents else "",
            way=way,
            overlap=overlap,
        )

    def _asked_by(self, words: Sequence[str]) -> Leak | None:
        if (number := self._runs.get(tuple(words))) is not None:
            return self._leak(number, "same-words", 1.0)
        content = frozenset(words) - _FUNCTION_WORDS
        shared = Counter(number for word in content for number in self._askers.get(word, ()))
        for number, n_shared in sorted(shared.items()):
            n_all = len(content) + len(self._asked[number]) - n_shared
            if n_shared >= self.max_overlap * n_all:
                return self._leak(number, "near-duplicate", n_shared / n_all)
        return None

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
    return words(unicodedata.normalize("NFKC", text))
