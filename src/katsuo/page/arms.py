"""Which rows do the score charts show? From the report's arms and gains to groups of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from katsuo.page.charts import Group, Row
from katsuo.page.estimates import Estimate, Verdict
from katsuo.page.quantities import finite, points, signed

ARMS: Final[Mapping[str, str]] = {
    "zero_shot": "as it was",
    "tapt": "plain reading",
    "tasks": "your tasks",
    "tasks_elsewhere": "other text",
}
"""Arm -> its short name on the page, in the order of drawing."""

GAINS: Final[Mapping[str, str]] = {
    "tasks-zero_shot": "Your tasks, against the model as it was",
    "tapt-zero_shot": "Plain reading, against the model as it was",
    "tasks-tapt": "Your tasks, against plain reading",
    "tasks-tasks_elsewhere": "Your tasks, against tasks from other text",
}
"""Gain -> its title on the page, in the order of drawing."""

MEAN: Final = "mean"
"""The name under which an arm may state its mean over sets."""

_TONES: Final = {
    Verdict.RAISED: "good",
    Verdict.LOWERED: "bad",
}


def set_names(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The evaluation sets in the order of their first appearance, without the mean."""
    names = dict.fromkeys(name for sets in arms.values() for name in sets)
    return [name for name in names if name != MEAN]


def ordered(arms: Mapping[str, Any]) -> list[str]:
    """The arms that were run, known ones first and in the page's order."""
    return [arm for arm in ARMS if arm in arms] + [arm for arm in arms if arm not in ARMS]


def arm_label(arm: str) -> str:
    """The arm's short name; an unknown arm keeps its own."""
    return ARMS.get(arm, arm)


def score_groups(arms: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """One group for each set, each arm a row; the mean over several sets comes last."""
    names = set_names(arms)
    groups = [_set_group(arms, name) for name in names]
    if len(names) > 1:
        groups.append(_mean_group(arms, names))
    return [group for group in groups if group.rows]


def gain_groups(gains: Mapping[str, Any]) -> list[Group]:
    """One group for each gain: all sets together, then each by itself."""
    groups = []
    for name in [known for known in GAINS if known in gains]:
        by_set = gains[name].get("by_set") or {}
        rows = [_gain_row("all sets", gains[name])]
        if len(by_set) > 1:
            rows += [_gain_row(set_name, raw) for set_name, raw in by_set.items()]
        held = tuple(row for row in rows if row is not None)
        if held:
            groups.append(Group(title=GAINS[name], note="", rows=held))
    return groups


def prompt_values(scored: Mapping[str, Any]) -> tuple[float, ...]:
    """The F1 of each prompt, in points."""
    estimates = (Estimate.of(raw) for raw in scored.get("by_prompt") or ())
    return tuple(estimate.value for estimate in estimates if estimate is not None)


def _set_group(arms: Mapping[str, Mapping[str, Any]], name: str) -> Group:
    rows = []
    scored = [(arm, arms[arm][name]) for arm in ordered(arms) if name in arms[arm]]
    for arm, raw in scored:
        estimate = Estimate.of(raw.get("f1"))
        if estimate is not None:
            values = prompt_values(raw)
            rows.append(_score_row(arm, estimate, values if len(values) > 1 else ()))
    return Group(title=name, note=_set_note([raw for _, raw in scored]), rows=tuple(rows))


def _set_note(scored: Sequence[Mapping[str, Any]]) -> str:
    metric = next((str(raw["metric"]) for raw in scored if raw.get("metric")), "")
    parts = [metric.replace("_", " ")] if metric else []
    for key, noun in (("n", "probe"), ("n_documents", "document")):
        n = max((raw["f1"].get(key) or 0 for raw in scored), default=0)
        parts += [f"{n} {noun}{'' if n == 1 else 's'}"] if n else []
    return ", ".join(parts)


def _mean_group(arms: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Group:
    rows = []
    for arm in ordered(arms):
        estimate = _mean(arms[arm], names)
        if estimate is not None:
            rows.append(_score_row(arm, estimate, ()))
    return Group(title="Mean", note=f"over {len(names)} sets", rows=tuple(rows))


def _mean(sets: Mapping[str, Any], names: Sequence[str]) -> Estimate | None:
    """The mean the arm states, or the plain one, which has no interval."""
    if MEAN in sets:
        return Estimate.of(sets[MEAN].get("f1"))
    estimates = [Estimate.of(sets[name].get("f1")) for name in names if name in sets]
    values = [estimate.value for estimate in estimates if estimate is not None]
    if len(values) < len(names):
        return None
    return Estimate(value=sum(values) / len(values), low=None, high=None)


def _score_row(arm: str, estimate: Estimate, spots: tuple[float, ...]) -> Row:
    has_interval = finite(estimate.low) is not None
    return Row(
        label=arm_label(arm),
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        tone=f"arm-{arm}" if arm in ARMS else "arm-other",
        number=points(estimate.value),
        interval=f"({points(estimate.low)} to {points(estimate.high)})" if has_interval else "",
        spots=spots,
    )


def _gain_row(label: str, raw: object) -> Row | None:
    estimate = Estimate.of(raw)
    if estimate is None:
        return None
    return Row(
        label=label,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        tone=_TONES.get(estimate.verdict, "open"),
        number=signed(estimate.value),
        interval=f"({estimate.interval})" if estimate.interval else "",
    )
