"""Which tasks are asked for, and which come before and behind one of them?

What is asked stands in the address of a page, so a page can be opened again, and in two tabs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from katsuo.review.index import FATES

PAGE_ROWS: Final = 50
MINE: Final = ("undecided", "kept", "dropped", "edited")
"""What I decided."""
_MOST_OFFERED: Final = 200
"""Documents that the form names; any other can be typed."""
_JOINED: Final = (
    "FROM rows LEFT JOIN decided.decisions AS mine "
    "ON mine.task_id = rows.id AND mine.draft = rows.draft "
    "AND (mine.verdict <> '' OR mine.instruction IS NOT NULL) "
)
_COLUMNS: Final = "SELECT rows.*, mine.verdict AS verdict, mine.instruction IS NOT NULL AS is_edit "
_MINE_SQL: Final = {
    "undecided": "mine.task_id IS NULL AND rows.fate <> 'no task'",
    "kept": "mine.verdict = 'keep'",
    "dropped": "mine.verdict = 'drop'",
    "edited": "mine.instruction IS NOT NULL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list is to show; empty is everything."""

    document: str = ""
    """Any part of its name."""
    kind: str = ""
    fate: str = ""
    reason: str = ""
    mine: str = ""
    least: float | None = None
    """Of the score, the product of what all filters measured."""
    most: float | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Wanted:
        """As the words of an address say; what they should not say is passed over."""
        return cls(
            document=asked.get("document", "").strip(),
            kind=asked.get("kind", ""),
            fate=_among(asked.get("fate", ""), FATES),
            reason=asked.get("reason", ""),
            mine=_among(asked.get("mine", ""), MINE),
            least=_number(asked.get("least", "")),
            most=_number(asked.get("most", "")),
        )

    @property
    def query(self) -> str:
        """The words of an address that say this."""
        held = {name: getattr(self, name) for name in Wanted.__slots__}
        return urlencode({name: value for name, value in held.items() if value not in ("", None)})

    @property
    def sql(self) -> tuple[str, list[Any]]:
        """A condition on rows, and its values."""
        parts: list[str] = []
        values: list[Any] = []
        for condition, value in (
            ("instr(lower(rows.source), lower(?)) > 0", self.document),
            ("rows.kind = ?", self.kind),
            ("rows.fate = ?", self.fate),
            ("rows.reason = ?", self.reason),
            ("rows.score >= ?", self.least),
            ("rows.score <= ?", self.most),
        ):
            if value not in ("", None):
                parts.append(condition)
                values.append(value)
        if self.mine:
            parts.append(_MINE_SQL[self.mine])
        return " AND ".join(parts) or "1", values


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list."""

    rows: list[sqlite3.Row]
    total: int
    """Rows on all pages together."""
    number: int
    """Of this page, from 1."""
    n_pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The rows around one, among those that are asked for."""

    before: str | None
    behind: str | None
    number: int
    """How many stand up to it, with it."""
    total: int


def page(database: sqlite3.Connection, wanted: Wanted, number: int) -> Page:
    """The page `number` of what is wanted; the last one where there are fewer."""
    condition, values = wanted.sql
    (total,) = database.execute(f"SELECT COUNT(*) {_joined(wanted)}WHERE {condition}", values)
    n_pages = max(1, -(-total[0] // PAGE_ROWS))
    number = min(max(1, number), n_pages)
    places = database.execute(
        f"SELECT rows.place {_joined(wanted)}WHERE {condition} "
        "ORDER BY rows.place LIMIT ? OFFSET ?",
        [*values, PAGE_ROWS, (number - 1) * PAGE_ROWS],
    )
    held = [row["place"] for row in places]
    marks = ", ".join("?" * len(held))
    rows = database.execute(
        f"{_COLUMNS}{_JOINED}WHERE rows.place IN ({marks}) ORDER BY rows.place", held
    )
    return Page(rows=list(rows), total=total[0], number=number, n_pages=n_pages)


def row(database: sqlite3.Connection, id_: str) -> sqlite3.Row | None:
    """The row with this id."""
    found: sqlite3.Row | None = database.execute(
        f"{_COLUMNS}{_JOINED}WHERE rows.id = ?", [id_]
    ).fetchone()
    return found


def neighbours(database: sqlite3.Connection, wanted: Wanted, place: int) -> Neighbours:
    """Who stands around `place`, whether or not it is itself among what is wanted."""
    condition, values = wanted.sql
    tail = f"{_joined(wanted)}WHERE {condition} AND rows.place"
    before = database.execute(
        f"SELECT rows.id {tail} < ? ORDER BY rows.place DESC LIMIT 1", [*values, place]
    ).fetchone()
    behind = database.execute(
        f"SELECT rows.id {tail} > ? ORDER BY rows.place LIMIT 1", [*values, place]
    ).fetchone()
    (number,) = database.execute(f"SELECT COUNT(*) {tail} <= ?", [*values, place]).fetchone()
    (more,) = database.execute(f"SELECT COUNT(*) {tail} > ?", [*values, place]).fetchone()
    return Neighbours(
        before=before["id"] if before else None,
        behind=behind["id"] if behind else None,
        number=number,
        total=number + more,
    )


def offered(database: sqlite3.Connection) -> dict[str, list[str]]:
    """What a form may offer: documents, types, reasons."""
    return {
        "documents": _distinct(database, "source"),
        "kinds": _distinct(database, "kind"),
        "reasons": _distinct(database, "reason"),
    }


def _distinct(database: sqlite3.Connection, column: str) -> list[str]:
    """The first values of a column; each is one step in its index."""
    found: list[str] = []
    last = ""
    while len(found) < _MOST_OFFERED:
        step = database.execute(f"SELECT MIN({column}) FROM rows WHERE {column} > ?", [last])
        (value,) = step.fetchone()
        if value is None:
            break
        found.append(value)
        last = value
    return found


def _joined(wanted: Wanted) -> str:
    return _JOINED if wanted.mine else "FROM rows "


def _among(word: str, known: tuple[str, ...]) -> str:
    return word if word in known else ""


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
