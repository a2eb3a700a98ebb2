"""The tables of the paper's experiments, from the reports of their runs; nothing is typed by hand.

python benchmarks/quality/paper.py RUNS        RUNS holds paper-main, paper-matrix, paper-curve ...
python benchmarks/quality/paper.py RUNS full   RUNS holds paper-full-main ...

Writes results/paper_<experiment>.md for every experiment whose run has a report.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
MEAN = "mean"
CROSS = "tasks@"

Report = Mapping[str, Any]


def main(runs: Path, size: str = "") -> None:
    """Write the table of every experiment that has a report in `runs`."""
    for experiment, table in TABLES.items():
        name = f"{size}_{experiment}" if size else experiment
        path = runs / f"paper-{name.replace('_', '-')}" / "6-report" / "report.json"
        if not path.is_file():
            print(f"{path}: no report yet")
            continue
        report = json.loads(path.read_text("utf-8"))
        text = "\n".join([*_head(name, report), *table(report), *_foot(report)]) + "\n"
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"paper_{name}.md").write_text(text, "utf-8")
        print(f"paper_{name}.md")


def _head(name: str, report: Report) -> Iterator[str]:
    machine, evaluate = report["machine"], report["recipe"]["evaluate"]
    base = [
        report["base"]["name"],
        f"sha256 {report['base']['sha256'][:16]}",
        report["base"]["note"],
    ]
    base = [part for part in base if part]
    yield f"# paper_{name}"
    yield ""
    yield (
        f"Machine: {_gpu(machine)}{machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB. "
        f"Base: {', '.join(base)}. Generator: {report['generator'][:16]}."
    )
    yield (
        f"Part: {evaluate['part']}; at most {evaluate['max_probes']} probes a set, "
        f"{evaluate['prompts']} prompts, {report['recipe']['adapt']['seeds']} seeds of tuning. "
        "F1 in points (macro F1 ranked by sum; SQuAD F1); 95 % intervals from resampling documents."
    )
    yield ""


def _gpu(machine: Report) -> str:
    return f"{machine['gpu']}; " if machine.get("gpu") else ""


def _foot(report: Report) -> Iterator[str]:
    yield ""
    for arm, reason in report.get("nothing_learned", {}).items():
        yield f"{arm}: {reason}; asked as the model was before."
    taken = ", ".join(f"{stage} {spent / 60:.0f} min" for stage, spent in report["seconds"].items())
    yield f"Time: {taken}. {report['headline']['sentence']}"


def _sets(report: Report) -> list[str]:
    found = dict.fromkeys(name for sets in report["arms"].values() for name in sets)
    return [*(name for name in found if name != MEAN), *([MEAN] if MEAN in found else [])]


def _arms_by_sets(report: Report) -> Iterator[str]:
    sets = _sets(report)
    yield "| arm | " + " | ".join(sets) + " |"
    yield "|---" * (len(sets) + 1) + "|"
    for arm, scores in report["arms"].items():
        cells = [_score(scores.get(name)) for name in sets]
        yield f"| {arm} | " + " | ".join(cells) + " |"


def _gains(report: Report) -> Iterator[str]:
    sets = _sets(report)
    yield ""
    yield "Differences in points, with their intervals:"
    yield ""
    yield "| difference | " + " | ".join(sets) + " |"
    yield "|---" * (len(sets) + 1) + "|"
    for name, gain in report["gains"].items():
        by_set = {**gain["by_set"], MEAN: gain}
        cells = [_gain(by_set.get(one)) for one in sets]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _rules(report: Report) -> Iterator[str]:
    """Every arm by every ranking rule, on the closed sets."""
    closed = [name for name in _sets(report) if _closed(report, name)]
    yield ""
    yield "Ranked by sum / mean / calibrated (closed sets):"
    yield ""
    yield "| arm | " + " | ".join(closed) + " |"
    yield "|---" * (len(closed) + 1) + "|"
    for arm, scores in report["arms"].items():
        cells = [
            " / ".join(
                f"{score['value']:.1f}"
                for score in (scores[name]["f1"], scores[name]["mean_rank"],
                              scores[name]["calibrated"])
            )
            if name in scores
            else ""
            for name in closed
        ]  # fmt: skip
        yield f"| {arm} | " + " | ".join(cells) + " |"


def _closed(report: Report, name: str) -> bool:
    return any("calibrated" in scores.get(name, {}) for scores in report["arms"].values())


def _main(report: Report) -> Iterator[str]:
    yield from _arms_by_sets(report)
    yield from _rules(report)
    yield from _gains(report)


def _matrix(report: Report) -> Iterator[str]:
    """Source of the tasks by set, as the gain over zero-shot."""
    arms = report["arms"]
    sets = [name for name in _sets(report) if name != MEAN]
    yield "Gain over zero-shot in points; rows: where the tasks came from, columns: the set asked."
    yield ""
    yield "| tasks from | " + " | ".join(sets) + " | mean of the others |"
    yield "|---" * (len(sets) + 2) + "|"
    for arm, scores in arms.items():
        if not arm.startswith(CROSS):
            continue
        name = arm.removeprefix(CROSS)
        gains = {
            one: scores[one]["f1"]["value"] - arms["zero_shot"][one]["f1"]["value"] for one in sets
        }
        others = [gain for one, gain in gains.items() if one != name]
        cells = " | ".join(f"{'**' if one == name else ''}{gain:+.1f}{'**' if one == name else ''}"
                           for one, gain in gains.items())  # fmt: skip
        yield f"| {name} | {cells} | {sum(others) / len(others):+.1f} |"
    yield ""
    yield from _arms_by_sets(report)


def _score(scored: Mapping[str, Any] | None) -> str:
    if not scored:
        return ""
    f1 = scored["f1"]
    return f"{f1['value']:.1f} ({f1['low']:.1f}..{f1['high']:.1f})"


def _gain(gain: Mapping[str, Any] | None) -> str:
    return f"{gain['value']:+.1f} ({gain['low']:+.1f}..{gain['high']:+.1f})" if gain else ""


TABLES: Mapping[str, Callable[[Report], Iterator[str]]] = {
    "main": _main,
    "matrix": _matrix,
    "curve": _main,
    "arms": _main,
    "targets": _main,
    "ablation": _main,
    "ablation_seeds": _main,
}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"), *sys.argv[2:3])
