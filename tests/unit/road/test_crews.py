from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from katsuo import engines
from katsuo.road.crews import Job, crewed, n_processes
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.training import TuneSettings
from katsuo.types import Pair

Done = subprocess.CompletedProcess[str]
SETTINGS = ("--set", "adapt.max_steps=3", "--set", "adapt.arms=[tapt, tasks]")


def katsuo(*words: str, n: int = 1, **variables: str) -> Done:
    """The command, in so many processes as a launcher starts them."""
    torchrun = ("torch.distributed.run", "--standalone", f"--nproc-per-node={n}", "-m", "--")
    launcher = torchrun if n > 1 else ()
    return subprocess.run(
        [sys.executable, "-m", *launcher, "katsuo.cli", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def weights(run: Run, arm: str) -> dict[str, Any]:
    (path,) = (run.stage("adapt").folder / arm).glob("*model.safetensors")
    return dict(load_file(path))


def predictions(run: Run) -> list[dict[str, Any]]:
    return list(tables.read(run.stage("evaluate").folder / "predictions.parquet"))


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "full"])
def test_two_processes_take_the_whole_road_as_one_does(
    tiny_recipe: Path, tmp_path: Path, method: str
) -> None:
    pytest.importorskip("accelerate")
    runs = {}
    for n in (1, 2):
        runs[n] = Run.at(tmp_path / f"by-{n}" / "run")
        words = ["run", str(tiny_recipe), "--run", str(runs[n].folder), *SETTINGS, "--json"]
        done = katsuo(*words, "--set", f"adapt.method={method}", n=n)
        assert done.returncode == 0, done.stderr
        (said,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
        assert set(json.loads(said)["arms"]) == {"zero_shot", "tapt", "tasks"}
    for arm in ("tapt", "tasks"):
        alone, together = (weights(runs[n], arm) for n in (1, 2))
        assert alone.keys() == together.keys()
        assert all(abs(alone[name] - together[name]).max() < 1e-6 for name in alone)
    assert len(predictions(runs[1])) == len(predictions(runs[2])) > 0
    again = katsuo("run", str(tiny_recipe), "--run", str(runs[2].folder), *SETTINGS,
                   "--set", f"adapt.method={method}", n=2)  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("done already") == 6


def losses(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.train
@pytest.mark.slow
def test_two_processes_teach_as_one_does(tiny_lesson: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folders = {}
    for n in (1, 2):
        run = tmp_path / f"by-{n}" / "run"
        folders[n] = run / "generator"
        done = katsuo("teach", str(tiny_lesson), "--run", str(run), "--json", n=n)
        assert done.returncode == 0, done.stderr
    alone, together = losses(folders[1]), losses(folders[2])
    assert len(alone) == len(together) == 5 + 3
    for one, two in zip(alone, together, strict=True):
        assert one.keys() == two.keys()
        for name in one.keys() - {"seconds"}:
            assert two[name] == pytest.approx(one[name], rel=1e-4)
    cards = [json.loads((folders[n] / "katsuo.json").read_text("utf-8")) for n in (1, 2)]
    assert cards[0]["key"] == cards[1]["key"]
    assert (folders[2] / "report.html").is_file()


@pytest.mark.train
def test_what_goes_wrong_in_the_first_process_ends_the_others(
    tiny_recipe: Path, tmp_path: Path
) -> None:
    pytest.importorskip("accelerate")
    run = tmp_path / "run"
    words = ("adapt", str(tiny_recipe), "--run", str(run), "--set", "adapt.max_tokens=16")
    done = katsuo(*words, n=2)
    assert done.returncode != 0
    assert done.stderr.count("katsuo: the arm tasks has nothing to learn") == 1
    assert "Traceback" not in done.stderr.partition("torch")[0]


@pytest.mark.train
def test_a_launcher_that_cuts_the_model_up_is_refused(tiny_recipe: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    words = ("adapt", str(tiny_recipe), "--run", str(tmp_path / "run"))
    done = katsuo(*words, n=2, ACCELERATE_USE_FSDP="true")
    assert done.returncode != 0
    assert "ACCELERATE_USE_FSDP is set: katsuo deals examples out" in done.stderr


def test_a_command_that_nobody_launched_takes_the_road(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert n_processes() == 1
    with crewed() as is_first:
        assert is_first


def test_a_job_survives_being_told(tiny: Path, tmp_path: Path) -> None:
    job = Job(
        base=engines.find(str(tiny)),
        settings=TuneSettings(method="full", micro_tokens=64),
        pairs=[Pair(prompt="ask", target="say ü"), Pair(prompt="", target="read", chat=False)],
        into=tmp_path / "into",
        held_out={"ynqa": [Pair(prompt="a", target="b")]},
    )
    assert Job.of(json.loads(json.dumps(job.to_json()))) == job


def test_a_job_that_goes_on_from_an_adapter_names_it(tiny: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"any")
    base = engines.with_adapter(engines.find(str(tiny)), adapter)
    job = Job(base=base, settings=TuneSettings(), pairs=[], into=tmp_path)
    assert Job.of(job.to_json()).base == base
