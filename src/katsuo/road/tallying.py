"""What the manifest of `curate` says beside its counts: labels before and after, and leaks.

drafts ─before─▶ labels ◀─after─ what is kept
dropped by unleaked ─▶ set, document ─▶ tasks, and how they ask what it asks
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from katsuo.filters.balanced import has_lasting_labels
from katsuo.filters.unleaked import Leak, Unleaked
from katsuo.scoring.roles import role_of
from katsuo.types import Dropped, Task

_NAMED: Final = 50
"""Most documents that the manifest names, the most often asked first."""
_FEWEST: Final = 0.01
"""Roles with a smaller share of their type's drafts are told together, as `other`."""


class Tally:
    """Counts while a set is curated."""

    def __init__(self, parts: Iterable[tuple[str, object]]) -> None:
        self._unleaked = {name: part for name, part in parts if isinstance(part, Unleaked)}
        self._before: Counter[tuple[str, str]] = Counter()
        self._after: Counter[tuple[str, str]] = Counter()
        self._leaks: dict[tuple[str, str], list[Leak]] = {}

    def arrived(self, tasks: Sequence[Task], lines: Sequence[Dropped]) -> None:
        """Count the drafts of a shard, and look up what the dropped ones leaked."""
        self._before.update(
            (task.type.value, role_of(task.response))
            for task in tasks
            if has_lasting_labels(task.type.value)
        )
        gone = {line.item_id: line.by for line in lines if line.by in self._unleaked}
        for task in (each for each in tasks if each.id in gone):
            leak = self._unleaked[gone[task.id]].leak(task)
            assert leak is not None, "what was dropped for a leak has one"
            self._leaks.setdefault((leak.set, leak.document), []).append(leak)

    def kept(self, types: Iterable[str], responses: Iterable[str]) -> None:
        """Count what is written of a shard."""
        rows = zip(types, responses, strict=True)
        self._after.update((kind, role_of(said)) for kind, said in rows if has_lasting_labels(kind))

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest; without a leak, or without a label, nothing of it."""
        labels = self._labels()
        leaks = [_row(*key, found) for key, found in self._leaks.items()]
        leaks.sort(key=lambda row: (-row["tasks"], row["set"], row["document"]))
        return {
            **({"labels": labels} if labels else {}),
            **({"leaks": leaks[:_NAMED]} if leaks else {}),
        }

    def _labels(self) -> dict[str, dict[str, dict[str, int]]]:
        found: dict[str, dict[str, dict[str, int]]] = {}
        for kind in sorted({kind for kind, _ in self._before}):
            total = sum(n for (each, _), n in self._before.items() if each == kind)
            rows: dict[str, Counter[str]] = {}
            for (each, role), n in sorted(self._before.items()):
                if each == kind:
                    shown = role if n >= _FEWEST * total else "other"
                    row = rows.setdefault(shown, Counter())
                    row.update(before=n, after=self._after[kind, role])
            found[kind] = {role: dict(row) for role, row in rows.items()}
        return found


def _row(name: str, document: str, leaks: Sequence[Leak]) -> dict[str, Any]:
    return {
        "set": name,
        "document": document,
        "tasks": len(leaks),
        "ways": dict(sorted(Counter(leak.way for leak in leaks).items())),
        "most_overlap": round(max(leak.overlap for leak in leaks), 3),
    }
