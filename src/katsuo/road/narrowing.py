"""Which passage of a shard do workers die at?

    shard ──three workers die──▶ careful: each passage alone, its id in a file beside the cell
          ──another dies───────▶ the file says at which
          ──twice at the same──▶ the shard goes on without that passage

Whatever kills a worker anywhere else, such as a full disk, leaves no passage behind it, and the
shard is given up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from pathlib import Path
from typing import Final

from katsuo.store.files import write_text
from katsuo.store.runs import Cell
from katsuo.types import Context

_DEATHS: Final = 2
"""Of careful workers, at a passage that is left out: one may die by another hand."""
_MOST: Final = 4
"""Passages left out of one shard; more are no matter of a passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard of contexts, and how its workers fared."""

    part: Path
    """Its file."""
    first: Cell
    """Where its first drafts lie, or will."""
    careful: bool = False
    """Whether each passage is tried alone before all together."""
    died_at: tuple[str, ...] = ()
    """The contexts that careful workers died at."""

    @property
    def left_out(self) -> frozenset[str]:
        """The contexts that kill."""
        return frozenset(id_ for id_, n in Counter(self.died_at).items() if n >= _DEATHS)

    @property
    def mark(self) -> Path:
        """The file in which a careful worker says which context it is at."""
        return self.first.folder.with_name(f".{self.first.folder.name}.at")

    def closer(self) -> Shard | None:
        """What to try after another death; None where it cannot have been a passage."""
        if not self.careful:
            if self.mark.exists():  # of a run that was ended
                self.mark.unlink()
            return replace(self, careful=True)
        if not self.mark.is_file():
            return None
        died_at = (*self.died_at, self.mark.read_text("utf-8"))
        self.mark.unlink()
        after = replace(self, died_at=died_at)
        is_hopeless = len(after.left_out) > _MOST or len(died_at) > _DEATHS * _MOST
        return None if is_hopeless else after

    def tried(self, contexts: Sequence[Context]) -> Iterator[Context]:
        """Each passage to try alone, while the file says that it is; none unless careful.

        Those before the last death have passed.
        """
        if not self.careful:
            return
        at = self.died_at[-1] if self.died_at else contexts[0].id
        for context in dropwhile(lambda context: context.id != at, contexts):
            if context.id not in self.left_out:
                write_text(self.mark, context.id)
                yield context
        self.mark.unlink(missing_ok=True)
