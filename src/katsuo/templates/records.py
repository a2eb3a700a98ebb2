"""What does a row say to a template, and how little of it has to be worked out?

A source may add dozens of names to the columns of its rows (`let`), and a template uses a few of
them. Each is worked out when it is first asked for, and once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from katsuo.templates import language
from katsuo.types import Flaw

CONTEXT: Final = "context"
"""The name under which templates find the passage."""
_NOTHING: Final = object()
"""Stands for a name that a record has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row as templates see it; what `let` adds is worked out when somebody asks for it."""

    id: str
    """Digest of the source's name and the row."""
    context: str
    """The passage, outer white space off."""
    document_id: str
    """The same for all records that a split must not part."""
    columns: Mapping[str, object]
    let: Mapping[str, str]
    known: dict[str, object] = field(default_factory=dict)
    """What has been worked out."""

    def named(self, names: frozenset[str]) -> dict[str, object] | Flaw:
        """The values of `names`, as many as the record has, or why one of them fails."""
        found: dict[str, object] = {language.SEED_NAME: self.columns[language.SEED_NAME]}
        for name in names:
            if name == CONTEXT:
                found[name] = self.context
                continue
            value = _lookup(name, self.columns, self.let, self.known)
            if isinstance(value, Flaw):
                return value
            if value is not _NOTHING:
                found[name] = value
        return found


def evaluated(expression: str, record: Record) -> object:
    """What an expression gives for `record`, or a `Flaw` where it or a name in it fails."""
    names = record.named(language.names_in_expression(expression))
    return names if isinstance(names, Flaw) else language.evaluate(expression, names)


def _lookup(
    name: str, columns: Mapping[str, object], let: Mapping[str, str], known: dict[str, object]
) -> object:
    """The value of `name`: what `let` says of it, or the column; a `Flaw` where it fails."""
    if name not in let:
        return columns.get(name, _NOTHING)
    if name not in known:
        # An expression sees the names above it; its own name and those below are columns to it.
        above = dict(islice(let.items(), list(let).index(name)))
        known[name] = worked_out(let[name], columns, above, known)
    return known[name]


def worked_out(
    expression: str,
    columns: Mapping[str, object],
    let: Mapping[str, str],
    known: dict[str, object],
) -> object:
    """What an expression gives for `columns` and what `let` adds to them, or a `Flaw`."""
    names: dict[str, object] = {language.SEED_NAME: columns[language.SEED_NAME]}
    for name in language.names_in_expression(expression):
        value = _lookup(name, columns, let, known)
        if isinstance(value, Flaw):
            return value
        if value is not _NOTHING:
            names[name] = value
    return language.evaluate(expression, names)
