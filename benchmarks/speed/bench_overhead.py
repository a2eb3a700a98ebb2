"""Which share of the demo's time is no model? The same recipe on fakes, over the real run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file

REAL = Path("runs/demo/6-report/report.json")


def main() -> None:
    """Needs `make demo` to have run in this checkout."""
    if not REAL.is_file():
        sys.exit(f"{REAL} is not there; run make demo first")
    real = sum(json.loads(REAL.read_text("utf-8"))["seconds"].values())
    with tempfile.TemporaryDirectory() as scratch:
        words = [
            *("-m", "katsuo.cli", "run", "recipes/demo.yaml", "--run", f"{scratch}/runs/demo"),
            *("--set", "generate.generator=fake", "--set", "adapt.base=fake"),
        ]
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        fake = time.perf_counter() - began
    file(
        "overhead",
        {
            "demo, s": round(real, 1),
            "the same on fakes, s": round(fake, 1),
            "share that is no model": round(fake / real, 4),
        },
        "The fake run reads, chunks by words, parses, filters, resamples and writes as much, and "
        "calls no model. Goal: share < 0.05.",
    )


if __name__ == "__main__":
    main()
