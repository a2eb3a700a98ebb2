# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file

from katsuo.models import checkpoints
from katsuo.models.checkpoints import Progress
from katsuo.models.tokens import Tokens
from katsuo.models.tune import LoraTuner
from katsuo.training import Step, TuneSettings
from katsuo.types import Pair

pytestmark = pytest.mark.train

PAIRS = [Pair(prompt=f"{'so ' * n}ask", target=f"say {'on ' * n}", chat=False) for n in range(6)]
LORA = TuneSettings(
    rank=2,
    learning_rate=1e-2,
    batch_tokens=40,
    max_steps=5,
    precision="float32",
    checkpoint_seconds=0,
)
FULL = replace(LORA, method="full", learning_rate=1e-3)


class KilledError(Exception):
    """The end of a process, as far as a run can tell."""


def killed_after(n_steps: int) -> Callable[[Step], None]:
    def on_step(step: Step) -> None:
        if step.step == n_steps:
            raise KilledError

    return on_step


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "losses.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*model.safetensors")
    return dict(load_file(path))


@pytest.fixture
def tuner(tiny_llama: Path) -> Callable[..., LoraTuner]:
    start = LoraTuner(
        base=tiny_llama, base_name="tiny", tokens=Tokens.load(tiny_llama), settings=LORA
    )
    return lambda **changes: replace(start, **changes)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(LORA, id="lora"),
        pytest.param(replace(LORA, dropout=0.2, micro_tokens=20), id="lora-in-passes"),
        pytest.param(replace(LORA, precision="bfloat16"), id="lora-bfloat16"),
        pytest.param(FULL, id="full"),
        pytest.param(replace(FULL, precision="bfloat16"), id="full-bfloat16"),
    ],
)
def test_a_run_killed_again_and_again_ends_as_an_unbroken_one(
    tuner: Callable[..., LoraTuner], tmp_path: Path, settings: TuneSettings
) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    report = tuner(settings=settings).tune(PAIRS, unbroken)
    for n_steps in (1, 2, 4, 5):
        with pytest.raises(KilledError):
            tuner(settings=settings, on_step=killed_after(n_steps)).tune(PAIRS, broken)
        assert not list(broken.glob("*model.safetensors"))
    steps: list[int] = []
    resumed = tuner(settings=settings, on_step=lambda step: steps.append(step.step))
    assert replace(resumed.tune(PAIRS, broken), seconds=report.seconds) == report
    assert steps == []
    assert rows(broken) == rows(unbroken)
    found, expected = weights(broken), weights(unbroken)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert not (broken / "checkpoint").exists()


@pytest.mark.parametrize(
    ("changes", "resumed"),
    [
        pytest.param({"checkpoint_seconds": 60.0}, True, id="how-often-it-is-saved"),
        pytest.param({"device": "cpu"}, True, id="where-it-runs"),
        pytest.param({"micro_tokens": 20}, True, id="in-how-many-passes"),
        pytest.param({"method": "full"}, False, id="what-is-learned"),
        pytest.param({"seed": 1}, False, id="chance"),
    ],
)
def test_a_checkpoint_outlives_settings_that_do_not_decide_the_weights(
    tuner: Callable[..., LoraTuner], tmp_path: Path, changes: dict[str, Any], *, resumed: bool
) -> None:
    with pytest.raises(KilledError):
        tuner(on_step=killed_after(3)).tune(PAIRS, tmp_path)
    steps: list[int] = []
    settings = replace(LORA, **changes)
    tuner(settings=settings, on_step=lambda step: steps.append(step.step)).tune(PAIRS, tmp_path)
    assert steps == ([4, 5] if resumed else [1, 2, 3, 4, 5])


class Counting:
    """Stands for an optimizer that keeps a plain number and a tensor of each weight."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.weights = list(model.parameters())
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)

    def step(self) -> None:
        for weight in self.weights:
            held = self.state[weight]
            held["step"] = held.get("step", 0) + 1
            held["state1"] = weight.detach() * held["step"]


def test_whatever_an_optimizer_keeps_of_a_weight_comes_back(tmp_path: Path) -> None:
    model, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    optimizer, anew = (Counting(held) for held in (model, other))
    optimizer.step()
    optimizer.step()
    progress = Progress(digest="d", done=2, seconds=1.5, rows=[{"step": 1}])
    checkpoints.save(model, optimizer, progress, tmp_path)
    assert checkpoints.restore(other, anew, "d", tmp_path) == progress
    assert torch.equal(other.weight, model.weight)
    assert anew.state[other.weight]["step"] == 2
    assert torch.equal(anew.state[other.bias]["state1"], 2 * model.bias.detach())


@pytest.mark.parametrize("written", [False, True], ids=["no-checkpoint", "of-another-run"])
def test_without_a_checkpoint_of_its_own_a_run_begins_at_the_beginning(
    tmp_path: Path, *, written: bool
) -> None:
    model = torch.nn.Linear(2, 3)
    optimizer = Counting(model)
    optimizer.step()
    if written:
        checkpoints.save(model, optimizer, Progress(digest="d", done=1, rows=[]), tmp_path)
    found = checkpoints.restore(model, optimizer, "other", tmp_path)
    assert found == Progress(digest="other", done=0, seconds=0.0, rows=[])
