"""Why is a file, or a row of it, turned away?

A reader raises `RefusedError` where it knows the reason, and lets its library's
own exceptions pass; `refusal` turns either into the one ledger line of the file.
Nothing of this leaves the package but that line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from katsuo.types import EXCERPT_CHARS, Dropped

_UNWRITABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Controls, and the lone surrogates by which Python stands for bytes that are no text."""


class RefusedError(Exception):
    """A file or row that holds no text we can use; `reason` is the slug of the ledger."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.reason = reason


def shown(name: Path | str) -> str:
    r"""`name` as text that every file and terminal takes; only what none of them takes changes.

    A file name is bytes, which need not be text. Reading goes on by the name itself.

    >>> shown("caf\udce9.txt")
    'caf\\xe9.txt'
    """
    return _UNWRITABLE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", str(name))


def refusal(item: Path | str, by: str, error: Exception) -> Dropped:
    """The ledger line for `item`, which the reader `by` could not read because of `error`."""
    if isinstance(error, RefusedError):
        reason, said = error.reason, str(error)
    elif isinstance(error, PermissionError):
        reason, said = "permission-denied", str(error)
    else:
        reason, said = "file-damaged", f"{type(error).__name__}: {error}"
    return Dropped(
        item_id=shown(item),
        stage="ingest",
        by=by,
        reason=reason,
        excerpt=shown(" ".join(said.split()))[:EXCERPT_CHARS],
    )
