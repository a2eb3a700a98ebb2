"""Were the goals met, and how do the figures read? Everything is worked out from the figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from appraisal import AGREED, ALL, EVEN, IN_CONTEXT, MEASURES, PARSED, PER_MINUTE
from filed_page import origin
from held_out import NEW_DOMAINS

Figures = Mapping[str, Any]

LEAST: Final[Mapping[str, float]] = {PARSED: 98, IN_CONTEXT: 95, EVEN: 90}
"""Measure -> least points in every type."""
TIMES: Final[Mapping[str, float]] = {AGREED: 2, "valid": 2, PER_MINUTE: 3}
"""Measure -> how many times the prompted base's."""
_DIGITS: Final[Mapping[str, str]] = {PER_MINUTE: ".1f"}


def goals(figures: Figures) -> list[dict[str, Any]]:
    """Every goal of every contestant that was taught, with what decides it."""
    taught = [name for name in figures["contestants"] if name not in figures["prompted"]]
    found = []
    for name in taught:
        slices = figures["contestants"][name]["slices"]
        for measure, least in LEAST.items():
            found.append({"contestant": name, **_lowest(slices, measure, least)})
        for measure, times in TIMES.items():
            found.append({"contestant": name, **_factor(figures, name, measure, times)})
    return found


def _lowest(slices: Figures, measure: str, least: float) -> dict[str, Any]:
    """Whether the lowest value of any type reaches the goal."""
    values = {
        name: part["measures"][measure]["value"]
        for name, part in slices.items()
        if name not in (ALL, NEW_DOMAINS) and measure in part["measures"]
    }
    goal = f"{measure} >= {least:g} in every type"
    if not values:
        return {"goal": goal, "found": "not measured", "met": None}
    worst = min(values, key=lambda name: values[name])
    n_met = sum(value >= least for value in values.values())
    found = f"lowest {values[worst]:.1f} ({worst}); {n_met} of {len(values)} reach it"
    return {"goal": goal, "found": found, "met": values[worst] >= least}


def _factor(figures: Figures, name: str, measure: str, times: float) -> dict[str, Any]:
    """Whether the smallest ratio to any prompted base reaches the goal."""
    goal = f"{measure} >= {times:g} times the prompted base's"
    by_base = _factors(figures, name, measure)
    if not by_base:
        return {"goal": goal, "found": "not measured", "met": None}
    # Where the base has nothing at all, no factor says how much more there is.
    values = {base: ratio["value"] for base, ratio in by_base.items()}
    met = all(value is None or value >= times for value in values.values())
    told = [f"{_times(ratio)} {base}" for base, ratio in by_base.items()]
    told += [f"no figure of {base}" for base in figures["prompted"] if base not in by_base]
    found = "; ".join(told)
    return {"goal": goal, "found": found, "met": met}


def _factors(figures: Figures, name: str, measure: str) -> dict[str, Figures]:
    if measure == "valid":
        compared = figures.get("blind", {}).get("ratios", {}).get(name, {})
        return {base: ratio for base, ratio in compared.items() if ratio}
    compared = figures["compared"].get(name, {})
    found = {base: parts[ALL].get(measure, {}).get("ratio") for base, parts in compared.items()}
    return {base: ratio for base, ratio in found.items() if ratio}


def write(stem: Path, content: Figures) -> None:
    """The result as `STEM.json` and `STEM.md`, its goals worked out anew."""
    figures = {**content["figures"], "goals": goals(content["figures"])}
    whole = {**content, "figures": figures}
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    stem.with_suffix(".md").write_text("\n".join(page(whole)) + "\n", "utf-8")


def page(content: Figures) -> Iterator[str]:
    """The lines of the Markdown page."""
    figures = content["figures"]
    yield "# generator"
    yield ""
    yield origin(content)
    yield from _how(figures)
    yield "## Goals"
    yield ""
    yield from _table(
        ("contestant", "goal", "found", "met"),
        ([g["contestant"], g["goal"], g["found"], _met(g["met"])] for g in figures["goals"]),
    )
    for name in (ALL, NEW_DOMAINS):
        yield f"## {'All drafts' if name == ALL else 'New domains alone'}"
        yield ""
        yield from _table(("measure", *figures["contestants"]), _totals(figures, name))
    yield from _comparisons(figures)
    for name in figures["contestants"]:
        yield from _contestant(figures, name)
    yield from _blind(figures)
    yield "## Measures"
    yield ""
    yield from (f"* {name}: {said}." for name, said in MEASURES.items())


def _how(figures: Figures) -> Iterator[str]:
    passages = ", ".join(f"{name} {n}" for name, n in figures["passages"].items())
    yield f"Seed {figures['seed']}. Passages: {passages}."
    yield (
        f"Held out: {figures['held_out_fraction']:.0%} of the documents, by id, of which no "
        "generator of ours has learned. Points, from 0 to 100 with "
        f"{figures['level']:.0%} intervals from redrawing the passages' documents "
        f"({figures['draws']} draws). "
        f"Reader: {figures['reader']['reader']}, at most {figures['read_per_type']} tasks a type. "
        "CPU time is of writing alone, over all threads."
    )
    yield ""
    for name, one in figures["contestants"].items():
        told = ", steered" if one["steered"] else ""
        yield (
            f"* {name}: {one['generator']} ({one['identity'][:16]}{_adapter(one['identity'])}), "
            f"{one['format']}{told}, {one['engine']} {one['weights']}"
        )
    yield ""


