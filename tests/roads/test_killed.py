"""`kill -9` at random moments, restarted each time: the files equal those of an unbroken run."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

SHORTEST_SECONDS, LONGEST_SECONDS = 0.4, 2.6
"""A fake run takes about two seconds here, most of it start-up."""


def command(recipe: Path, run: Path) -> list[str]:
    return [sys.executable, "-m", "katsuo.cli", "run", str(recipe), "--run", str(run)]


def parquet(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
    }


def killed_until_done(words: list[str], kills: int, chance: random.Random) -> int:
    """Kill the command `kills` times at most, then let it end; how often it really died."""
    died = 0
    for _ in range(kills):
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        if process.poll() is None:
            os.killpg(process.pid, 9)
            died += 1
        process.wait()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return died


def longer(corpus: Path) -> None:
    """Documents enough for several shards."""
    for number in range(150):
        lines = [f"Clause {number}.{i} obliges party {number * i} to deliver." for i in range(9)]
        (corpus / f"clause-{number:03d}.md").write_text("\n\n".join(lines), "utf-8")


def check(recipe: Path, corpus: Path, tmp_path: Path, kills: int, seed: int) -> int:
    longer(corpus)
    unbroken = tmp_path / "a" / "run"
    subprocess.run(command(recipe, unbroken), check=True, capture_output=True)
    broken = tmp_path / "b" / "run"
    died = killed_until_done(command(recipe, broken), kills, random.Random(seed))
    assert len(parquet(unbroken)) > 12
    assert parquet(broken) == parquet(unbroken)
    assert not list((tmp_path / "b").rglob("*.partial"))
    return died


def test_a_killed_run_ends_in_the_same_bytes(
    fake_recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    assert check(fake_recipe, corpus, tmp_path, kills=3, seed=0) >= 1


@pytest.mark.slow
def test_thirty_kills_end_in_the_same_bytes(
    fake_recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    assert check(fake_recipe, corpus, tmp_path, kills=30, seed=1) >= 10
