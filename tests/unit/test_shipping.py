"""A generator that is shipped states what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from katsuo import shipping
from katsuo.errors import RecipeError
from katsuo.types import TaskType


def facts(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    return {
        "format": "katsuo-v1",
        "base": {"name": "small", "sha256": "ab" * 32, "note": "as it came"},
        "pairs": 12,
        "settings": {"rank": 4, "alpha": 8, "learning_rate": 0.001, "batch_tokens": 64},
        "report": {
            "epochs": 0.25,
            "trained_tokens": 900,
            "target_tokens": 300,
            "steps": 7,
            "seconds": 3.0,
            "first_loss": 3.5,
            "last_loss": 1.25,
        },
        "by_type": {kind.value: 10 for kind in TaskType},
        "held_out": {"exqa": 5, "exqa, new source": 4},
        "held_out_nats": {"exqa": 0.5, "exqa, new source": 0.75},
        "licences": {"squad": "CC BY-SA 4.0"},
        **changes,
    }


def test_weights_are_rounded_to_half_precision_and_the_card_states_the_run(tmp_path: Path) -> None:
    taught = tmp_path / "taught"
    taught.mkdir()
    save_file({"a": np.array([1.0, 1 / 3], np.float32)}, taught / "adapter_model.safetensors")
    for name in ("adapter_config.json", "losses.jsonl"):
        (taught / name).write_text("{}", "utf-8")
    (taught / "katsuo.json").write_text(json.dumps(facts()), "utf-8")
    (tmp_path / "remix").mkdir()
    (tmp_path / "remix" / "card.json").write_text('{"tier": "permissive"}', "utf-8")
    shipping.ship(taught, tmp_path / "small-writer")
    assert (tmp_path / "small-writer" / "remix.json").read_text("utf-8") == '{"tier": "permissive"}'
    weights = load_file(tmp_path / "small-writer" / "adapter_model.safetensors")["a"]
    assert weights.dtype == np.float16
    assert weights.tolist() == np.array([1.0, 1 / 3], np.float16).tolist()
    card = (tmp_path / "small-writer" / "README.md").read_text("utf-8")
    assert "# small-writer" in card
    assert "`katsuo-v1`" in card
    assert "| exqa | 10 | 5 | 0.500 | 0.750 |" in card
    assert "| wsd | 10 | 0 | nan | nan |" in card
    assert "0.25 epochs" in card
    assert "**Language**: English only." in card
    assert "| squad | CC BY-SA 4.0 |" in card


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        ({"cores": 2, "cpu": "Zen", "gpu": "H100"}, "3 seconds on H100, shared"),
        ({"cores": 2, "cpu": "Zen", "gpu": ""}, "3 seconds on 2 cores of a CPU (Zen), shared"),
        (None, "3 seconds, shared"),
    ],
)
def test_a_card_names_the_machine_that_taught(
    tmp_path: Path, machine: dict[str, Any] | None, said: str
) -> None:
    taught = tmp_path / "taught"
    taught.mkdir()
    save_file({"a": np.array([1.0], np.float32)}, taught / "adapter_model.safetensors")
    for name in ("adapter_config.json", "losses.jsonl"):
        (taught / name).write_text("{}", "utf-8")
    (taught / "katsuo.json").write_text(json.dumps(facts()), "utf-8")
    (taught / "report.json").write_text(json.dumps({"machine": machine}), "utf-8")
    shipping.ship(taught, tmp_path / "writer")
    assert said in (tmp_path / "writer" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("by_type", "said"),
    [
        pytest.param({kind.value: 1 for kind in TaskType}, "", id="all"),
        pytest.param(
            {kind.value: 1 for kind in TaskType if kind is not TaskType.WSD},
            "Not taught at all: wsd.",
            id="all-but-one",
        ),
    ],
)
def test_a_card_names_the_types_that_were_not_taught(by_type: dict[str, int], said: str) -> None:
    card = shipping.card(facts(by_type=by_type), shipping.Made(name="small-writer", mib=1.0))
    assert ("Not taught" in card) == bool(said)
    assert said in card


def test_what_is_not_finished_is_not_shipped(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no katsuo\.json"):
        shipping.ship(tmp_path, tmp_path / "into")


def _adapter(folder: Path, rank: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(1)
    weights = {
        "layer.lora_A.weight": chance.normal(size=(rank, 7)).astype(np.float32),
        "layer.lora_B.weight": chance.normal(size=(5, rank)).astype(np.float32),
    }
    folder.mkdir()
    save_file(weights, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8.0}', "utf-8")
    (folder / "losses.jsonl").write_text("", "utf-8")
    (folder / "katsuo.json").write_text(json.dumps(facts()), "utf-8")
    return weights


def test_a_lower_rank_is_the_nearest_update_at_the_same_scale(tmp_path: Path) -> None:
    taught, into = tmp_path / "taught", tmp_path / "writer"
    weights = _adapter(taught, 4)
    shipping.ship(taught, into, rank=3)
    cut = load_file(into / "adapter_model.safetensors")
    assert cut["layer.lora_A.weight"].shape == (3, 7)
    assert cut["layer.lora_B.weight"].shape == (5, 3)
    whole = weights["layer.lora_B.weight"] @ weights["layer.lora_A.weight"]
    left, values, right = np.linalg.svd(whole, full_matrices=False)
    nearest = (left[:, :3] * values[:3]) @ right[:3]
    found = cut["layer.lora_B.weight"].astype(float) @ cut["layer.lora_A.weight"].astype(float)
    assert found == pytest.approx(nearest, abs=0.02)
    config = json.loads((into / "adapter_config.json").read_text("utf-8"))
    assert config["lora_alpha"] / config["r"] == 8.0 / 4
    kept = float(np.square(values[:3]).sum() / np.square(values).sum())
    card = (into / "README.md").read_text("utf-8")
    assert "cut to 3 by singular values" in card
    assert f"(at least {kept:.3f} of each update's squares stay)" in card


@pytest.mark.parametrize("rank", [0, 4, 5])
def test_a_rank_that_is_not_lower_is_refused(tmp_path: Path, rank: int) -> None:
    _adapter(tmp_path / "taught", 4)
    with pytest.raises(RecipeError, match=f"rank {rank}: .* has rank 4; give a lower one"):
        shipping.ship(tmp_path / "taught", tmp_path / "writer", rank=rank)


def test_the_command_says_in_one_line_what_it_cannot_ship(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shipping.main([str(tmp_path), str(tmp_path / "into")]) == 2
    said = capsys.readouterr().err
    assert "no katsuo.json" in said
    assert len(said.splitlines()) == 1
    _adapter(tmp_path / "taught", 4)
    assert shipping.main([str(tmp_path / "taught"), str(tmp_path / "into"), "2"]) == 0
