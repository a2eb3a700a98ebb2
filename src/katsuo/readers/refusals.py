"""Why is a file, or a row of it, turned away?

A reader raises `RefusedError` where it knows the reason, and lets its library's
own exceptions pass; `refusal` turns either into the one ledger line of the file.
Nothing of this leaves the package but that line.
"""

from __future__ import annotations

from pathlib import Path

from katsuo.types import EXCERPT_CHARS, Dropped


class RefusedError(Exception):
    """A file or row that holds no text we can use; `reason` is the slug of the ledger."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.reason = reason


def refusal(item: Path | str, by: str, error: Exception) -> Dropped:
    """The ledger line for `item`, which the reader `by` could not read because of `error`."""
    if isinstance(error, RefusedError):
        reason, said = error.reason, str(error)
    elif isinstance(error, PermissionError):
        reason, said = "permission-denied", str(error)
    else:
        reason, said = "file-damaged", f"{type(error).__name__}: {error}"
    return Dropped(
        item_id=str(item),
        stage="ingest",
        by=by,
        reason=reason,
        excerpt=" ".join(said.split())[:EXCERPT_CHARS],
    )
