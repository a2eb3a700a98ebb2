"""Run every benchmark, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

APART = {"bench_engines.py"}
"""Those that want environments of others: each has a target of its own in the Makefile."""


def main() -> int:
    """The number of benchmarks that failed."""
    here = Path(__file__).parent
    scripts = sorted(path for path in (here / "speed").glob("bench_*.py") if path.name not in APART)
    codes = [
        subprocess.run([sys.executable, str(path)], check=False).returncode for path in scripts
    ]
    return sum(code != 0 for code in codes)


if __name__ == "__main__":
    sys.exit(main())
