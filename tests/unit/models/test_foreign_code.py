"""A model or adapter folder runs no code, whatever its files are called."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from katsuo.errors import ModelError
from katsuo.models import shelf


class Ran:
    """A pickle that leaves a file when somebody opens it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.place,)  # type: ignore[return-value]  # the point


@pytest.fixture
def bomb(tmp_path: Path) -> bytes:
    """The pickle."""
    return pickle.dumps(Ran(tmp_path / "ran"))


def adapter(folder: Path, base: str, **files: bytes) -> Path:
    """An adapter folder with these files."""
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": base, "r": 1}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "adapter_model__bin",
        "adapter_model__pt",
        "adapter_model__safetensors__bin",
        "adapter_model__SAFETENSORS",
        "adapter_model__pkl",
    ],
)
def test_a_pickled_adapter_is_refused_whatever_it_is_called(
    tmp_path: Path, tiny: Path, bomb: bytes, name: str
) -> None:
    folder = adapter(tmp_path / "adapter", str(tiny), **{name: bomb})
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors; pickled adapters are"):
        shelf.find(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_under_the_name_of_safetensors_is_damaged(
    tmp_path: Path, tiny: Path, bomb: bytes
) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    from katsuo.models import weights

    folder = adapter(tmp_path / "adapter", str(tiny), adapter_model__safetensors=bomb)
    found = shelf.find(str(folder))
    with pytest.raises(ModelError, match=r"adapter_model.safetensors: is damaged or cut off"):
        weights.load(found.folder, adapter=found.adapter, precision="float32")
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_refused(tmp_path: Path, tiny: Path, bomb: bytes) -> None:
    (tiny / "model.safetensors").unlink()
    for name in ("pytorch_model.bin", "model.safetensors.bin", "model.pt"):
        (tiny / name).write_bytes(bomb)
    with pytest.raises(ModelError, match="no safetensors weights; other weight files are refused"):
        shelf.find(str(tiny))
    assert not (tmp_path / "ran").exists()


def test_code_in_a_model_folder_is_not_run(tmp_path: Path, tiny: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    from katsuo.models import weights

    code = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in ("modeling_evil.py", "configuration_evil.py", "tokenization_evil.py"):
        (tiny / name).write_text(code)
    config = json.loads((tiny / "config.json").read_text())
    config["auto_map"] = {
        "AutoConfig": "configuration_evil.EvilConfig",
        "AutoModelForCausalLM": "modeling_evil.EvilModel",
    }
    (tiny / "config.json").write_text(json.dumps({**config, "model_type": "evil"}))
    with pytest.raises(ModelError, match="and runs no code of its own"):
        weights.load(shelf.find(str(tiny)).folder, adapter=None, precision="float32")
    (tiny / "config.json").write_text(json.dumps(config))  # of a family that is known: it loads
    weights.load(shelf.find(str(tiny)).folder, adapter=None, precision="float32")
    assert not (tmp_path / "ran").exists()
