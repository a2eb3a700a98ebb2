"""A disk that takes no more ends a run in one line; with room, the same command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.faults.killing import Watched

pytestmark = pytest.mark.slow
ROOM_BYTES: Final = 9_000
"""Of a file: enough for the first stage's tables, too little for the second's."""


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        pytest.param("local", "the disk takes no more", id="here"),
        pytest.param("processes", "workers died at it", id="in-workers"),
    ],
)
def test_a_full_disk_is_one_line_and_no_loss(
    fake_recipe: Path, corpus: Path, tmp_path: Path, executor: str, said: str
) -> None:
    for number in range(40):
        text = "\n\n".join(f"Clause {number}.{i} obliges party {number}." for i in range(9))
        (corpus / f"clause-{number:03d}.md").write_text(text, "utf-8")
    words = ["curate", str(fake_recipe), "--set", f"execution.executor={executor}"]
    unbroken = Watched(words=words, run=tmp_path / "unbroken" / "run")
    unbroken.unbroken()
    watched = Watched(words=words, run=tmp_path / "full" / "run")
    limit = f"ulimit -f {ROOM_BYTES // 1024}; exec "
    command = [sys.executable, "-m", "katsuo.cli", *words, "--run", str(watched.run)]
    full = subprocess.run(
        ["bash", "-c", limit + '"$@"', "bash", *command],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert full.returncode == 2, full.stderr
    last = full.stderr.strip().splitlines()[-1]
    assert last.startswith("katsuo: ")
    assert said in last
    assert (watched.run / "1-contexts" / "manifest.json").is_file()
    done = watched.cells()
    watched.unbroken()
    assert watched.parquet() == unbroken.parquet()
    assert done.items() <= watched.cells().items()
    assert not watched.redone()
    assert not watched.unfinished()
