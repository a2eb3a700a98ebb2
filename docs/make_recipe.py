"""Write docs/recipe.md: which settings has a recipe, with which defaults?

The page is made from the sections and filters themselves, so it can be neither
wrong nor incomplete; a test fails when the file is not what `page` gives.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from katsuo.filters import FILTERS
from katsuo.school import Lesson
from katsuo.sections import Filters, Recipe, Section

PAGE: Final = Path(__file__).parent / "recipe.md"
HEAD: Final = """\
# The settings of a recipe

Made by `make docs` from the code; do not edit.

A recipe is a YAML file. A setting that is left out has its default; an unknown one is an error
that names the nearest known one. `katsuo run RECIPE --dry-run` prints a recipe with every default
written out, and `--set generate.temperature=0.7` changes any setting for one run. `extends:
other.yaml` lays a recipe over another.
"""
FILTER_HEAD: Final = """\

## The filters of `curate`

In `curate` and in an arm's `curate` filters stand by name, each alone or with its settings:
`- grounded: {max_answer_words: 40}`.
"""
TEACHING_HEAD: Final = """\

## A teaching recipe

What `katsuo remix` and `katsuo teach` read.
"""
_AGAINST: Final = "Files of evaluation questions; by default those of `evaluate`."
_NOT_IN_RECIPES: Final = {
    "unleaked": {"sets", "documents"},
    "fresh": {"embeds"},
    "balanced": {"shares"},
}
_KINDS: Final = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "any",
}
_BOUNDS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_TABLE: Final = "\n| setting | meaning | default | values |\n|---|---|---|---|\n"


def page() -> str:
    """The whole page."""
    recipe = "".join(_sections(Recipe, "", level=2))
    filters = "".join(_filter(name, kind) for name, kind in FILTERS.items())
    lesson = "".join(_sections(Lesson, "", level=3))
    return HEAD + recipe + FILTER_HEAD + filters + TEACHING_HEAD + lesson


def _sections(model: type[Section], path: str, *, level: int) -> Iterator[str]:
    """The table of a section, then those of the sections in it."""
    title = f"`{path}`" if path else f"The {model.__name__.casefold()} itself"
    yield f"\n{'#' * level} {title}\n\n{_flat(inspect.getdoc(model) or '')}\n{_TABLE}"
    inner: dict[str, type[Section]] = {}
    for name, field in model.model_fields.items():
        section = _section_in(field.annotation)
        about = inspect.getdoc(section) if section is not None else ""
        yield _row(name, _values(field), _default(field), field.description or about or "")
        if section is not None:
            inner[f"{path}.{name}".lstrip(".")] = section
    for name, section in inner.items():
        if name != "adapt.remix" or model is Lesson:
            yield from _sections(section, name, level=level)
        else:
            yield f"\n{'#' * level} `{name}`\n\nThe settings of [`remix`](#remix).\n"


def _filter(name: str, kind: type[Any]) -> str:
    about = _flat(inspect.getdoc(kind) or "")
    said = _field_docs(kind)
    rows = []
    for field in dataclasses.fields(kind):
        hidden = field.name.startswith("_") or field.name in _NOT_IN_RECIPES.get(name, ())
        if not field.init or hidden or (name, field.name) == ("private", "seed"):
            continue
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        if (name, field.name) == ("unleaked", "texts"):
            rows.append(_row("against", "list of text", "the sets of `evaluate`", _AGAINST))
            continue
        shown = _shown(list(default) if isinstance(default, tuple) else default)
        rows.append(_row(field.name, _filter_kind(default), shown, said.get(field.name, "")))
    return f"\n### `{name}`\n\n{about}\n" + (_TABLE + "".join(rows) if rows else "")


def _filter_kind(default: object) -> str:
    if isinstance(default, tuple):
        return "list of text"
    return "mapping" if isinstance(default, dict) else _KINDS[type(default)]


def _field_docs(kind: type[Any]) -> dict[str, str]:
    """Field -> the string under it, which a dataclass does not keep."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(field.target, ast.Name)
            if isinstance(below.value, ast.Constant):
                found[field.target.id] = str(below.value.value)
    return found


def _row(name: str, values: str, default: str, meaning: str) -> str:
    cells = (f"`{name}`", _flat(meaning), default, values)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _values(field: FieldInfo) -> str:
    """Which values a setting takes, with its bounds."""
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in _BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: object) -> str:
    """An annotation in plain words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation == Filters:
        return "list of filters"
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is list:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"mapping of {_kind(inner[0])} to {_kind(inner[1])}"
    if inner:
        return " or ".join("null" if part is NoneType else _kind(part) for part in inner)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return "task type"
    return _KINDS[annotation]  # type: ignore[index]  # one of ours or a failing test


def _default(field: FieldInfo) -> str:
    """The default as YAML; where it is a section, its own table says it."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "must be given"
    return "see below" if isinstance(value, Section) else _shown(value)


def _shown(value: object) -> str:
    """A value as a recipe would hold it."""
    if value == "":
        return "empty"
    if isinstance(value, list):
        value = [str(one) if isinstance(one, StrEnum) else one for one in value]
    if isinstance(value, float):
        value = float(f"{value:.3g}")
    dumped = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    bare = dumped.removesuffix("...\n").strip()
    return f"`{bare}`"


def _section_in(annotation: object) -> type[Section] | None:
    """The one section that a field holds, however deep in lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section_in(part) for part in get_args(annotation))
    return next((section for section in found if section), None)


def _flat(text: str) -> str:
    """Paragraphs kept, lines joined; a table cell holds one paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
