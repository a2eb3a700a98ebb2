"""The sections of a recipe: what can be asked for, and its defaults.

Frozen models, strict about unknown keys. Every section has defaults, so that a
recipe with only `ingest.paths` ingests.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, field_validator

from katsuo.sections.executing import Execution
from katsuo.sections.learning import KNOWN_ARMS, Adapt, Arm
from katsuo.sections.making import Generate, Ingest
from katsuo.sections.owning import Own
from katsuo.sections.proving import Evaluate, Harm
from katsuo.sections.remixing import Remix
from katsuo.sections.section import NAME, Filters, Section, listed

__all__ = [
    "KNOWN_ARMS",
    "Adapt",
    "Arm",
    "Evaluate",
    "Execution",
    "Filters",
    "Generate",
    "Harm",
    "Ingest",
    "Own",
    "Recipe",
    "Remix",
    "Section",
]


class Recipe(Section):
    """A whole run."""

    name: str = "run"
    """Of the run, whose folder is runs/NAME unless `--run` names another."""
    seed: int = 0
    """The root of all chance."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many passages."""
    ingest: Ingest = Ingest()
    generate: Generate = Generate()
    curate: Filters = ["well_formed", "grounded", "fresh"]
    """Filters by name, each with its settings: `- grounded: {max_answer_words: 40}`."""
    adapt: Adapt = Adapt()
    evaluate: Evaluate = Evaluate()
    execution: Execution = Execution()
    domains: dict[str, dict[str, Any]] = {}
    """A study over several bodies of text: name -> changes of this recipe, section by section."""

    @field_validator("name")
    @classmethod
    def _stays_below(cls, name: str) -> str:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or not name.isprintable():
            raise ValueError(
                "it names the run folder below runs/, so write letters, digits, _, -; another "
                "place is named with --run"
            )
        return name

    @field_validator("domains")
    @classmethod
    def _named_plainly(cls, domains: dict[str, Any]) -> dict[str, Any]:
        for name in domains:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a domain; write letters, digits, _, -")
        return domains

    @property
    def filters(self) -> list[tuple[str, dict[str, Any]]]:
        """The filters to run, in order: name and settings."""
        return listed(self.curate)

    @property
    def own_filters(self) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        """Task types of the user's own that have checks of their own, and those."""
        own = self.generate.tasks
        return {name: listed(one.checks) for name, one in own.items() if one.checks is not None}
