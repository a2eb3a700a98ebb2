# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.torch import load_file

from katsuo.errors import ModelError
from katsuo.models import launch
from katsuo.training import Step

pytestmark = pytest.mark.train

SCRIPT = """
import os, sys
from pathlib import Path

from katsuo.models.tokens import Tokens
from katsuo.models.tune import LoraTuner
from katsuo.training import TuneSettings
from katsuo.types import Pair

# Of very different lengths, so that a mean of means would be wrong; the longest is alone.
PAIRS = [Pair(prompt="ask " * n, target="say " * (n * n % 7 + 1), chat=False) for n in range(1, 9)]


def tune(base, into, method, on_step=None):
    settings = TuneSettings(
        rank=2, learning_rate=1e-2 if method == "lora" else 1e-3, batch_tokens=80, epochs=2,
        precision="float32", checkpoint_seconds=0, weight_decay=0.1, method=method, device="cpu",
    )
    LoraTuner(
        base=base, base_name="tiny", tokens=Tokens.load(base), settings=settings,
        held_out={"all": PAIRS[:2]}, on_step=on_step,
    ).tune(PAIRS, into)


if __name__ == "__main__":
    base, into, rank = Path(sys.argv[1]), Path(sys.argv[2]), os.environ["RANK"]
    for name in sys.argv[3:]:
        with (into / f"told-{name}-{rank}").open("w") as told:
            tune(base, into / name, name.split("-")[0], lambda step: told.write(f"{step.step} "))
"""


class KilledError(Exception):
    """The end of a process, as far as a run can tell."""


def killed(step: Step) -> None:
    if step.step == 3:
        raise KilledError


def launched(script: Path, *arguments: str) -> None:
    """Run the script in two processes, as a launcher does."""
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = subprocess.run(
        [sys.executable, *run, str(script), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]


def weights(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*model.safetensors")
    return dict(load_file(path))


def test_two_processes_tune_and_resume_as_one_does_and_only_the_first_writes(
    tiny_llama: Path, tmp_path: Path
) -> None:
    script, one, two = tmp_path / "script.py", tmp_path / "one", tmp_path / "two"
    script.write_text(SCRIPT, "utf-8")
    tune = runpy.run_path(str(script))["tune"]
    tune(tiny_llama, one / "lora", "lora")
    tune(tiny_llama, one / "full", "full")
    with pytest.raises(KilledError):
        tune(tiny_llama, two / "lora-resumed", "lora", killed)
    launched(script, str(tiny_llama), str(two), "lora", "full", "lora-resumed")
    for name in ("lora", "full", "lora-resumed"):
        expected, found = rows(one / name.split("-")[0]), rows(two / name)
        assert len(found) == len(expected) > 6
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.keys() == theirs.keys()
            for key in ours.keys() - {"seconds"}:
                assert ours[key] == pytest.approx(theirs[key], rel=1e-4)
        learned = weights(two / name)
        for key, value in weights(one / name.split("-")[0]).items():
            torch.testing.assert_close(learned[key], value, rtol=1e-3, atol=2e-4)
        assert not (two / name / "checkpoint").exists()
        told = (two / f"told-{name}-0").read_text().split()
        assert told[0] == ("4" if name == "lora-resumed" else "1")
        assert not (two / f"told-{name}-1").read_text()


def test_a_process_that_nobody_launched_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    crew = launch.join("cpu")
    assert (crew.is_first, crew.size, crew.names) == (True, 1, ())
    assert crew.total(2.5) == 2.5
    crew.agree("any", 3)
    crew.wait()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="is cuda and there is no CUDA device"):
        launch.join("cuda")
