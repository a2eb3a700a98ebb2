"""What is a training set made of? Counted while its rows are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from katsuo.road.trip import Counts
from katsuo.scoring.roles import role_of
from katsuo.stages.remix import UNREADABLE
from katsuo.store import tables
from katsuo.templates.compiler import Source
from katsuo.types import Dropped, Task

Put = Callable[[Mapping[str, Any]], None]


class Tally:
    """Counts of a remix, by source, type, template, licence and label."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.counts = Counts(unit="task")
        self.unread: dict[str, str] = {}
        """Source -> why it was left out."""
        self._licences = {source.name: source.licence for source in sources}
        self._tiers = {source.name: source.tier for source in sources}
        self._made: dict[str, Counter[str]] = {
            name: Counter() for name in ("source", "type", "template", "licence", "tier")
        }
        self._labels: dict[str, Counter[str]] = {}
        self._chars: Counter[str] = Counter()

    def keep(self, task: Task, put: Put) -> None:
        """Write a task, and count it."""
        put(tables.task_row(task))
        self.counts.keep()
        self._count(task, 1)

    def drop(self, line: Dropped, put: Put) -> None:
        """Write a ledger line, and count it."""
        put(tables.dropped_row(line))
        self.counts.drop([line])
        if line.reason == UNREADABLE:
            self.unread[line.item_id] = line.excerpt

    def take_back(self, task: Task, line: Dropped, put: Put) -> None:
        """Write the ledger line of a task that was counted before."""
        self.counts.passed -= 1
        self.counts.arrived -= 1
        self._count(task, -1)
        self.drop(line, put)

    def _count(self, task: Task, one: int) -> None:
        source = task.origin.generator.rpartition("/")[0]
        for name, value in (
            ("source", source),
            ("type", task.type.value),
            ("template", task.origin.generator),
            ("licence", self._licences.get(source, "")),
            ("tier", self._tiers.get(source, "")),
        ):
            self._made[name][value] += one
        if task.type.labelled:
            labels = self._labels.setdefault(task.type.value, Counter())
            labels[role_of(task.response)] += one
        self._chars["passage"] += one * len(task.context)
        self._chars["response"] += one * len(task.response)
        self._chars["unanswerable"] += one * (not task.answerable)

    @property
    def card(self) -> dict[str, Any]:
        """All of it, in values that JSON knows."""
        n = max(1, self.counts.passed)
        return {
            "counts": self.counts.facts,
            **{f"by_{name}": _sorted(counts) for name, counts in self._made.items()},
            "labels": {kind: _sorted(counts) for kind, counts in sorted(self._labels.items())},
            "mean_chars": {name: round(self._chars[name] / n) for name in ("passage", "response")},
            "unanswerable": self._chars["unanswerable"],
            "left_out": self.unread,
            "licences": self._licences,
        }


def summary(card: Mapping[str, Any], path: Path) -> str:
    """The card of a remix in some lines for a person; `path` is where all of it lies."""
    counts = card["counts"]
    n_dropped = counts["arrived"] - counts["passed"]
    lines = [f"{counts['passed']} rows, {n_dropped} dropped"]
    for title, numbers in (
        ("by type", card["by_type"]),
        ("by source", card["by_source"]),
        ("dropped by reason", counts["dropped"]),
    ):
        lines += ["", title, *_table(numbers)]
    lines += [f"  left out  {name}: {why}" for name, why in card["left_out"].items()]
    n_licences, n_sources = len(card["by_licence"]), len(card["by_source"])
    lines += ["", f"licences    {n_licences}, of {n_sources} sources ({card['tier']})"]
    lines += [f"card        {path}"]
    return "\n".join(lines)


def _table(numbers: Mapping[str, int]) -> Iterator[str]:
    """A line each, the largest first."""
    for name, n in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        yield f"{n:>9}  {name}"


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: n for name, n in sorted(counts.items()) if n}