def _adapter(identity: str) -> str:
    return f" + {identity.partition('+')[2][:16]}" if "+" in identity else ""


def _met(met: bool | None) -> str:  # noqa: FBT001 -- a cell's value
    return "open" if met is None else "yes" if met else "no"


def _totals(figures: Figures, part: str) -> Iterator[list[str]]:
    slices = [one["slices"].get(part) for one in figures["contestants"].values()]
    held = [one for one in slices if one]
    for measure in MEASURES:
        if any(measure in one["measures"] for one in held):
            yield [measure, *(_score(one["measures"].get(measure)) for one in held)]
    yield [PER_MINUTE, *(_score(one[PER_MINUTE]) for one in held)]
    for name in ("by chance the reader agrees", "distinct-1", "distinct-2", "cpu_minutes",
                 "drafts", "tasks", "kept", "read"):  # fmt: skip
        yield [name.replace("_", " "), *(_plain(one[name]) for one in held)]


def _comparisons(figures: Figures) -> Iterator[str]:
    for name, by_base in figures["compared"].items():
        for base, parts in by_base.items():
            yield f"## {name} against {base}"
            yield ""
            head = ("measure", "difference", "ratio", "ratio, new domains")
            yield from _table(head, _rows_of(parts))


def _rows_of(parts: Figures) -> Iterator[list[str]]:
    new = parts.get(NEW_DOMAINS, {})
    for measure, found in parts[ALL].items():
        yield [
            measure,
            _score(found.get("difference"), "+.1f"),
            _times(found.get("ratio")),
            _times(new.get(measure, {}).get("ratio")),
        ]


def _contestant(figures: Figures, name: str) -> Iterator[str]:
    one = figures["contestants"][name]
    yield f"## {name}, type by type"
    yield ""
    slices = {part: held for part, held in one["slices"].items() if part not in (ALL, NEW_DOMAINS)}
    columns = [m for m in MEASURES if any(m in held["measures"] for held in slices.values())]
    yield from _table(
        ("type", *columns, PER_MINUTE),
        (
            [part, *(_score(held["measures"].get(m)) for m in columns), _score(held[PER_MINUTE])]
            for part, held in slices.items()
        ),
    )
    yield from _table(
        ("type", "commonest openings", "distinct-1", "distinct-2", "by chance"),
        (
            [
                part,
                "; ".join(f"{opening} {share:.0%}" for opening, share in held["openings"]),
                *(_plain(held[key]) for key in ("distinct-1", "distinct-2")),
                _plain(held["by chance the reader agrees"]),
            ]
            for part, held in slices.items()
        ),
    )
    said = ", ".join(f"{reason} {n}" for reason, n in one["no_tasks"].items())
    yield f"Drafts that became no tasks: {said or 'none'}."
    yield ""


def _blind(figures: Figures) -> Iterator[str]:
    blind = figures.get("blind")
    if not blind:
        return
    yield "## Read blind"
    yield ""
    accord = blind["accord"]
    yield (
        f"{accord['n']} tasks, seed {blind['seed']}, each read by two readers who did not know its "
        f"origin. They say the same of {accord['raw']:.1%}; Cohen's kappa "
        f"{_kappa(accord)}, of valid or not {_kappa(blind['accord_valid'])}. "
        "Valid: share of the verdicts."
    )
    yield ""
    kinds = list(dict.fromkeys(kind for one in blind["valid"].values() for kind in one))
    yield from _table(
        ("contestant", *kinds),
        (
            [name, *(_score(one.get(kind)) for kind in kinds)]
            for name, one in blind["valid"].items()
        ),
    )
    verdicts = list(next(iter(blind["verdicts"].values())))
    yield from _table(
        ("verdicts", *verdicts),
        ([name, *map(str, one.values())] for name, one in blind["verdicts"].items()),
    )


def _kappa(accord: Figures) -> str:
    if accord["kappa"] is None:
        return "is not defined, for there was one verdict alone"
    return f"{accord['kappa']:.2f} ({accord['low']:.2f}..{accord['high']:.2f})"


def _score(score: Figures | None, form: str = ".1f") -> str:
    if not score:
        return ""
    return f"{score['value']:{form}} ({score['low']:{form}}..{score['high']:{form}})"


def _times(ratio: Figures | None) -> str:
    if not ratio:
        return ""
    value, low, high = (
        "unbounded" if end is None else f"{end:.2f}"
        for end in (ratio["value"], ratio["low"], ratio["high"])
    )
    return f"x {value} ({low}..{high})"


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _table(head: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |"
    yield ""
