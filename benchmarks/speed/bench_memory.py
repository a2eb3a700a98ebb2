"""Is memory bounded? Peak of ingest and generate on 1,000 and 10,000 passages, fake engine."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file

SIZES = (1_000, 10_000)
WORDS = ("harbour", "vessel", "pilot", "quay", "basin", "tide", "permit", "master", "rope")


def corpus(folder: Path, n_passages: int) -> None:
    """One Parquet table, one passage of about 90 words a row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = random.Random(0)
    rows = [" ".join([f"Rule {i}", *chance.choices(WORDS, k=90)]) + "." for i in range(n_passages)]
    pq.write_table(pa.table({"text": rows}), folder / "rules.parquet")


def main() -> None:
    """Run the two stages in a process of their own and read the manifests."""
    figures: dict[str, object] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            corpus(folder, size)
            recipe = folder / "r.yaml"
            recipe.write_text(
                f"ingest: {{paths: ['{folder / 'rules.parquet'}'], text_column: text}}\n"
                "generate: {generator: fake}\nadapt: {base: fake}\n",
                "utf-8",
            )
            began = time.perf_counter()
            words = [
                "-m",
                "katsuo.cli",
                "generate",
                str(recipe),
                "--run",
                str(folder / "runs" / "r"),
            ]
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            seconds = time.perf_counter() - began
            for stage in ("1-contexts", "2-tasks"):
                path = folder / "runs" / "r" / stage / "manifest.json"
                manifest = json.loads(path.read_text("utf-8"))
                figures[f"{size} passages, {stage}: peak MiB"] = manifest["peak_mib"]
            figures[f"{size} passages: passages/s, both stages"] = round(size / seconds, 1)
    file(
        "memory", figures, "Peak resident memory of the process, stage by stage. Goal: < 2048 MiB."
    )


if __name__ == "__main__":
    main()
