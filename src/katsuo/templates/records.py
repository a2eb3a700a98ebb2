"""What does a row say to a template, and how little of it has to be worked out?

A source may add dozens of names to the columns of its rows (`let`), and a template uses a few of
them. Each is worked out when it is first asked for, and once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from katsuo.templates import language
from katsuo.types import Flaw

CONTEXT: Final = "context"
"""The name under which templates find the passage."""
_NOTHING: Final = object()
"""Stands for a name that a record has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a row says: its columns, and what `let` adds to them, worked out when it is asked for.

    An expression of `let` sees the names above it; its own name and those below are columns to it.
    """

    columns: Mapping[str, object]
    let: Mapping[str, str]
    places: Mapping[str, int]
    """Name -> its place in `let`."""
    known: dict[str, object] = field(default_factory=dict)
    """Name -> what has been worked out."""

    def evaluated(self, expression: str, n_above: int | None = None) -> object:
        """What an expression gives, or a `Flaw` where it or a name in it fails.

        Args:
            expression: Of the source.
            n_above: So many names of `let` it may use; all where it is absent.
        """
        names: dict[str, object] = {language.SEED_NAME: self.columns[language.SEED_NAME]}
        for name in language.names_in_expression(expression):
            value = self.value(name, n_above)
            if isinstance(value, Flaw):
                return value
            if value is not _NOTHING:
                names[name] = value
        return language.evaluate(expression, names)

    def value(self, name: str, n_above: int | None = None) -> object:
        """The value of `name`: what `let` says of it, or the column; a `Flaw` where it fails."""
        place = self.places.get(name)
        if place is None or (n_above is not None and place >= n_above):
            return self.columns.get(name, _NOTHING)
        if name not in self.known:
            self.known[name] = self.evaluated(self.let[name], place)
        return self.known[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row as templates see it; what `let` adds is worked out when somebody asks for it."""

    id: str
    """Digest of the source's name and the row."""
    context: str
    """The passage, outer white space off."""
    document_id: str
    """The same for all records that a split must not part."""
    names: Names
    said: dict[str, object] = field(default_factory=dict)
    """Expression -> what it gave; several templates often have one condition."""

    def named(self, names: frozenset[str]) -> dict[str, object] | Flaw:
        """The values of `names`, as many as the record has, or why one of them fails."""
        seed = self.names.columns[language.SEED_NAME]
        found: dict[str, object] = {language.SEED_NAME: seed}
        for name in names:
            value = self.context if name == CONTEXT else self.names.value(name)
            if isinstance(value, Flaw):
                return value
            if value is not _NOTHING:
                found[name] = value
        return found


def evaluated(expression: str, record: Record) -> object:
    """What an expression gives for `record`, or a `Flaw` where it or a name in it fails."""
    if expression not in record.said:
        names = record.named(language.names_in_expression(expression))
        record.said[expression] = (
            names if isinstance(names, Flaw) else language.evaluate(expression, names)
        )
    return record.said[expression]
