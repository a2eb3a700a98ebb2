"""What does the page say of harm: which models were checked, and which are rejected?

A report holds one verdict by arm, as `scoring.harm` states it, or a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from katsuo.page.arms import arm_label
from katsuo.page.charts import Group, whiskers
from katsuo.page.groups import gain_row
from katsuo.page.quantities import finite


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmView:
    """One checked model, as the page shows it."""

    arm: str
    label: str
    rejected: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    chart: Markup
    facts: tuple[tuple[str, str], ...]
    """What else was checked, and what was found."""


def by_arm(raw: object) -> dict[str, Mapping[str, Any]]:
    """The verdicts of a report by arm; none where no model was checked."""
    if not isinstance(raw, Mapping) or not raw:
        return {}
    if "rejected" in raw:
        return {str(raw.get("arm", "tasks")): raw}
    return {str(arm): held for arm, held in raw.items() if isinstance(held, Mapping)}


def rejections(raw: object) -> dict[str, tuple[str, ...]]:
    """The rejected arms, and why each is."""
    return {
        arm: tuple(held.get("reasons") or ())
        for arm, held in by_arm(raw).items()
        if held.get("rejected")
    }


def views(raw: object) -> list[HarmView]:
    """Every checked model, rejected ones first."""
    found = [_view(arm, held) for arm, held in by_arm(raw).items()]
    return sorted(found, key=lambda view: not view.rejected)


def _view(arm: str, held: Mapping[str, Any]) -> HarmView:
    return HarmView(
        arm=arm,
        label=arm_label(arm),
        rejected=bool(held.get("rejected")),
        reasons=tuple(held.get("reasons") or ()),
        notes=tuple(held.get("notes") or ()),
        chart=_chart(arm, held),
        facts=tuple(_facts(held).items()),
    )


def _short(name: str) -> str:
    """A general set's name as a phone has room for it: the heading says that it is general."""
    return name.removeprefix("general_").replace("_", " ")


def _chart(arm: str, held: Mapping[str, Any]) -> Markup:
    sets = held.get("sets") or {}
    rows = [gain_row("mean of them", held.get("mean"))] if len(sets) > 1 else []
    rows += [gain_row(_short(name), one.get("change")) for name, one in sets.items()]
    drawn = tuple(row for row in rows if row is not None)
    if not drawn:
        return Markup("")
    told = ", ".join(f"{row.label} {row.number} {row.interval}" for row in drawn)
    return whiskers(
        [Group(title=arm_label(arm), note="general questions", rows=drawn)],
        title=f"Change on general questions, in points with 95 % intervals: {told}",
        unit="change, points; left of 0 is a loss",
        zero=True,
    )


def _facts(held: Mapping[str, Any]) -> dict[str, str]:
    keys = ("perplexity_before", "perplexity_after", "perplexity_ratio")
    before, after, ratio = (finite(held.get(key)) for key in keys)
    facts = {}
    if before is not None:
        facts["Perplexity of general text"] = (
            f"{before:.2f} before, no number after"
            if after is None or ratio is None
            else f"{before:.2f} before, {after:.2f} after: {ratio:.2f} times"
        )
    if held.get("template_intact") is not None:
        facts["Chat template"] = "unchanged" if held["template_intact"] else "broken"
    if held.get("thinking_kept") is not None:
        facts["Thinking before the answer"] = _thinking(held)
    return {**facts, **_tolerated(held.get("tolerance") or {})}


def _thinking(held: Mapping[str, Any]) -> str:
    told = "kept" if held["thinking_kept"] else "lost"
    seen = held.get("thinking") or {}
    if not seen:
        return told
    return f"{told}: {seen['before']} of {seen['n']} answers before, {seen['after']} after"


def _tolerated(tolerance: Mapping[str, Any]) -> dict[str, str]:
    fall, ratio = finite(tolerance.get("points")), finite(tolerance.get("perplexity_ratio"))
    if fall is None or ratio is None:
        return {}
    return {"Tolerated": f"a fall of {fall:g} points on average, {ratio:g} times the perplexity"}
