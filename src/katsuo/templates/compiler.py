"""How does a row of an annotated dataset become an instruction and its response?

A source is one dataset and its meta-templates, written as YAML:

    source: super_glue/boolq     # name and subset as on the Hub
    data: boolq                  # folder of its Parquet splits
    splits: [train, validation]
    licence: CC BY-SA 3.0
    let: {claim: question | sentence}     # optional: further names, each an expression
    context: passage                      # the passage, an expression
    document: title                       # optional: what splits must not cut, an expression
    tier: restricted                      # optional: the licence allows no published model
    templates:
      - name: policy_check
        type: ynqa
        when: label in (0, 1)             # optional: an expression
        choices: ["No", "Yes"]            # the only responses; a list, or an expression
        voice: clerk                      # optional: one word for how it is put
        answerable: false                 # optional: the passage does not answer it
        book: closed                      # optional: the passage is not in the instruction
        unanswerable: not said            # optional: the response if the passage is another's
        instruction: "{{context}} ..."    # a text
        response: "{{ choices[label] }}"  # a text

Expressions and texts are those of `katsuo.templates.language`; they see the
row's columns by name (a hyphen becomes an underscore), then what `let` adds,
then `context`, then `choices`. What is wrong with a file is found when it is
loaded; what is wrong with a column, at the first row; what is wrong with a
row is a `Flaw`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias

from katsuo import seeds
from katsuo.errors import DataError
from katsuo.templates import language
from katsuo.templates.records import CONTEXT, Names, Record, evaluated
from katsuo.types import Flaw, TaskType, digest

Row: TypeAlias = Mapping[str, object]
"""One row of a dataset: its columns by name."""
PERMISSIVE: Final = "permissive"
TIERS: Final = (PERMISSIVE, "restricted")
"""What the licence of a source allows: a published model, or research alone."""
_CHOICES_NAMES: Final = ("choices", "answer_choices")
"""Under which templates find the choices; the second is promptsource's."""
_JSON: Final = json.JSONEncoder(sort_keys=True, default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A template filled in for one record."""

    instruction: str
    response: str
    choices: tuple[str, ...] = ()
    """The only responses, where the template names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One way to turn a record into a task."""

    name: str
    type: TaskType
    instruction: str
    response: str
    choices: tuple[str, ...] | str | None = None
    """The only responses: their words, or an expression that lists them."""
    listed: str | None = None
    """A text whose parts between `|||` are the only responses, as promptsource has it."""
    when: str | None = None
    voice: str = ""
    """One word for how it is put; empty where nobody said."""
    answerable: bool = True
    """Whether the passage answers what it asks."""
    book: str = "open"
    """`closed` where the passage does not stand in the instruction."""
    unanswerable: str = ""
    """The response where another passage takes the place of the record's; empty where none may."""

    def fits(self, record: Record) -> bool:
        """Whether the condition holds; one that fails counts, so that `fill` can tell."""
        return self.when is None or bool(evaluated(self.when, record))

    def fill(self, record: Record, instead: str | None = None) -> Filled | Flaw:
        """The instruction and the response for `record`, or why there are none.

        Args:
            record: The row.
            instead: Another passage, which does not answer: then the response is `unanswerable`.
        """
        names = record.named(_needs(self))
        if isinstance(names, Flaw) or (
            self.when and isinstance(evaluated(self.when, record), Flaw)
        ):
            return language.RENDER_FAILED
        if instead is not None:
            names[CONTEXT] = instead
        choices = self._choices(names)
        if isinstance(choices, Flaw):
            return choices
        names |= dict.fromkeys(_CHOICES_NAMES, choices) if choices else {}
        instruction = language.fill(self.instruction, names)
        response = language.fill(self.response, names) if instead is None else self.unanswerable
        if isinstance(instruction, Flaw) or isinstance(response, Flaw):
            return language.RENDER_FAILED
        filled = Filled(instruction=instruction, response=response, choices=tuple(choices))
        context = record.context if instead is None else instead
        reason = self._fault(filled, context, quoted=instead is None)
        return Flaw(reason=reason) if reason else filled

    def names_used(self) -> frozenset[str]:
        """The columns and other names that a record must have."""
        used = language.names_in_text(self.instruction) | language.names_in_text(self.response)
        if self.listed is not None:
            used |= language.names_in_text(self.listed)
        if self.choices is not None or self.listed is not None:
            used -= frozenset(_CHOICES_NAMES)
        for expression in (self.when, self.choices):
            if isinstance(expression, str):
                used |= language.names_in_expression(expression)
        return used

    def _choices(self, names: Mapping[str, object]) -> list[str] | Flaw:
        if self.listed is not None:
            text = language.fill(self.listed, names)
            return text if isinstance(text, Flaw) else [part.strip() for part in text.split("|||")]
        if not isinstance(self.choices, str):
            return list(self.choices or ())
        listed = language.evaluate(self.choices, names)
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            return language.RENDER_FAILED
        return [str(choice).strip() for choice in listed]

    def _fault(self, filled: Filled, context: str, *, quoted: bool) -> str | None:
        choices = filled.choices
        if not filled.response:
            return "response-empty"
        if choices and filled.response not in choices:
            return "response-not-in-choices"
        if len(set(choices)) < len(choices):
            return "choices-repeated"
        wanted = 0 if self.book == "closed" else 1
        if filled.instruction.count(context) != wanted or context in filled.response:
            # A generator would learn to write the passage where it should write about it.
            return "context-repeated"
        quotes = self.type.extractive and self.answerable and quoted
        if quotes and not language.quoted_from(filled.response, context):
            return "answer-not-in-context"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One annotated dataset and its meta-templates."""

    name: str
    """Name and subset as on the Hub."""
    data: str
    """Folder of its Parquet splits, below the folder of all sources."""
    splits: tuple[str, ...]
    licence: str
    context: str
    """An expression: the passage."""
    templates: tuple[Template, ...]
    tier: str = PERMISSIVE
    """`restricted` where the licence forbids or does not name a published model."""
    document: str | None = None
    """An expression: what a split must not cut; the passage where it is absent."""
    let: Mapping[str, str] = field(default_factory=dict)
    """Further names, each with its expression; one may use those above it."""
    by_type: Mapping[TaskType, tuple[Template, ...]] = field(init=False, repr=False, compare=False)
    """The templates of each type, in their order."""
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Name of `let` -> its place there."""

    def __post_init__(self) -> None:
        by_type: dict[TaskType, tuple[Template, ...]] = {}
        for template in self.templates:
            by_type[template.type] = (*by_type.get(template.type, ()), template)
        object.__setattr__(self, "by_type", by_type)
        object.__setattr__(self, "_places", {name: n for n, name in enumerate(self.let)})

    def id_of(self, row: Row) -> str:
        """The id of the record that `row` states."""
        return digest(self.name, _JSON.encode(row))

    def read(self, row: Row, seed: int) -> Record | Flaw:
        """The record that `row` states, or why it states none."""
        id_ = self.id_of(row)
        columns = _by_name(row) | {language.SEED_NAME: seeds.derive(seed, self.name, id_)}
        names = Names(columns=columns, let=self.let, places=self._places)
        context = names.evaluated(self.context)
        group = context if self.document is None else names.evaluated(self.document)
        if isinstance(context, Flaw) or isinstance(group, Flaw):
            return language.RENDER_FAILED
        passage = str(context).strip()
        if not passage:
            return Flaw(reason="context-empty")
        # The passage alone names its document, so that datasets which share it share a split.
        parts = (passage,) if self.document is None else (self.name, str(group))
        return Record(
            id=id_,
            context=passage,
            document_id=digest("remix", *parts),
            names=names,
        )

    def check(self, row: Row) -> None:
        """See that `row` has every column that the source and its templates name.

        Raises:
            DataError: If one is missing; names the source, the template and the columns found.
        """
        known = set(_by_name(row))
        for key, expression in (*self.let.items(), *self._own()):
            self._check(key, language.names_in_expression(expression) - known, row)
            known |= {key} if key in self.let else set()
        for template in self.templates:
            missing = template.names_used() - known - {"context"}
            self._check(f"template {template.name}", missing, row)

    def _own(self) -> list[tuple[str, str]]:
        own = {"context": self.context, "document": self.document}
        return [(key, expression) for key, expression in own.items() if expression is not None]

    def _check(self, where: str, missing: frozenset[str], row: Row) -> None:
        if missing:
            raise DataError(
                f"{self.name}, {where}: no column {', '.join(sorted(missing))} in the data; "
                f"found {', '.join(sorted(row))}"
            )


def _by_name(row: Row) -> dict[str, Any]:
    return {column.replace("-", "_"): value for column, value in row.items()}


@cache
def _needs(template: Template) -> frozenset[str]:
    return frozenset(template.names_used())
