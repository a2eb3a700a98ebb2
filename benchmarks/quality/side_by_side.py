"""The domains of a study at the same time, each in a process of its own; then the study itself.

python benchmarks/quality/side_by_side.py RECIPE --run RUN [--set KEY=VALUE ...]

For a GPU that one process does not fill. The processes share cells, so the study finds all of
them done and only adds up. On two cores `katsuo run` alone is faster.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from katsuo.recipe import domain, load, resolved

HARM = 3
"""Exit code of a run whose adapted model did harm: its report is there."""


def main() -> int:
    """Run all domains, then the study; the worst exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    asked = parser.parse_args()
    study = load(asked.recipe, asked.changes)
    started = []
    for name in study.domains:
        part = asked.run.with_name(f"{asked.run.name}.{name}")
        part.mkdir(parents=True, exist_ok=True)
        recipe = part.with_suffix(part.suffix + ".yaml")
        recipe.write_text(resolved(domain(study, name)), "utf-8")
        log = part.with_suffix(part.suffix + ".log").open("w")
        started.append((name, _katsuo(recipe, part, [], log=log)))
    codes = {name: process.wait() for name, process in started}
    print(codes, flush=True)
    if failed := [code for code in codes.values() if code not in (0, HARM)]:
        return max(failed)
    return _katsuo(asked.recipe, asked.run, asked.changes).wait()


def _katsuo(
    recipe: Path, run: Path, changes: list[str], **where: object
) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "katsuo.cli", "run", str(recipe), "--run", str(run)]
    for change in changes:
        words += ["--set", change]
    one = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 7))}
    out = where.get("log")
    return subprocess.Popen(words, env={**os.environ, **one}, stdout=out, stderr=out)  # type: ignore[call-overload, no-any-return]


if __name__ == "__main__":
    sys.exit(main())
