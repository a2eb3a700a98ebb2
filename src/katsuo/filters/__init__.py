"""Which questions are asked of a task before it may be learned from?

Filters judge one task alone; rewriters put other words into it; selectors see the
signatures of all. Each is its own settings, and stands here under the adjective
that a recipe calls it by.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

from katsuo import languages
from katsuo.errors import RecipeError
from katsuo.filters.agreed import Agreed
from katsuo.filters.balanced import Balanced
from katsuo.filters.fresh import Fresh
from katsuo.filters.grounded import Grounded
from katsuo.filters.likely import Likely
from katsuo.filters.needed import Needed
from katsuo.filters.private import Private
from katsuo.filters.unleaked import Unleaked
from katsuo.filters.well_formed import WellFormed
from katsuo.personal import finding
from katsuo.protocols import Filter, Rewriter, Selector

FILTERS: Final = {
    "well_formed": WellFormed,
    "grounded": Grounded,
    "agreed": Agreed,
    "needed": Needed,
    "likely": Likely,
    "fresh": Fresh,
    "unleaked": Unleaked,
    "balanced": Balanced,
    "private": Private,
}

_IN_RECIPES: Final = {"texts": "against"}
"""Settings that a recipe states otherwise: it names files, a filter holds what they say."""

_FILLED_IN: Final = frozenset({"sets", "documents"})
"""Settings that follow from the files that a recipe names."""

_OF_THE_ROAD: Final = frozenset({"embeds", "shares"})
"""What the road gives (a model that it opened, the user's own shares): no settings of a filter."""


def build(name: str, settings: Mapping[str, Any]) -> Filter | Rewriter | Selector:
    """The filter, rewriter or selector called `name`, set up as `settings` say.

    Raises:
        RecipeError: If there is no such filter or setting, or the value is none for it.
        ModelError: If a library that it needs is not installed.
    """
    if name not in FILTERS:
        raise RecipeError(f"curate: there is no filter {name!r}; {_nearest(name, list(FILTERS))}")
    part: Callable[..., Filter | Rewriter | Selector] = FILTERS[name]
    fields = [field for field in dataclasses.fields(FILTERS[name]) if field.init]
    known = {field.name: field for field in fields if field.name not in _OF_THE_ROAD}
    chosen = {}
    for key, value in settings.items():
        if key not in known:
            said = [_IN_RECIPES.get(each, each) for each in known if each not in _FILLED_IN]
            raise RecipeError(f"curate.{name}.{key}: no such setting; {_nearest(key, said)}")
        chosen[key] = _checked(f"curate.{name}.{key}", value, _default(known[key]))
    return part(**chosen)


def libraries(part: object) -> dict[str, str]:
    """The libraries that decide what the filter `part` finds, with their versions.

    Raises:
        ModelError: If one is not installed.
    """
    if isinstance(part, Private):
        return finding.versions()
    if isinstance(part, WellFormed) and part.languages == "same":
        return {languages.PACKAGE: languages.version()}
    return {}


def _default(field: dataclasses.Field[Any]) -> object:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _checked(place: str, value: object, default: object) -> object:
    """`value` if it is of the kind of `default`; a list of texts becomes a tuple."""
    if isinstance(default, str):
        if isinstance(value, str):
            return value
        raise RecipeError(f"{place} is {value!r}; it must be a text")
    if isinstance(default, dict):
        if isinstance(value, dict):
            return value
        wanted = "a mapping"
    elif isinstance(default, tuple):
        if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
            return tuple(value)
        wanted = "a list of texts"
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and (isinstance(default, float) or isinstance(value, int)):
            return value
        wanted = "a number" if isinstance(default, float) else "a whole number"
    raise RecipeError(f"{place} is {value!r}; it must be {wanted}, such as {default!r}")


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
