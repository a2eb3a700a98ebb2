"""What a format is: columns, files beside them, and what to do with both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from katsuo.export.rows import Row
from katsuo.types import Flaw

Split: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a trainer's config must know of an export."""

    name: str
    """Letters, digits and underscores."""
    base: str
    """The model to tune: a hub id or a folder."""
    counts: Mapping[str, int]
    """Data file -> its rows."""

    @property
    def has_test(self) -> bool:
        """Whether some documents are kept apart in a file of their own."""
        return any("test" in file for file in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A row as a trainer reads it."""

    file: str
    """Name of the data file that it belongs in."""
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One trainer's way to read data."""

    shape: Callable[[Row, Split], Shaped | Flaw]
    """The row in the trainer's columns, and no others; a flaw where it has no place there."""
    beside: Callable[[Facts], Mapping[str, str]]
    """File name -> text of the configs that use the data."""
    use: Callable[[Facts], str]
    """What to do with the folder, for its card: Markdown."""
    exam: bool = False
    """Whether it asks a model rather than teaches it: it takes what was kept out of learning."""
    fewest: int = 1
    """Fewer rows than these to learn from, or to ask about, are refused."""


def data_file(split: Split) -> str:
    """Where most formats keep their rows."""
    return f"{split}.jsonl"


def as_code(*lines: str) -> str:
    """`lines` as a block of shell commands."""
    return "\n".join(("```sh", *lines, "```"))
