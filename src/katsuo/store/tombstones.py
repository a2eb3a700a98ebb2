"""Which documents must never come back?

The list lies beside the cells, so that it holds for all runs there. It names
documents by the digest of their place and text: nothing of them can be read from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from katsuo.store.files import read_json, write_json

_NAME: Final = "forgotten.json"


def forgotten(home: Path) -> list[str]:
    """Ids of the documents that runs with cells in `home` must not read, sorted."""
    stated = read_json(home / _NAME) or {}
    found = stated.get("documents", [])
    return sorted(map(str, found)) if isinstance(found, list) else []


def forbid(home: Path, documents: Iterable[str]) -> None:
    """Put `documents` on the list."""
    write_json(home / _NAME, {"documents": sorted({*forgotten(home), *documents})})
