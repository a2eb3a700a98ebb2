"""Is this YAML file a source?

Everything that can be wrong without data is found here, and said with the
file, the template and what would do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import jinja2

from katsuo import notation
from katsuo.errors import RecipeError
from katsuo.templates import language
from katsuo.templates.compiler import PERMISSIVE, TIERS, Source, Template
from katsuo.types import TaskType

Entries: TypeAlias = Mapping[str, object]

_SLOT: Final = re.compile(r"\{\{-?\s*context\s*-?\}\}")
_SOURCE_KEYS: Final = ("source", "data", "splits", "licence", "context", "templates")
_SOURCE_EXTRAS: Final = ("let", "document", "tier")
_TEMPLATE_KEYS: Final = ("name", "type", "instruction", "response")
_TEMPLATE_EXTRAS: Final = ("choices", "when", "voice", "answerable", "book", "unanswerable")
_BOOKS: Final = ("open", "closed")


def decode(text: str, place: str) -> Source:
    """The source that the YAML `text` of the file `place` states.

    Raises:
        RecipeError: If it states none; names the file, the template and the mend.
    """
    entries = _entries(notation.values(text, place), place, _SOURCE_KEYS, _SOURCE_EXTRAS)
    source = Source(
        name=_text(entries, "source", place),
        data=_text(entries, "data", place),
        splits=_texts(entries["splits"], f"{place}: splits"),
        licence=_text(entries, "licence", place),
        let=_let(entries.get("let", {}), place),
        context=_expression(entries, "context", place),
        document=_expression(entries, "document", place) if "document" in entries else None,
        tier=_tier(entries, place),
        templates=_templates(entries["templates"], place),
    )
    _unique([template.name for template in source.templates], place)
    return source


def _tier(entries: Entries, place: str) -> str:
    value = str(entries.get("tier", PERMISSIVE))
    if value not in TIERS:
        raise RecipeError(f"{place}: tier is {value!r}; it must be one of {', '.join(TIERS)}")
    return value


def _templates(value: object, place: str) -> tuple[Template, ...]:
    if not isinstance(value, list) or not value:
        raise RecipeError(f"{place}: templates is {value!r}; it must list at least one template")
    return tuple(_template(entry, f"{place}: template {n}") for n, entry in enumerate(value, 1))


def _template(value: object, place: str) -> Template:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        place = f"{place} ({value['name']})"
    entries = _entries(value, place, _TEMPLATE_KEYS, _TEMPLATE_EXTRAS)
    kind = _type(_text(entries, "type", place), place)
    choices = entries.get("choices")
    if kind.closed_choice and choices is None:
        raise RecipeError(f"{place}: a template of type {kind} needs choices; list its responses")
    template = Template(
        name=_text(entries, "name", place),
        type=kind,
        instruction=_text(entries, "instruction", place),
        response=_text(entries, "response", place),
        choices=choices if choices is None else _choices(choices, entries, place),
        when=_expression(entries, "when", place) if "when" in entries else None,
        voice=_text(entries, "voice", place) if "voice" in entries else "",
        answerable=_flag(entries, "answerable", place),
        book=_book(entries, place),
        unanswerable=_text(entries, "unanswerable", place) if "unanswerable" in entries else "",
    )
    if bool(_SLOT.search(template.instruction)) == (template.book == "closed"):
        raise RecipeError(
            f"{place}: the instruction has no {{{{context}}}}; put the passage in"
            if template.book == "open"
            else f"{place}: book is closed and the instruction has {{{{context}}}}; take it out"
        )
    if (
        template.unanswerable
        and isinstance(template.choices, tuple)
        and template.unanswerable not in template.choices
    ):
        raise RecipeError(
            f"{place}: unanswerable is {template.unanswerable!r}, which is none of the choices; "
            "add it to them"
        )
    _parses(template.names_used, place)
    return template


def _flag(entries: Entries, key: str, place: str) -> bool:
    value = entries.get(key, True)
    if not isinstance(value, bool):
        raise RecipeError(f"{place}: {key} is {value!r}; it must be true or false")
    return value


def _book(entries: Entries, place: str) -> str:
    value = str(entries.get("book", "open"))
    if value not in _BOOKS:
        raise RecipeError(f"{place}: book is {value!r}; it must be one of {', '.join(_BOOKS)}")
    return value


def _choices(value: object, entries: Entries, place: str) -> tuple[str, ...] | str:
    if isinstance(value, str):
        return _expression(entries, "choices", place)
    return _texts(value, f"{place}: choices")


def _type(name: str, place: str) -> TaskType:
    try:
        return TaskType.named(name)
    except RecipeError as error:
        raise RecipeError(f"{place}: {error}") from error


def _let(value: object, place: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{place}: let is {value!r}; it must map names to expressions")
    return {str(name): _expression(value, str(name), f"{place}: let") for name in value}


def _entries(
    value: object, place: str, needed: Sequence[str], extras: Sequence[str]
) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{place}: found {value!r}; it must map keys to values")
    known = f"the keys are {', '.join((*needed, *extras))}"
    if unknown := [str(key) for key in value if key not in (*needed, *extras)]:
        raise RecipeError(f"{place}: unknown key {', '.join(unknown)}; {known}")
    if missing := [key for key in needed if key not in value]:
        raise RecipeError(f"{place}: no {', '.join(missing)}; {known}")
    return value


def _text(entries: Entries, key: str, place: str) -> str:
    value = entries[key]
    if not isinstance(value, str) or not value.strip():
        raise RecipeError(f"{place}: {key} is {value!r}; it must be a text (quote it if need be)")
    return value


def _texts(value: object, place: str) -> tuple[str, ...]:
    # YAML reads a bare Yes as true, which would be the word "True" later on.
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise RecipeError(f"{place} is {value!r}; it must list texts (quote words such as Yes)")
    return tuple(value)


def _expression(entries: Entries, key: str, place: str) -> str:
    expression = _text(entries, key, place)
    _parses(lambda: language.names_in_expression(expression), f"{place}: {key}")
    return expression


def _parses(names: Callable[[], object], place: str) -> None:
    try:
        names()
    except jinja2.TemplateSyntaxError as error:
        raise RecipeError(f"{place}: Jinja cannot read it: {error.message}") from error


def _unique(names: Sequence[str], place: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RecipeError(f"{place}: two templates are called {', '.join(twice)}")
