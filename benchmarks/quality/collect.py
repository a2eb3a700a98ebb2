"""The figures of run folders as one result file: nothing is typed by hand.

python benchmarks/quality/collect.py THEME RUN [RUN ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


def main(theme: str, runs: list[str]) -> None:
    """Write `results/THEME.md` and `results/THEME.json` from the reports of `runs`."""
    reports = {
        run: json.loads(Path(run, "6-report/report.json").read_text("utf-8")) for run in runs
    }
    text = "\n".join(_lines(theme, reports)) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{theme}.md").write_text(text, "utf-8")
    kept = ("name", "seed", "base", "generator", "machine", "funnel", "arms", "gains", "seconds",
            "peak_mib", "recipe")  # fmt: skip
    facts = {report["name"]: {key: report[key] for key in kept} for report in reports.values()}
    (RESULTS / f"{theme}.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(text)


def _lines(theme: str, reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    first = next(iter(reports.values()))
    machine = first["machine"]
    yield f"# {theme}"
    yield ""
    yield (
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB. "
        f"Base: {first['base']['name']}, sha256 {first['base']['sha256'][:16]}, "
        f"{first['base']['note']}. Generator: {first['generator'][:16]}."
    )
    yield "F1 in points; 95 % intervals from resampling documents; one seed of tuning each."
    for report in reports.values():
        yield from _run(report)


def _run(report: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"## {report['name']} (seed {report['seed']})"
    yield ""
    yield "| arm | set | F1 | interval | mean rank | calibrated | n | unscored |"
    yield "|---|---|---|---|---|---|---|---|"
    for arm, sets in report["arms"].items():
        for name, score in sets.items():
            f1 = score["f1"]
            beside = [_value(score.get(key)) for key in ("mean_rank", "calibrated")]
            yield (
                f"| {arm} | {name} | {f1['value']:.1f} | {f1['low']:.1f} to {f1['high']:.1f} | "
                f"{beside[0]} | {beside[1]} | {f1['n']} | {f1['unscored']} |"
            )
    yield ""
    yield "| gain | points | interval |"
    yield "|---|---|---|"
    for name, gain in report["gains"].items():
        yield f"| {name} | {gain['value']:+.1f} | {gain['low']:+.1f} to {gain['high']:+.1f} |"
    yield ""
    funnel = "; ".join(
        f"{row['stage']} {row['passed']} of {row['arrived']} {row['unit']}s"
        for row in report["funnel"]
    )
    seconds = ", ".join(f"{stage} {taken:.0f} s" for stage, taken in report["seconds"].items())
    yield f"Funnel: {funnel}. Time: {seconds}. {report['headline']['sentence']}"


def _value(score: Mapping[str, Any] | None) -> str:
    return f"{score['value']:.1f}" if score else ""


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
