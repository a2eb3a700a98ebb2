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


def file(theme: str, figures: Mapping[str, Any], reading: str) -> None:
    """Write `results/THEME_cpuN_YYYY-MM.{md,json}` and print where."""
    facts = machine()
    now = datetime.now(UTC)
    stem = f"{theme}_cpu{facts['cores']}_{now:%Y-%m}"
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    script = Path(sys.argv[0])
    command = (
        f"python benchmarks/{script.parent.name}/{script.name} {' '.join(sys.argv[1:])}".strip()
    )
    head = {"commit": commit, "command": command, "date": f"{now:%Y-%m-%d}", "machine": facts}
    RESULTS.mkdir(exist_ok=True)
    content = json.dumps({**head, "figures": figures, "reading": reading}, indent=1) + "\n"
    (RESULTS / f"{stem}.json").write_text(content, "utf-8")
    (RESULTS / f"{stem}.md").write_text(_markdown(theme, head, figures, reading), "utf-8")
    print(f"{stem}: {json.dumps(figures)}")


def _markdown(theme: str, head: Mapping[str, Any], figures: Mapping[str, Any], reading: str) -> str:
    facts = head["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    rows = "".join(f"| {name} | {_cell(value)} |\n" for name, value in figures.items())
    return (
        f"# {theme}\n\n"
        f"Commit {head['commit']}, {head['date']}. Command: `{head['command']}`.\n"
        f"Machine: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
        f"Python {facts['python']}; {versions}.\n\n"
        f"| figure | value |\n|---|---|\n{rows}\n{reading}\n"
    )


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {held}" for key, held in value.items())
    return str(value)
