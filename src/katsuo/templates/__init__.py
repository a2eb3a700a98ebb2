"""Meta-templates: annotated datasets as tasks, one YAML file for each source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from katsuo.errors import RecipeError
from katsuo.templates.compiler import Filled, Row, Source, Template
from katsuo.templates.decoding import decode
from katsuo.templates.records import Record

__all__ = ["Filled", "Record", "Row", "Source", "Template", "decode", "load_sources"]


def load_sources(names: Sequence[str] | None = None) -> list[Source]:
    """The bundled sources called `names`, in their order; all of them when there are no names.

    A source is called by its name on the Hub (`super_glue/boolq`) or by its folder (`boolq`). It
    may be there more than once, with another part of its rows for the passage each time.

    Raises:
        RecipeError: If there is no such source.
    """
    shelf = _shelf()
    if names is None:
        return list(shelf)
    by_name: dict[str, list[Source]] = {}
    for source in shelf:
        for key in {source.name, source.data}:
            by_name.setdefault(key, []).append(source)
    if unknown := [name for name in names if name not in by_name]:
        known = ", ".join(dict.fromkeys(source.data for source in shelf))
        raise RecipeError(f"no source is called {', '.join(unknown)}; the sources are {known}")
    return [source for name in names for source in by_name[name]]


@cache
def _shelf() -> tuple[Source, ...]:
    found = (entry for entry in files("katsuo.templates").iterdir() if entry.name.endswith(".yaml"))
    return tuple(
        decode(entry.read_text("utf-8"), entry.name)
        for entry in sorted(found, key=lambda entry: entry.name)
    )
