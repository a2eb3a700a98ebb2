"""The demo: the whole road on the invented harbour, and what it took beside its budget."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

BUDGET_MINUTES: Final = 12.0
"""On two cores, downloads of packages left out; 20 minutes with everything is the promise."""


def main() -> int:
    """Run `recipes/demo.yaml` into `runs/demo`; its exit code."""
    began = time.monotonic()
    command = [sys.executable, "-m", "katsuo.cli", "run", "recipes/demo.yaml", "--run", "runs/demo"]
    code = subprocess.run(command, check=False).returncode
    minutes = (time.monotonic() - began) / 60
    print(f"\ntime: {minutes:.1f} minutes; budget: {BUDGET_MINUTES:.0f} minutes on two cores")
    return code


if __name__ == "__main__":
    sys.exit(main())
