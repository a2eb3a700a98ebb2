"""How long do `import katsuo` and `katsuo --help` take, a bare interpreter beside them?"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file, spread

ROUNDS = 20
COMMANDS = {
    "python -c pass, ms": ["-c", "pass"],
    "import katsuo, ms": ["-c", "import katsuo"],
    "katsuo --help, ms": ["-m", "katsuo.cli", "--help"],
}


def main() -> None:
    """Time each command in turn, `ROUNDS` times, as whole processes."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, words in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            taken[name].append((time.perf_counter() - began) * 1000)
    figures = {name: spread(values) for name, values in taken.items()}
    file(
        "startup",
        figures,
        "Whole processes, interpreter start included; rounds in turn. Goals: import < 150 ms, "
        "help < 400 ms.",
    )


if __name__ == "__main__":
    main()
