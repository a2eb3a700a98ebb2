"""Does a reader who sees only passage and instruction give the answer again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from katsuo.errors import RecipeError
from katsuo.types import Task, Verdict, reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Drop tasks whose answer a reader does not give again (round trip).

    The score is the likelihood of the response among the choices that the task
    offers or, where it is free, the token F1 of what the reader writes. Types of
    which no two people write the same response pass unmeasured.

    No recipe has it by default: with the bundled model as reader it tells wrong spans
    apart, but no flipped label (benchmarks/results, `filters`).
    """

    measures: ClassVar[str] = "agreed"

    min_score: float = 0.5
    """Least agreement, in [0, 1]."""
    samples: int = 1
    """Answers of the reader to each free question, >= 1; the first is greedy."""
    reader: str = ""
    """A model of the shelf; the target model where it is empty."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise RecipeError(f"curate.agreed.min_score is {self.min_score}; it must lie in [0, 1]")
        if self.samples < 1:
            raise RecipeError(f"curate.agreed.samples is {self.samples}; it must be >= 1")

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`, whose scores have been measured."""
        least = self.min_score
        return [
            reached(task.scores.get(self.measures), least, "reader-disagrees") for task in tasks
        ]
