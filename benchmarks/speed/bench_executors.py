"""What do two processes gain over one? Contexts per second of `generate`, fake engine, in turn."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from bench_memory import corpus
from filing import file, spread

from katsuo import recipe as recipes
from katsuo.road import travel
from katsuo.store.runs import FOLDERS, Run

N_PASSAGES = 6_000
TURNS = 3
PLACES = {
    "this process": (),
    "one process": ("execution.executor=processes", "execution.workers=1"),
    "two processes": ("execution.executor=processes", "execution.workers=2"),
}


def seconds(recipe: Path, run: Run, changes: tuple[str, ...]) -> float:
    """Of `generate` with no cell of it there; its processes start and end within."""
    for folder in (run.folder / FOLDERS["generate"], run.home / FOLDERS["generate"]):
        shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    travel(recipes.load(recipe, changes), run, until="generate", listen=lambda _: None)
    return time.perf_counter() - began


def main() -> None:
    """Time every place in turn, so that what else the machine does falls on all of them."""
    rates: dict[str, list[float]] = {name: [] for name in PLACES}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        corpus(folder, N_PASSAGES)
        recipe = folder / "r.yaml"
        recipe.write_text(
            f"ingest: {{paths: ['{folder / 'rules.parquet'}'], text_column: text}}\n"
            "generate: {generator: fake}\nadapt: {base: fake}\n",
            "utf-8",
        )
        run = Run.at(folder / "runs" / "r")
        travel(recipes.load(recipe), run, until="ingest", listen=lambda _: None)
        for _ in range(TURNS):
            for name, changes in PLACES.items():
                rates[name].append(N_PASSAGES / seconds(recipe, run, changes))
    pairs = zip(rates["this process"], rates["two processes"], strict=True)
    ratios = [two / one for one, two in pairs]
    file(
        "executors",
        {
            **{f"contexts/s in {name}": spread(found) for name, found in rates.items()},
            "two processes over this process": spread(ratios),
            "medians' ratio": round(
                statistics.median(rates["two processes"])
                / statistics.median(rates["this process"]),
                3,
            ),
        },
        f"{N_PASSAGES} passages of about 90 words, three drafts of each, fake engine: `generate` "
        "alone, from finished passages to its manifest. Starting the processes is in the time.",
    )


if __name__ == "__main__":
    main()
