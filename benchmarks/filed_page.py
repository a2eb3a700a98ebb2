"""The Markdown page of a filed result: figures that have the same parts stand in one table.

name -> 3.1                                   a row of "figure | value"
name -> {"precision": {...}, "tasks/s": 12}   a row of a table with a column for each part
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_MOST_COLUMNS = 7
"""A wider table of a few figures is turned: its parts become the rows."""
_WHOLE = 1000
"""From here on a number is told without what stands behind the point."""

_NUMBER = re.compile(r"(?:[-+]?\d[\d.]*(?: \([^)]*\))?|n \d+|)")
"""A cell of a column that stands at the right; without anything in it, it decides nothing."""

_KEY = (
    "In brackets: of a share or an AUC its 95 % interval, of anything else the smallest and the "
    "largest of n, around the median.\n\n"
)


class _Table(NamedTuple):
    """Figures that stand together; without `parts` each has one value."""

    parts: list[str]
    rows: dict[str, Any]


def origin(stated: Mapping[str, Any]) -> str:
    """The lines of a page that say how and where its figures came about."""
    facts = stated["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    return (
        f"Commit {stated['commit']}, {stated['date']}. Command: `{stated['command']}`.\n"
        f"Machine: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
        f"Python {facts['python']}; {versions}.\n"
    )


def page(theme: str, filed: Mapping[str, Any]) -> str:
    """The whole page of a result as it is filed in JSON.

    Args:
        theme: The heading.
        filed: With `figures`, `reading`, the facts of `origin`, and, where the names of figures
            have several parts (`well_formed: echo`), what these are in `names`.
    """
    names = filed.get("names", ["figure"])
    tables = "\n".join(_drawn(table, names) for table in _tables(filed["figures"]))
    key = _KEY if "; n " in tables else ""
    return f"# {theme}\n\n{origin(filed)}\n{tables}\n{key}{filed['reading']}\n"


def _tables(figures: Mapping[str, Any]) -> list[_Table]:
    """Figures with mostly the same parts share a table; one that is like no other fills a cell."""
    every = {name: _parts(value) for name, value in figures.items()}
    tables: list[_Table] = []
    for name, value in figures.items():
        others = [parts for other, parts in every.items() if other != name]
        parts = every[name] if any(_alike(every[name], other) for other in others) else []
        table = next((one for one in tables if _alike(one.parts, parts)), None)
        if table is None:
            table = _Table([], {})
            tables.append(table)
        table.parts.extend(part for part in parts if part not in table.parts)
        table.rows[name] = value
    return tables


def _parts(value: object) -> list[str]:
    """Of a figure that is no single number, what it consists of."""
    if not isinstance(value, Mapping) or _spread(value) is not None:
        return []
    return list(map(str, value))


def _alike(some: Sequence[str], others: Sequence[str]) -> bool:
    if not some or not others:
        return not some and not others
    return 2 * len({*some} & {*others}) >= min(len(some), len(others))


def _drawn(table: _Table, names: Sequence[str]) -> str:
    if not table.parts:
        head = ["figure", "value"]
        rows = [[name, _cell(value)] for name, value in table.rows.items()]
    else:
        n_names = len(names)
        head = [*names, *table.parts]
        rows = [
            [*_split(name, n_names), *(_cell(value.get(part, "")) for part in table.parts)]
            for name, value in table.rows.items()
        ]
        if n_names == 1 and len(rows) < len(table.parts) > _MOST_COLUMNS:
            head, *rows = [list(column) for column in zip(head, *rows, strict=True)]
    ruler = [
        "---:" if all(map(_NUMBER.fullmatch, column)) else "---"
        for column in zip(*rows, strict=True)
    ]
    return "".join(map(_line, [head, ruler, *rows]))


def _split(name: str, number: int) -> list[str]:
    found = name.split(": ", number - 1)
    return [*found, *[""] * (number - len(found))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        told = _spread(value)
        return told or ", ".join(f"{key} {_cell(held)}" for key, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < _WHOLE else f"{value:.0f}"
    return str(value)


def _spread(value: Mapping[str, Any]) -> str | None:
    """A number with its interval or its range in words, if `value` is one."""
    match value:
        case {"value": middle, "low": low, "high": high, "n": n, **rest} if not rest:
            return f"{_cell(middle)} ({_cell(low)} to {_cell(high)}; n {n})"
        case {"median": middle, "min": low, "max": high, "n": n, **rest} if not rest:
            return f"{_cell(middle)} ({_cell(low)} to {_cell(high)}; n {n})"
        case {"n": n, **rest} if not rest:
            return f"n {n}"
    return None
