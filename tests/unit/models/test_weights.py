# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from katsuo.errors import ModelError
from katsuo.models import weights
from katsuo.models.tune import quiet

pytestmark = pytest.mark.train

IDS = [[1, 5, 3, 2, 7]]


def saved(folder: Path, *, hidden: int = 16) -> Path:
    config = LlamaConfig(
        vocab_size=12,
        hidden_size=hidden,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        tie_word_embeddings=True,
        initializer_range=0.4,
    )
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(5)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def adapter_on(base: Path, folder: Path) -> Path:
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(6)
        model = LlamaForCausalLM.from_pretrained(base)
        config = peft.LoraConfig(r=2, lora_alpha=8, target_modules="all-linear")
        adapted = peft.get_peft_model(model, config)
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(0, 0.2)
        adapted.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("base"))


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    return adapter_on(base, tmp_path / "adapter")


def logits(model: Any) -> Any:  # noqa: ANN401
    with torch.no_grad():
        return model(input_ids=torch.tensor(IDS)).logits


def test_an_adapter_is_merged_without_a_loss(base: Path, adapter: Path) -> None:
    with quiet():
        plain = LlamaForCausalLM.from_pretrained(base)
        before = logits(plain)
        expected = logits(peft.PeftModel.from_pretrained(plain, adapter))
    found = logits(weights.load(base, adapter=adapter, precision="float32"))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, before, atol=0.1)


def test_only_matrices_are_narrow_and_what_flows_between_layers_is_wide(base: Path) -> None:
    model = weights.load(base, adapter=None, precision="bfloat16")
    types = {weight.ndim: weight.dtype for weight in model.parameters()}
    assert types == {1: torch.float32, 2: torch.bfloat16}
    assert weights.is_narrow(model)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        output = model(input_ids=torch.tensor(IDS), output_hidden_states=True)
    assert {state.dtype for state in output.hidden_states} == {torch.float32}
    wide = weights.load(base, adapter=None, precision="float32")
    assert not weights.is_narrow(wide)
    assert float((output.logits - logits(wide)).abs().mean()) < 0.05


def test_loading_says_nothing(base: Path, adapter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights.load(base, adapter=adapter, precision="bfloat16")
    assert capfd.readouterr() == ("", "")


def pickled_base(base: Path, _adapter: Path) -> None:
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()


def base_with_gaps(base: Path, _adapter: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, base / "model.safetensors", {"format": "pt"})


def base_cut_short(base: Path, _adapter: Path) -> None:
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def base_with_broken_config(base: Path, _adapter: Path) -> None:
    (base / "config.json").write_text("{", "utf-8")


def base_with_a_list_as_config(base: Path, _adapter: Path) -> None:
    (base / "config.json").write_text("[]", "utf-8")


def base_with_words_for_numbers(base: Path, _adapter: Path) -> None:
    config = json.loads((base / "config.json").read_text("utf-8"))
    (base / "config.json").write_text(json.dumps(config | {"hidden_size": "large"}), "utf-8")


def base_of_size_nothing(base: Path, _adapter: Path) -> None:
    config = json.loads((base / "config.json").read_text("utf-8"))
    (base / "config.json").write_text(json.dumps(config | {"hidden_size": 0}), "utf-8")


def adapter_cut_short(_base: Path, adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def adapter_with_broken_config(_base: Path, adapter: Path) -> None:
    (adapter / "adapter_config.json").write_text("{", "utf-8")


def adapter_of_rank_nothing(_base: Path, adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"r": 0}), "utf-8")


def base_with_code(base: Path, _adapter: Path) -> None:
    config = json.loads((base / "config.json").read_text("utf-8"))
    config |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "mine.Mine"}}
    (base / "config.json").write_text(json.dumps(config), "utf-8")


def pickled_adapter(_base: Path, adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    torch.save(tensors, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()


def adapter_without_config(_base: Path, adapter: Path) -> None:
    (adapter / "adapter_config.json").unlink()


def adapter_with_gaps(_base: Path, adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    left = {name: tensor for name, tensor in tensors.items() if "layers.1" not in name}
    save_file(left, adapter / "adapter_model.safetensors")


def adapter_of_a_larger_model(_base: Path, adapter: Path) -> None:
    adapter_on(saved(adapter.parent / "large", hidden=32), adapter)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(pickled_base, "safetensors", id="pickled-base"),
        pytest.param(base_with_gaps, "lack 1 tensors.*up_proj", id="base-with-gaps"),
        pytest.param(base_cut_short, "model.safetensors: is damaged or cut", id="base-cut-short"),
        pytest.param(base_with_broken_config, "config.json: cannot be read", id="base-config"),
        pytest.param(base_with_a_list_as_config, "config.json: holds a list", id="base-list"),
        pytest.param(base_with_words_for_numbers, "cannot load it", id="base-words"),
        pytest.param(base_of_size_nothing, "cannot load it", id="base-of-size-0"),
        pytest.param(adapter_cut_short, "adapter_model.safetensors: is dam", id="adapter-cut"),
        pytest.param(adapter_with_broken_config, "config.json: cannot be", id="adapter-broken"),
        pytest.param(adapter_of_rank_nothing, "tuned on this base", id="adapter-rank-0"),
        pytest.param(base_with_code, "runs no code of its own", id="base-with-code"),
        pytest.param(pickled_adapter, "no adapter_model.safetensors", id="pickled-adapter"),
        pytest.param(adapter_without_config, "no adapter_config.json", id="adapter-config"),
        pytest.param(adapter_with_gaps, "tensors have no mate", id="adapter-with-gaps"),
        pytest.param(adapter_of_a_larger_model, "tuned on this base", id="another-base"),
    ],
)
def test_what_does_not_fit_whole_is_refused(
    tmp_path: Path, spoil: Callable[[Path, Path], None], says: str
) -> None:
    base = saved(tmp_path / "own")
    adapter = adapter_on(base, tmp_path / "adapter")
    spoil(base, adapter)
    with pytest.raises(ModelError, match=says) as caught:
        weights.load(base, adapter=adapter, precision="float32")
    assert "\n" not in str(caught.value)


def test_a_precision_that_is_not_offered_is_refused(base: Path) -> None:
    with pytest.raises(ModelError, match="dtype is 'int4'; it must be one of bfloat16, float32"):
        weights.load(base, adapter=None, precision="int4")
