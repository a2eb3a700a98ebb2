"""Does a training row say again what an evaluation will ask?

A row is turned away if it shares a run of 13 words with a text of the evaluation sets, in its
passage or outside it (Brown et al. 2020, appendix C); a shorter text of theirs counts as a whole
if it has five words at least. Runs are held as numbers, so memory grows with the evaluation
texts and not with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from katsuo.scoring.lookup import words
from katsuo.scoring.overlap import GRAM_WORDS
from katsuo.types import Task

_FEWEST_WORDS: Final = 5
"""A shorter text proves nothing: "What is it?" is nobody's."""


class Known:
    """Texts that no training row may say again."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._runs: set[int] = set()
        """Hashes of runs of 13 words."""
        self._short: dict[int, set[int]] = {}
        """Number of words -> hashes of texts that are shorter than a run."""
        for text in texts:
            split = words(text)
            if len(split) >= GRAM_WORDS:
                self._runs.update(_hashes(split, GRAM_WORDS))
            elif len(split) >= _FEWEST_WORDS:
                self._short.setdefault(len(split), set()).update(_hashes(split, len(split)))

    def __len__(self) -> int:
        return len(self._runs) + sum(map(len, self._short.values()))

    def says(self, task: Task) -> bool:
        """Whether `task` says one of the texts again: in passage, question or answer."""
        passage = task.context.strip()
        outside = task.instruction.replace(passage, "\n") if passage else task.instruction
        return any(self._holds(words(part)) for part in (passage, outside, task.response))

    def _holds(self, split: Sequence[str]) -> bool:
        if not self._runs.isdisjoint(_hashes(split, GRAM_WORDS)):
            return True
        return any(
            not held.isdisjoint(_hashes(split, length)) for length, held in self._short.items()
        )


def _hashes(split: Sequence[str], length: int) -> Iterator[int]:
    # Hashes of texts differ from process to process, which is no matter for an index in memory.
    return (hash(" ".join(split[i : i + length])) for i in range(len(split) - length + 1))
