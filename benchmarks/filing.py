"""How a result is filed: the facts of the machine, and one Markdown and one JSON file."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from statsmodels.stats.proportion import proportion_confint

from katsuo.road.reporting import machine

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {
        "min": round(min(values), 4),
        "median": round(statistics.median(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
    }


def head() -> dict[str, Any]:
    """How and where the figures came about."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    script = Path(sys.argv[0])
    command = (
        f"python benchmarks/{script.parent.name}/{script.name} {' '.join(sys.argv[1:])}".strip()
    )
    return {
        "commit": commit,
        "command": command,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
    }


def stem_of(theme: str, stated: Mapping[str, Any]) -> str:
    """The name of a result's files, without what stands behind the dot."""
    return f"{theme}_cpu{stated['machine']['cores']}_{stated['date'][:7]}"


def share(part: int, whole: int) -> dict[str, float]:
    """A share with its Wilson interval; nothing but its n where there is no whole."""
    if not whole:
        return {"n": 0}
    low, high = proportion_confint(part, whole, method="wilson")
    return {
        "value": round(part / whole, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "n": whole,
    }


def file(theme: str, figures: Mapping[str, Any], reading: str) -> None:
    """Write `results/THEME_cpuN_YYYY-MM.{md,json}` and print where."""
    stated = head()
    stem = stem_of(theme, stated)
    RESULTS.mkdir(exist_ok=True)
    content = json.dumps({**stated, "figures": figures, "reading": reading}, indent=1) + "\n"
    (RESULTS / f"{stem}.json").write_text(content, "utf-8")
    (RESULTS / f"{stem}.md").write_text(_markdown(theme, stated, figures, reading), "utf-8")
    print(f"{stem}: {json.dumps(figures)}")


def origin(stated: Mapping[str, Any]) -> str:
    """The lines of a page that say how and where its figures came about."""
    facts = stated["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    return (
        f"Commit {stated['commit']}, {stated['date']}. Command: `{stated['command']}`.\n"
        f"Machine: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
        f"Python {facts['python']}; {versions}.\n"
    )


def _markdown(
    theme: str, stated: Mapping[str, Any], figures: Mapping[str, Any], reading: str
) -> str:
    rows = "".join(f"| {name} | {_cell(value)} |\n" for name, value in figures.items())
    return f"# {theme}\n\n{origin(stated)}\n| figure | value |\n|---|---|\n{rows}\n{reading}\n"


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {held}" for key, held in value.items())
    return str(value)
