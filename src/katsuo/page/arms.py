"""What is each arm called on the page, in which order do they stand, and what sets them apart?

as it was, with examples, plain reading, your tasks, arms of the user's own
controls       other text, human-written
fewer tasks    50 tasks, 100 tasks …
other sources  from contracts, from policies …
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

ARMS: Final[Mapping[str, str]] = {
    "zero_shot": "as it was",
    "few_shot": "with examples",
    "tapt": "plain reading",
    "tasks": "your tasks",
    "tasks_elsewhere": "other text",
    "remix_only": "human-written",
}
"""Arm -> its short name on the page, in the order of drawing."""

CONTROLS: Final = ("tasks_elsewhere", "remix_only")
"""Arms that learned the form of tasks without learning from the user's text."""

GAINS: Final[Mapping[str, str]] = {
    "tasks-zero_shot": "Your tasks, against the model as it was",
    "tapt-zero_shot": "Plain reading, against the model as it was",
    "tasks-tapt": "Your tasks, against plain reading",
    "tasks-tasks_elsewhere": "Your tasks, against tasks from other text",
    "tasks-remix_only": "Your tasks, against human-written tasks",
    "tasks-few_shot": "Your tasks, against worked examples in the prompt",
}
"""Gain -> its title on the page, in the order of drawing."""

MEAN: Final = "mean"
"""The name under which an arm may state its mean over sets."""

_SIZE: Final = re.compile(r"tasks_(\d+)")
_SOURCE: Final = re.compile(r"tasks@(.+)")


class Family(IntEnum):
    """Arms that are drawn together, in the order of drawing."""

    MAIN = 0
    CONTROL = 1
    SIZE = 2
    SOURCE = 3


FAMILY_NAMES: Final[Mapping[Family, str]] = {
    Family.MAIN: "",
    Family.CONTROL: "controls",
    Family.SIZE: "fewer tasks",
    Family.SOURCE: "tasks of one source, asked everywhere",
}
"""What stands above the arms of a family."""


def set_names(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The evaluation sets in the order of their first appearance, without the mean."""
    names = dict.fromkeys(name for sets in arms.values() for name in sets)
    return [name for name in names if name != MEAN]


def ordered(arms: Iterable[str]) -> list[str]:
    """The arms that were run, family by family: known ones first, sizes from small to large."""
    held = list(arms)
    known = [*(arm for arm in ARMS if arm in held), *(arm for arm in held if arm not in ARMS)]
    return sorted(known, key=lambda arm: (family(arm), n_tasks(arm) or 0))


def family(arm: str) -> Family:
    """Where an arm belongs.

    >>> family("tasks"), family("tasks_50"), family("tasks@leases")
    (<Family.MAIN: 0>, <Family.SIZE: 2>, <Family.SOURCE: 3>)
    """
    if arm in CONTROLS:
        return Family.CONTROL
    if n_tasks(arm) is not None:
        return Family.SIZE
    return Family.MAIN if source(arm) is None else Family.SOURCE


def n_tasks(arm: str) -> int | None:
    """The number of tasks that an arm such as `tasks_400` is named for."""
    found = _SIZE.fullmatch(arm)
    return int(found[1]) if found else None


def source(arm: str) -> str | None:
    """Where the tasks of an arm such as `tasks@leases` come from."""
    found = _SOURCE.fullmatch(arm)
    return found[1] if found else None


def arm_label(arm: str) -> str:
    """The arm's short name; an unknown arm keeps its own.

    >>> arm_label("tasks"), arm_label("tasks_1600"), arm_label("tasks@leases"), arm_label("mine")
    ('your tasks', '1,600 tasks', 'from leases', 'mine')
    """
    size, where = n_tasks(arm), source(arm)
    if size is not None:
        return f"{size:,} tasks"
    return f"from {where}" if where is not None else ARMS.get(arm, arm)


def tone(arm: str) -> str:
    """CSS classes that give an arm its colour; one of a study's domains has its arm's.

    >>> tone("tasks"), tone("leases/tasks"), tone("tasks_50"), tone("mine")
    ('arm-tasks', 'arm-tasks', 'arm-size', 'arm-other')
    """
    name = arm.rpartition("/")[2]
    if name in ARMS:
        return f"arm-{name} control" if name in CONTROLS else f"arm-{name}"
    return {Family.SIZE: "arm-size", Family.SOURCE: "arm-source"}.get(family(name), "arm-other")
