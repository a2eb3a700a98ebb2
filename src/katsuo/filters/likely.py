"""Does the generator itself find the response likely, once it has read the instruction?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from katsuo.errors import RecipeError
from katsuo.types import Task, Verdict, reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """Drop tasks whose response a generator finds unlikely behind passage and instruction.

    The score is the probability of the response per token, their geometric mean, in the wire
    format that the generator was taught. A draft is drawn by chance, and what it drew against
    its own odds is wrong more often. Task types of the user's own pass unmeasured: their
    labels were chosen, not drawn.

    No recipe has it by default: of drafts read blind it finds more bad ones than any
    other filter (benchmarks/results, `judged`), but a model learned no more from what it keeps
    (`paper_ablation_seeds`).
    """

    measures: ClassVar[str] = "likely"

    min_score: float = 0.5
    """Least probability per token, in [0, 1]."""
    reader: str = ""
    """A model of the shelf that was taught a wire format; the generator where it is empty."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise RecipeError(f"curate.likely.min_score is {self.min_score}; it must lie in [0, 1]")

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`, whose scores have been measured."""
        least = self.min_score
        return [
            reached(task.scores.get(self.measures), least, "response-unlikely") for task in tasks
        ]
