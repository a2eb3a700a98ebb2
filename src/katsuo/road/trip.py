"""What every stage of a run shares: the recipe, the folder, the counts and the clock."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from katsuo.mending import WAYS
from katsuo.own import named
from katsuo.sections import Recipe
from katsuo.store.runs import Run, StageFolder
from katsuo.types import Dropped, Task, digest
from katsuo.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """How far a stage has come, for whoever watches."""

    stage: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    kept: int = 0
    dropped: int = 0
    seconds: float = 0.0
    """Of work in this process; 0 where nothing had to be done."""
    note: str = ""
    """A line worth reading once, such as a loss or that the stage was done already."""
    finished: bool = False


Listener = Callable[[Event], None]


@dataclass(slots=True)
class Counts:
    """A stage's ledger in numbers: arrived = passed + dropped."""

    unit: str
    arrived: int = 0
    passed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    mended: dict[str, Counter[str]] = field(default_factory=dict)
    """Type -> way -> drafts of those that passed that were mended so."""

    def keep(self, number: int = 1) -> None:
        """Count what passed."""
        self.arrived += number
        self.passed += number

    def mend(self, tasks: Iterable[Task]) -> None:
        """Count which of `tasks` were mended, and how."""
        for task in tasks:
            for way in WAYS:
                if way in task.scores:
                    self.mended.setdefault(named(task), Counter())[way] += 1

    def drop(self, lines: Iterable[Dropped]) -> None:
        """Count ledger lines."""
        for line in lines:
            self.arrived += 1
            self.dropped[line.reason] += 1

    def add(self, facts: Mapping[str, Any]) -> None:
        """Count what a cell has counted."""
        self.arrived += facts["arrived"]
        self.passed += facts["passed"]
        self.dropped.update(facts["dropped"])
        for kind, ways in facts.get("mended", {}).items():
            self.mended.setdefault(kind, Counter()).update(ways)

    @property
    def facts(self) -> dict[str, Any]:
        """For a manifest; reasons by name, so that the bytes do not depend on their order."""
        assert self.arrived == self.passed + self.dropped.total(), f"{self.unit}: the ledger leaks"
        mended = {kind: dict(sorted(ways.items())) for kind, ways in sorted(self.mended.items())}
        return {
            "unit": self.unit,
            "arrived": self.arrived,
            "passed": self.passed,
            "dropped": dict(sorted(self.dropped.items())),
            **({"mended": mended} if mended else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One journey over the road."""

    recipe: Recipe
    run: Run
    listen: Listener

    def stage(self, verb: str, key: str, work: Callable[[StageFolder], dict[str, Any]]) -> None:
        """Do `work` in the folder of `verb`, unless it is done under this `key`; manifest last.

        `work` returns the facts of its manifest; `seconds` and `peak_mib` in them count
        where work of earlier processes was found done.
        """
        folder = self.run.stage(verb)
        if folder.is_done(key):
            counts = folder.manifest.get("counts", {})
            self.listen(_finished(verb, counts, 0.0, "done already"))
            return
        folder.begin()
        reset_peak()
        began = time.monotonic()
        facts = work(folder)
        seconds = round(time.monotonic() - began, 3)
        clock = {
            "seconds": max(seconds, facts.pop("seconds", 0.0)),
            "peak_mib": max(peak_mib(), facts.pop("peak_mib", 0.0)),
        }
        stated = {"katsuo": VERSION, "key": key, "seed": self.recipe.seed}
        folder.finish({**stated, **facts, **clock})
        self.listen(_finished(verb, facts.get("counts", {}), seconds, facts.get("note", "")))

    def manifest(self, verb: str) -> dict[str, Any]:
        """The manifest of a finished stage."""
        return self.run.stage(verb).manifest


def key_of(*parts: object) -> str:
    """One key for inputs and settings: the version of katsuo, and `parts` as JSON."""
    return digest(VERSION, *(json.dumps(part, sort_keys=True) for part in parts))


def reset_peak() -> None:
    """Begin to measure peak memory anew, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak is the process's, which is stated in the docs


def peak_mib() -> float:
    """Peak resident memory in MiB since `reset_peak`."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _finished(verb: str, counts: Mapping[str, Any], seconds: float, note: str) -> Event:
    return Event(
        stage=verb,
        done=counts.get("arrived", 0),
        total=counts.get("arrived", 0),
        unit=counts.get("unit", ""),
        kept=counts.get("passed", 0),
        dropped=sum(counts.get("dropped", {}).values()),
        seconds=seconds,
        note=note,
        finished=True,
    )
