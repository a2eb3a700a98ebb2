"""In which language is a text written, as far as that can be told?

Short texts, lists of names and close relatives cannot be told apart surely. So a text has a
language only where the identifier is sure of one; else it has none. Still it can be told which
languages such a text is hardly written in.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module, metadata
from typing import Any, Final

from katsuo.errors import ModelError

PACKAGE: Final = "py3langid"
"""The identifier; its model comes in its wheel, and it opens no connection."""

SUREST: Final = 0.95
"""Least probability, among all languages that the identifier knows (note 0030)."""

_LIKELY: Final = 0.6
_HARDLY: Final = 0.01
"""A text that is likely in one language is hardly in those with at most so much (note 0030)."""

_LONGEST_CHARS: Final = 2000
"""What is read of a text: a page. More makes nothing surer."""


def language(text: str) -> str:
    """The code of the language of `text`, such as `de`; empty where the identifier is not sure.

    The same for the same text on every machine with the same version of the identifier.

    Raises:
        ModelError: If the identifier is not installed.
    """
    code, probability = _identifier().classify(text[:_LONGEST_CHARS])
    return str(code) if probability >= SUREST else ""


def hardly(text: str) -> frozenset[str]:
    """The codes of the languages that `text` is hardly written in; none where nothing is likely.

    Raises:
        ModelError: If the identifier is not installed.
    """
    shares = {str(code): float(share) for code, share in _identifier().rank(text[:_LONGEST_CHARS])}
    if max(shares.values()) < _LIKELY:
        return frozenset()
    return frozenset(code for code, share in shares.items() if share <= _HARDLY)


def version() -> str:
    """The version of the identifier, which decides what is told.

    Raises:
        ModelError: If the identifier is not installed.
    """
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise _missing() from error


@cache
def _identifier() -> Any:  # noqa: ANN401 -- the library has no types
    try:
        found = import_module(f"{PACKAGE}.langid")
    except ModuleNotFoundError as error:
        raise _missing() from error
    # One of our own: the library's is shared with whoever else restricts its languages.
    return found.LanguageIdentifier.from_model_file(found.MODEL_FILE, norm_probs=True)


def _missing() -> ModelError:
    return ModelError(
        f"the filter well_formed needs the package {PACKAGE}, which is not installed; pip install "
        f"{PACKAGE} brings it, and the setting languages: any does without"
    )
