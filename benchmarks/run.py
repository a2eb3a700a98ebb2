"""Run every benchmark, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """The number of benchmarks that failed."""
    here = Path(__file__).parent
    scripts = sorted((here / "speed").glob("bench_*.py"))
    codes = [
        subprocess.run([sys.executable, str(path)], check=False).returncode for path in scripts
    ]
    return sum(code != 0 for code in codes)


if __name__ == "__main__":
    sys.exit(main())
