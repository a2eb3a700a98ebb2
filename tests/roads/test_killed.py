"""`kill -9` at random moments, restarted each time: the files equal those of an unbroken run."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

SHORTEST_SECONDS, LONGEST_SECONDS = 0.4, 2.6
"""A fake run takes about two seconds here, most of it start-up."""
PATIENCE: Final = 1.3
"""Each kill of a run leaves the next try so much longer, or a slow machine would never end."""


def command(recipe: Path, run: Path) -> list[str]:
    return [sys.executable, "-m", "katsuo.cli", "run", str(recipe), "--run", str(run)]


def parquet(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
    }


def killed(words: list[str], chance: random.Random, stretch: float) -> bool:
    """Start the command and kill it at a random moment; whether it was still at work."""
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=stretch * chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
    working = process.poll() is None
    if working:
        os.killpg(process.pid, 9)
    process.wait()
    return working


def longer(corpus: Path) -> None:
    """Documents enough for several shards."""
    for number in range(150):
        lines = [f"Clause {number}.{i} obliges party {number * i} to deliver." for i in range(9)]
        (corpus / f"clause-{number:03d}.md").write_text("\n\n".join(lines), "utf-8")


def rounds(recipe: Path, corpus: Path, tmp_path: Path, n_kills: int) -> None:
    """Kill `n_kills` times over as many runs as that takes; each ends like the unbroken one."""
    longer(corpus)
    unbroken = tmp_path / "unbroken" / "run"
    subprocess.run(command(recipe, unbroken), check=True, capture_output=True)
    expected = parquet(unbroken)
    assert len(expected) > 12
    chance = random.Random(n_kills)
    died = number = 0
    while died < n_kills:
        number += 1
        folder = tmp_path / f"round-{number}" / "run"
        stretch = 1.0
        while killed(command(recipe, folder), chance, stretch):
            died += 1
            stretch *= PATIENCE
        done = subprocess.run(command(recipe, folder), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert parquet(folder) == expected
        assert not list(folder.parent.rglob("*.partial"))


def test_a_killed_run_ends_in_the_same_bytes(
    fake_recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    rounds(fake_recipe, corpus, tmp_path, n_kills=3)


@pytest.mark.slow
def test_thirty_kills_end_in_the_same_bytes(
    fake_recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    rounds(fake_recipe, corpus, tmp_path, n_kills=30)
