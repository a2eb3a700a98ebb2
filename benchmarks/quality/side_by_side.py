"""The domains of a study at the same time, each in a process of its own; then the study itself.

python benchmarks/quality/side_by_side.py RECIPE --run RUN [--set KEY=VALUE ...]

For a GPU that one process does not fill: unlike `execution`, this tunes side by side, too. The
processes share cells, so the study finds all of them done and only adds up. What a domain's
process says stands in RUN.<domain>/log.txt.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from katsuo.recipe import domain, load, resolved

HARM = 3
"""Exit code of a run whose adapted model did harm: its report is there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run all domains, then the study; its exit code, or the worst of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    asked = parser.parse_args(argv)
    study = load(asked.recipe, asked.changes)
    threads = max(1, (os.cpu_count() or 1) // len(study.domains))

    def alone(name: str) -> int:
        run = asked.run.with_name(f"{asked.run.name}.{name}")
        run.mkdir(parents=True, exist_ok=True)
        recipe = run / "asked.yaml"
        recipe.write_text(resolved(domain(study, name)), "utf-8")
        with (run / "log.txt").open("w") as log:
            env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
            done = subprocess.run(
                command(recipe, run), env=env, stdout=log, stderr=log, check=False
            )
        return done.returncode

    with ThreadPoolExecutor(len(study.domains)) as pool:
        codes = dict(zip(study.domains, pool.map(alone, study.domains), strict=True))
    print(codes, flush=True)
    if failed := [code for code in codes.values() if code not in (0, HARM)]:
        return max(failed)
    changes = [word for change in asked.changes for word in ("--set", change)]
    whole = [*command(asked.recipe, asked.run), *changes]
    return subprocess.run(whole, check=False).returncode


def command(recipe: Path, run: Path) -> list[str]:
    """What takes the recipe down the road."""
    return [sys.executable, "-m", "katsuo.cli", "run", str(recipe), "--run", str(run)]


if __name__ == "__main__":
    sys.exit(main())
