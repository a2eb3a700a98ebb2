"""How did a generator learn? The page of a teaching run, from the content of its report.json.

losses per step ──moving mean──▶ one curve     held-out losses ──by type──▶ small drawings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from markupsafe import Markup

from katsuo.page.curves import LOSSES, Curve, curves
from katsuo.page.passages import writable
from katsuo.page.quantities import NO_NUMBER, finite
from katsuo.page.rendering import environment, resource
from katsuo.types import FULL_NAMES, TaskType

NEW_SOURCE: Final = ", new source"
"""Ends the name of held-out tasks whose whole source was kept out of learning."""
FEW: Final = 30
"""A loss over fewer held-out tasks says little."""
_MOVING: Final = 40
"""The moving mean reaches this part of a run to either side."""
_LEARNED, _PASSAGES, _SOURCES = "arm-zero_shot", "arm-tasks", "arm-tasks_elsewhere"
"""Colours and dashes of the three kinds of curves."""
_RATE_UNIT: Final = 1e-4

Spots = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One task type: how much was learned, and how well it is known now."""

    name: str
    full_name: str
    pairs: int
    """Learned; the tasks that were remixed where an older run did not count pairs."""
    held_out: int
    passages: str
    """Held-out losses, first and last, of passages that were kept out."""
    new_held_out: int
    sources: str
    """The same of sources that were kept out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One drawing with its heading."""

    title: str
    drawing: Markup


def render_teaching(report: Mapping[str, Any]) -> str:
    """One self-contained HTML file for the content of a teaching run's `report.json`."""
    by_name = _by_name(report["held_out"])
    return writable(
        environment()
        .get_template("teaching.html.jinja")
        .render(
            report=report,
            style=Markup(resource("style.css")),
            sentence=_sentence(report),
            losses=_losses(report, by_name),
            rates=_rates(report),
            by_kind=_by_kind(by_name),
            kinds=_kinds(report, by_name),
            few=FEW,
            tones={"learned": _LEARNED, "passages": _PASSAGES, "sources": _SOURCES},
            has_sources=any(name.endswith(NEW_SOURCE) for name in by_name),
            speed=_speed(report["report"]),
        )
    )


def smoothed(spots: Spots) -> list[tuple[float, float]]:
    """The moving mean, over a fortieth of the run to either side; less at the ends.

    >>> smoothed([(1, 2.0), (2, 4.0)])
    [(1, 2.0), (2, 4.0)]
    """
    means = []
    for i, (step, _) in enumerate(spots):
        reach = min(len(spots) // _MOVING, i, len(spots) - 1 - i)
        window = spots[i - reach : i + reach + 1]
        means.append((step, fmean(loss for _, loss in window)))
    return means


def _by_name(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Name of a held-out group -> step and loss, in the order of the steps."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, nats in row["nats"].items():
            if (loss := finite(nats)) is not None:
                found.setdefault(name, []).append((row["step"], loss))
    return found


def _sentence(report: Mapping[str, Any]) -> str:
    facts = report["report"]
    return (
        f"{report['base']['name']} learned to write tasks from {report['pairs']:,} pairs in "
        f"{facts['steps']:,} steps."
    )


def _speed(facts: Mapping[str, Any]) -> str:
    seconds = facts["seconds"]
    return f"{facts['trained_tokens'] / seconds:,.0f}" if seconds else NO_NUMBER


def _losses(report: Mapping[str, Any], by_name: Mapping[str, Spots]) -> Markup:
    """The loss of what is learned, and the mean of what is held out."""
    kept = {"passages": [n for n in by_name if not n.endswith(NEW_SOURCE)]}
    kept["sources"] = [name for name in by_name if name.endswith(NEW_SOURCE)]
    learned = [(step, loss) for step, loss in report["losses"] if finite(loss) is not None]
    drawn = [
        Curve.of("learned", _LEARNED, smoothed(learned)),
        Curve.of("held-out passages", _PASSAGES, _mean(by_name, kept["passages"])),
        Curve.of("new sources", _SOURCES, _mean(by_name, kept["sources"])),
    ]
    return _told("Losses by optimizer step", drawn)


def _mean(by_name: Mapping[str, Spots], names: Sequence[str]) -> list[tuple[float, float]]:
    """The mean over the groups `names`, at every step at which all of them were measured."""
    at: dict[float, list[float]] = {}
    for name in names:
        for step, loss in by_name[name]:
            at.setdefault(step, []).append(loss)
    return [(step, fmean(found)) for step, found in at.items() if len(found) == len(names)]


def _rates(report: Mapping[str, Any]) -> Markup:
    spots = [(step, rate / _RATE_UNIT) for step, rate in report["rates"]]
    if not spots:
        return Markup("")
    return curves(
        [Curve.of("learning rate", _LEARNED, spots)],
        title=f"Learning rate by optimizer step; at most {max(rate for _, rate in spots):.2f}e-4",
        unit="optimizer step; learning rate, in 1e-4",
    )


def _by_kind(by_name: Mapping[str, Spots]) -> list[Figure]:
    """A small drawing for each type that was measured more than once."""
    figures = []
    for kind in TaskType:
        drawn = [
            Curve.of("held-out passages", _PASSAGES, by_name.get(kind.value, [])),
            Curve.of("new source", _SOURCES, by_name.get(kind.value + NEW_SOURCE, [])),
        ]
        if any(len(curve.spots) > 1 for curve in drawn):
            figures.append(
                Figure(title=FULL_NAMES[kind], drawing=_told(FULL_NAMES[kind], drawn, "step; nats"))
            )
    return figures


def _told(title: str, drawn: Sequence[Curve], unit: str = LOSSES) -> Markup:
    held = [curve for curve in drawn if curve.spots]
    if not held:
        return Markup("")
    ends = "; ".join(
        f"{curve.label} from {curve.spots[0][1]:.2f} to {curve.spots[-1][1]:.2f}" for curve in held
    )
    return curves(held, title=f"{title}. {ends}", unit=unit)


def _kinds(report: Mapping[str, Any], by_name: Mapping[str, Spots]) -> list[Kind]:
    """Every type that was remixed or held out, in the order of the types."""
    held_out = report["n_held_out"]
    pairs = report["by_type"] if report["pairs_by_type"] is None else report["pairs_by_type"]
    return [
        Kind(
            name=kind.value,
            full_name=FULL_NAMES[kind],
            pairs=pairs.get(kind.value, 0),
            held_out=held_out.get(kind.value, 0),
            passages=_ends(by_name.get(kind.value, [])),
            new_held_out=held_out.get(kind.value + NEW_SOURCE, 0),
            sources=_ends(by_name.get(kind.value + NEW_SOURCE, [])),
        )
        for kind in TaskType
        if kind.value in report["by_type"]
        or kind.value in held_out
        or kind.value + NEW_SOURCE in held_out
    ]


def _ends(spots: Spots) -> str:
    if not spots:
        return NO_NUMBER
    ends = dict.fromkeys([spots[0], spots[-1]])
    return " \N{RIGHTWARDS ARROW} ".join(f"{loss:.2f}" for _, loss in ends)
