"""What is a section of a recipe?"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

Filters = list[str | dict[str, dict[str, Any] | None]]
"""Filters by name, each alone or with its settings."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What arms and domains may be called."""


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def listed(filters: Filters) -> list[tuple[str, dict[str, Any]]]:
    """Name and settings of each filter, in order."""
    chosen: list[tuple[str, dict[str, Any]]] = []
    for entry in filters:
        if isinstance(entry, str):
            chosen.append((entry, {}))
        else:
            chosen.extend((name, settings or {}) for name, settings in entry.items())
    return chosen
