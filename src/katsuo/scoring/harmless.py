"""With what do we see whether adaptation ruined a model?

Four sets and one text of our own making, which have nothing to do with any
user's documents: reading, arithmetic, knowing what a passage leaves unsaid,
following instructions, and general prose for perplexity. A base model is asked
before, the adapted one after, by the road that every evaluation set takes.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

GENERAL_SETS: Final = (
    "general_reading",
    "general_arithmetic",
    "general_refusal",
    "general_instructions",
)
"""Names of the sets, in the order in which they are asked and reported."""


def general_sets() -> tuple[Path, ...]:
    """The files of `GENERAL_SETS`, in that order, each in the format of evaluation files."""
    return tuple(_folder() / f"{name}.jsonl" for name in GENERAL_SETS)


def general_text() -> str:
    """About 2,000 words of everyday prose in six genres, for perplexity before and after."""
    return (_folder() / "text.txt").read_text("utf-8")


def _folder() -> Path:
    return Path(str(files("katsuo.scoring").joinpath("general")))
