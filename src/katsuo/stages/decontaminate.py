"""Does a training row say again what an evaluation will ask?

A row is turned away if it shares a run of 13 words with a text of the evaluation sets, in its
passage or outside it (Brown et al. 2020, appendix C); a shorter text of theirs counts as a whole
if it has five words at least. Runs are held as numbers, so memory grows with the evaluation
texts and not with the rows.

    words ──five in a row──▶ does any run begin so? ──mostly not──▶ clean
                                    └──yes──▶ whole runs from there ──▶ said again | clean
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from katsuo.scoring.overlap import GRAM_WORDS
from katsuo.types import Task
from katsuo.words import words

_FEWEST_WORDS: Final = 5
"""A shorter text proves nothing: "What is it?" is nobody's."""
_REMEMBERED: Final = 1024
"""Passages whose verdict is kept: several tasks are about one."""


class Known:
    """Texts that no training row may say again."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._runs: dict[int, set[int]] = {}
        """Words in a run -> hashes: of 13 words, and of shorter texts as a whole."""
        self._begins: set[int] = set()
        """Hashes of the first five words of all of those."""
        for text in texts:
            split = words(text)
            length = min(len(split), GRAM_WORDS)
            if length >= _FEWEST_WORDS:
                self._runs.setdefault(length, set()).update(_hashes(split, length))
                begun = split[: len(split) - length + _FEWEST_WORDS]
                self._begins.update(_hashes(begun, _FEWEST_WORDS))
        self._passage_holds = lru_cache(_REMEMBERED)(self._holds)

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def says(self, task: Task) -> bool:
        """Whether `task` says one of the texts again: in passage, question or answer."""
        passage = task.context.strip()
        outside = task.instruction.replace(passage, "\n") if passage else task.instruction
        return self._passage_holds(passage) or self._holds(outside) or self._holds(task.response)

    def _holds(self, text: str) -> bool:
        split = words(text)
        if self._begins.isdisjoint(_hashes(split, _FEWEST_WORDS)):
            return False
        begun = (
            at for at, found in enumerate(_hashes(split, _FEWEST_WORDS)) if found in self._begins
        )
        return any(
            hash(tuple(split[at : at + length])) in held
            for at in begun
            for length, held in self._runs.items()
            if at + length <= len(split)
        )


def _hashes(split: Sequence[str], length: int) -> Iterator[int]:
    """A hash of each run of so many words, in order.

    Hashes of texts differ from process to process, which is no matter for an index in memory.
    """
    return map(hash, zip(*(split[i:] for i in range(length)), strict=False))
