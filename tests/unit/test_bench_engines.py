"""The bench of engines: how runners are driven, what becomes of broken ones, what is counted."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SPEED = Path(__file__).parents[2] / "benchmarks" / "speed"
FAKE = """
import sys

sys.path.insert(0, {peers!r})
from serving import of_ids, serve


def load(job):
    if "broken" in job["settings"]:
        raise ValueError("no such kernel")
    print("a library's chatter")

    def run(number):
        if "weak" in job["settings"] and number > 1:
            raise MemoryError("too much")
        return of_ids([[7] * job["new_tokens"]] * number)

    return run


serve(load, ())
"""


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- a module outside the package
    for folder in (SPEED, SPEED.parent, SPEED / "peers"):
        monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module("bench_engines")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "peer_fake.py"
    path.write_text(FAKE.format(peers=str(SPEED / "peers")), "utf-8")
    return path


def job(tmp_path: Path, **settings: object) -> dict[str, Any]:
    return {
        "prompts": [[1, 2]],
        "new_tokens": 3,
        "threads": 1,
        "scratch": str(tmp_path),
        "settings": settings,
    }


def test_a_runner_answers_as_often_as_it_is_asked(bench: Any, script: Path, tmp_path: Path) -> None:  # noqa: ANN401
    runner = bench.Runner(Path(sys.executable), script, job(tmp_path))
    try:
        answers = [runner.take(number) for number in (1, 2)]
        assert [answer["n_tokens"] for answer in answers] == [3, 6]
        assert answers[0]["ids"] == [[7, 7, 7]]
        assert runner.peak_mib() > 0
    finally:
        runner.close()


def test_a_runner_that_cannot_load_says_why(bench: Any, script: Path, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(bench.BrokenError, match="no such kernel"):
        bench.Runner(Path(sys.executable), script, job(tmp_path, broken=True))


def test_a_runner_that_breaks_in_a_round_says_why(bench: Any, script: Path, tmp_path: Path) -> None:  # noqa: ANN401
    runner = bench.Runner(Path(sys.executable), script, job(tmp_path, weak=True))
    with pytest.raises(bench.BrokenError, match="too much"):
        runner.take(2)


def test_an_environment_that_is_missing_is_a_reason(
    bench: Any,  # noqa: ANN401
    script: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(bench.BrokenError, match="make bench-engines"):
        bench.Runner(tmp_path / "python", script, job(tmp_path))


def test_drafts_cost_their_layers_and_a_head_for_each_new_token(bench: Any) -> None:  # noqa: ANN401
    shapes = {
        "model.embed_tokens.weight": [10, 4],
        "model.layers.0.mlp.up_proj.weight": [4, 6],
        "model.norm.weight": [4],
    }
    flops = bench.flops.of_drafts(shapes, 30, 2, 5)
    assert flops == 2 * 24 * (30 + 2 * 4) + 2 * 40 * 2 * 5


def test_a_broken_engine_is_a_line_with_its_reason(bench: Any) -> None:  # noqa: ANN401
    ground = SimpleNamespace(n_prompts=2, useful_flops=8e9, job={"new_tokens": 4})
    run = bench.Field(ground)
    for name, rate in ((bench.PRODUCT, 8.0), ("transformers", 4.0), ("llama.cpp", 9.0)):
        one = bench.Measured(settings={}, versions=name, texts=["a", "b"], n_tokens=8)
        one.rates, one.seconds = [rate, rate], [8 / rate, 8 / rate]
        run.measured[name] = one
    run.broken["llama.cpp"] = "out of memory"
    found = bench.figures_of(run, [16.0, 16.0])
    assert found["llama.cpp, broken"] == "out of memory"
    assert "llama.cpp, new tokens/s" not in found
    assert found["product / transformers"]["median"] == 2.0
    assert found["product, share of the compute bound"]["median"] == 0.5
