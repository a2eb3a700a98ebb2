"""Does the answer hang on the passage?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from katsuo.errors import RecipeError
from katsuo.scoring.choice import logistic
from katsuo.types import Task, Verdict, reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Drop tasks whose answer is as likely without the passage (context ablation).

    The reader is asked twice, with the passage and without; the difference is in nats
    of the whole response. The score is its logistic function, so 0.5 is no difference.

    No recipe has it by default: with the bundled model as reader it tells questions of
    another passage apart, but no flipped label (benchmarks/results, `filters`).
    """

    measures: ClassVar[str] = "needed"

    min_nats: float = 0.0
    """Least gain in log-likelihood that the passage must bring, in nats."""
    reader: str = ""
    """A model of the shelf; the target model where it is empty."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.min_nats):
            raise RecipeError(f"curate.needed.min_nats is {self.min_nats}; it must be finite")

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`, whose scores have been measured."""
        least = logistic(self.min_nats)
        return [
            reached(task.scores.get(self.measures), least, "passage-not-needed") for task in tasks
        ]
