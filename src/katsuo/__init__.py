"""katsuo: your documents become instruction-tuning tasks, and the gain is proven.

The nouns and the drop-in `Bonito` class; everything else is reached through the
command `katsuo` or the module that does it. Importing this package computes
nothing and loads no tensor library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from katsuo.errors import DataError, KatsuoError, ModelError, RecipeError
from katsuo.protocols import Completion, Filter, Request, Sampling
from katsuo.types import (
    Context,
    Document,
    Dropped,
    Pair,
    Probe,
    Score,
    Span,
    Task,
    TaskType,
    Verdict,
)
from katsuo.version import VERSION

if TYPE_CHECKING:
    from katsuo.compat import Bonito, SamplingParams

__version__ = VERSION

__all__ = [
    "Bonito",
    "Completion",
    "Context",
    "DataError",
    "Document",
    "Dropped",
    "Filter",
    "KatsuoError",
    "ModelError",
    "Pair",
    "Probe",
    "RecipeError",
    "Request",
    "Sampling",
    "SamplingParams",
    "Score",
    "Span",
    "Task",
    "TaskType",
    "Verdict",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- PEP 562
    """`Bonito` and `SamplingParams`, loaded when they are first asked for."""
    if name in ("Bonito", "SamplingParams"):
        from katsuo import compat

        return getattr(compat, name)
    raise AttributeError(f"module 'katsuo' has no attribute {name!r}")
