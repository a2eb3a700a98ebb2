"""Drivers, workers and whole nodes killed at random moments: nothing is lost, doubled or redone.

`make test-faults` runs this: ten batches of ten kills, each batch by its own seed. A batch that
went well is noted in the file that KATSUO_FAULTS names and not run again.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from katsuo.models import shelf
from tests.faults.killing import PATIENCE, Killer, Watched

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc"),
]

KILLS: Final = int(os.environ.get("KATSUO_KILLS", "2"))
"""Of a batch."""
NOTED: Final = os.environ.get("KATSUO_FAULTS", "")
DOCUMENTS: Final = Path(__file__).parents[2] / "examples" / "harbour" / "documents"
EXECUTORS: Final = {
    "local": ["--set", "execution.executor=local"],
    "processes": ["--set", "execution.executor=processes"],
    "ray": ["--set", "execution.executor=ray"],
}
BATCHES: Final = [("local", 4), ("processes", 6), ("ray", 1)]
without_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
without_model = pytest.mark.skipif(
    not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
    reason="the base model is not in the cache: katsuo models pull smollm2-135m",
)


def noted(batch: str) -> bool:
    """Whether a batch of so many kills went well before."""
    path = Path(NOTED)
    lines = path.read_text("utf-8").splitlines() if NOTED and path.is_file() else []
    return any((one["batch"], one["kills"]) == (batch, KILLS) for one in map(json.loads, lines))


def note(batch: str, killed: dict[str, int], runs: int) -> None:
    """Print the tally of a batch, which names its seed, and keep it."""
    line = json.dumps({"batch": batch, "kills": KILLS, "killed": killed, "runs": runs})
    print(line)  # noqa: T201 -- the tally
    if NOTED:
        Path(NOTED).parent.mkdir(parents=True, exist_ok=True)
        with Path(NOTED).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def rounds(batch: str, words: Sequence[str], seed: int, tmp_path: Path) -> None:
    """Kill as often as a batch has it, over as many runs as that takes; each ends like the first.

    In every other run a new driver is not kept waiting for the workers of a killed one, who finish
    the shard in hand; what they make may then be made twice, and is not asked about.
    """
    if noted(batch):
        pytest.skip(f"{batch} went well before: {NOTED}")
    unbroken = Watched(words=words, run=tmp_path / "unbroken" / "run")
    killer = Killer(chance=random.Random(seed), seconds=unbroken.unbroken())
    expected = unbroken.parquet()
    assert len(expected) > 4
    assert not unbroken.redone()
    number = 0
    while killer.killed.total() < KILLS:
        number += 1
        waits = number % 2 == 1
        watched = Watched(words=words, run=tmp_path / f"round-{number}" / "run")
        stretch, done = 1.0, dict[str, int]()
        while killer.killed.total() < KILLS and killer.strike(watched, stretch, wait=waits):
            stretch *= PATIENCE
            assert done.items() <= watched.cells().items()
            done = watched.cells()
        watched.unbroken()
        assert watched.parquet() == expected
        assert done.items() <= watched.cells().items()
        assert watched.cells().keys() == {
            str(tmp_path / f"round-{number}" / Path(path).relative_to(tmp_path / "unbroken"))
            for path in unbroken.cells()
        }
        assert not (waits and watched.redone())
        assert not watched.unfinished()
    note(batch, dict(killer.killed), number)


@pytest.fixture
def many(corpus: Path) -> None:
    """Documents enough for several shards."""
    for number in range(60):
        lines = [f"Clause {number}.{i} obliges party {number * i} to deliver." for i in range(9)]
        (corpus / f"clause-{number:03d}.md").write_text("\n\n".join(lines), "utf-8")


@pytest.mark.parametrize(
    ("executor", "seed"),
    [
        pytest.param(name, seed, marks=[without_ray] if name == "ray" else [], id=f"{name}-{seed}")
        for name, n_batches in BATCHES
        for seed in range(n_batches)
    ],
)
@pytest.mark.usefixtures("many")
def test_kills_at_random_moments_lose_double_and_redo_nothing(
    fake_recipe: Path, tmp_path: Path, executor: str, seed: int
) -> None:
    """The whole road at the first seed, and as far as shards of passages go at the others."""
    verb = "curate" if seed else "run"
    rounds(f"{executor}-{seed}", [verb, str(fake_recipe), *EXECUTORS[executor]], seed, tmp_path)


@pytest.mark.model
@without_model
@pytest.mark.parametrize("executor", ["local", "processes"])
def test_the_real_engine_too(tmp_path: Path, executor: str) -> None:
    recipe = tmp_path / "real.yaml"
    recipe.write_text(
        f"limit: 70\ningest: {{paths: ['{DOCUMENTS}'], max_tokens: 80, min_words: 8}}\n"
        "generate: {generator: smollm2-135m, task_types: [ynqa], max_tokens: 12}\n"
        "adapt: {base: smollm2-135m}\n",
        "utf-8",
    )
    words = ["curate", str(recipe), *EXECUTORS[executor]]
    rounds(f"real-{executor}", words, 0, tmp_path)
