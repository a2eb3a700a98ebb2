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

from filed_page import page
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


def file(
    theme: str, figures: Mapping[str, Any], reading: str, names: Sequence[str] = ("figure",)
) -> None:
    """Write `results/THEME_cpuN_YYYY-MM.{md,json}` and print the page.

    Args:
        theme: What was measured.
        figures: By name; those with the same parts are drawn as one table.
        reading: What they mean, n and seeds.
        names: What the parts of a figure's name are, where a colon parts it.
    """
    stated = head()
    filed = {**stated, "names": list(names), "figures": figures, "reading": reading}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{stem_of(theme, stated)}.json"
    path.write_text(json.dumps(filed, indent=1) + "\n", "utf-8")
    print(draw(path))


def draw(path: Path) -> str:
    """Write the page of a filed result beside it; the page."""
    drawn = page(path.name.partition("_cpu")[0], json.loads(path.read_text("utf-8")))
    path.with_suffix(".md").write_text(drawn, "utf-8")
    return drawn


if __name__ == "__main__":  # the pages anew, without measuring anything
    for one in sorted(RESULTS.glob("*.json")):
        if '"reading"' in one.read_text("utf-8"):
            draw(one)
