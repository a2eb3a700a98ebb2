from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from katsuo.errors import ModelError
from katsuo.models.gguf_form import _to_folder, _to_gguf, pack, unpack
from katsuo.models.merging import merged
from katsuo.models.tokens import Tokens

K_PROJ = "model.layers.0.self_attn.k_proj.weight"


def tensors_of(path: Path) -> dict[str, Any]:
    """Name -> values in float32, as an engine reads them."""
    return {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in gguf.GGUFReader(path).tensors
    }


def change_config(path: Path, **changes: Any) -> None:  # noqa: ANN401
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


@given(
    n_heads=st.integers(1, 6),
    half=st.integers(1, 5),
    columns=st.sampled_from([(), (1,), (3,)]),
)
def test_the_two_orders_of_rows_are_inverse(
    n_heads: int, half: int, columns: tuple[int, ...]
) -> None:
    shape = (n_heads * half * 2, *columns)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert np.array_equal(_to_folder(_to_gguf(values, n_heads), n_heads), values)
    assert np.array_equal(_to_gguf(_to_folder(values, n_heads), n_heads), values)


def test_the_pair_of_a_rotation_lies_side_by_side_in_gguf_and_half_a_head_apart_in_a_folder() -> (
    None
):
    rows = np.array([0, 1, 2, 3, 10, 11, 12, 13], dtype=np.float32)
    assert _to_gguf(rows, 2).tolist() == [0, 2, 1, 3, 10, 12, 11, 13]


def test_queries_and_keys_are_permuted_by_their_own_heads_and_nothing_else_is(
    tiny_llama: Path, tmp_path: Path
) -> None:
    pack(tiny_llama, None, tmp_path / "out.gguf", kind="F16")
    packed, ours = tensors_of(tmp_path / "out.gguf"), load_file(tiny_llama / "model.safetensors")
    attention = "model.layers.1.self_attn"
    assert len(packed) == len(ours)
    for theirs, name, n_heads in (
        ("blk.1.attn_q.weight", f"{attention}.q_proj.weight", 4),
        ("blk.1.attn_k.weight", f"{attention}.k_proj.weight", 2),
    ):
        assert np.array_equal(packed[theirs], _to_gguf(ours[name], n_heads))
        assert not np.array_equal(packed[theirs], ours[name])
    for theirs, name in (
        ("blk.1.attn_v.weight", f"{attention}.v_proj.weight"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
        ("token_embd.weight", "model.embed_tokens.weight"),
    ):
        assert np.array_equal(packed[theirs], ours[name])


def test_q8_takes_half_the_room_and_norms_stay_exact(tiny_llama: Path, tmp_path: Path) -> None:
    exact, small = tmp_path / "f.gguf", tmp_path / "q.gguf"
    pack(tiny_llama, None, exact, kind="F16")
    pack(tiny_llama, None, small, kind="Q8_0")
    wide, narrow = tensors_of(exact), tensors_of(small)
    assert small.stat().st_size < 0.65 * exact.stat().st_size
    for name, values in wide.items():
        error = float(np.abs(values - narrow[name]).max())
        assert error == 0 if values.ndim == 1 else 0 < error < 0.01


def test_the_form_states_the_shape_of_the_model(tiny_llama: Path, tmp_path: Path) -> None:
    pack(tiny_llama, None, tmp_path / "out.gguf")
    fields = gguf.GGUFReader(tmp_path / "out.gguf").fields
    stated = {
        name: fields[f"llama.{name}"].contents()
        for name in ("attention.head_count", "attention.head_count_kv", "attention.key_length")
    }
    assert list(stated.values()) == [4, 2, 16]
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens[fields["tokenizer.ggml.eos_token_id"].contents()] == "<|im_end|>"
    assert tokens[-1] == "[unused287]"


def test_what_is_unpacked_packs_to_the_same_weights(smollm_gguf: Path, tmp_path: Path) -> None:
    unpack(smollm_gguf, tmp_path / "folder")
    pack(tmp_path / "folder", None, tmp_path / "again.gguf", kind="F16")
    before, after = tensors_of(smollm_gguf), tensors_of(tmp_path / "again.gguf")
    assert before.keys() == after.keys()
    for name, values in before.items():
        assert np.array_equal(values.astype(np.float16), after[name]), name


def test_an_unpacked_folder_can_be_read_as_any_other(smollm_gguf: Path, tmp_path: Path) -> None:
    unpack(smollm_gguf, tmp_path / "folder")
    tokens = Tokens.load(tmp_path / "folder")
    assert tokens.text(tokens.prompt_ids("the 42nd moth", chat=False)) == "the 42nd moth"
    assert tokens.turn("Hi").startswith("<|im_start|>user\nHi")
    config = json.loads((tmp_path / "folder" / "config.json").read_text("utf-8"))
    assert config["tie_word_embeddings"] is True
    assert config["num_key_value_heads"] == 2


def test_only_the_smollm_family_is_unpacked(tiny_llama: Path, tmp_path: Path) -> None:
    pack(tiny_llama, None, tmp_path / "out.gguf")
    with pytest.raises(ModelError, match="only GGUF files of the SmolLM family"):
        unpack(tmp_path / "out.gguf", tmp_path / "folder")


def test_merged_weights_are_w_plus_scaled_b_a(tiny_llama: Path, tiny_adapter: Path) -> None:
    before = load_file(tiny_llama / "model.safetensors")
    factors = load_file(tiny_adapter / "adapter_model.safetensors")
    stem = "base_model.model.model.layers.0.self_attn.k_proj.lora_"
    update = factors[f"{stem}B.weight"] @ factors[f"{stem}A.weight"]
    after = dict(merged(tiny_llama, tiny_adapter))
    np.testing.assert_allclose(after[K_PROJ], before[K_PROJ] + 3 * update, rtol=1e-6)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {K_PROJ, "model.layers.1.mlp.down_proj.weight"}
    assert {values.dtype for values in after.values()} == {np.dtype(np.float32)}


def test_a_rank_stabilised_adapter_is_scaled_by_the_root_of_its_rank(
    tiny_llama: Path, tiny_adapter: Path
) -> None:
    before = load_file(tiny_llama / "model.safetensors")[K_PROJ]
    plain = dict(merged(tiny_llama, tiny_adapter))[K_PROJ] - before
    change_config(tiny_adapter / "adapter_config.json", use_rslora=True)
    rooted = dict(merged(tiny_llama, tiny_adapter))[K_PROJ] - before
    np.testing.assert_allclose(rooted, plain * 2**0.5, rtol=1e-3, atol=1e-5)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    numbers = np.array([[1.0, -3.5, 0.0], [0.15625, -1e30, 2.0**-130]], dtype=np.float32)
    upper = (numbers.view(np.uint32) >> 16).astype("<u2")
    places = {
        "other": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]},
    }
    header = json.dumps(places).encode()
    content = struct.pack("<Q", len(header)) + header + struct.pack("<f", 0.5) + upper.tobytes()
    (tmp_path / "model.safetensors").write_bytes(content)
    found = dict(merged(tmp_path, None))
    expected = (upper.astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(found["w"], expected)
    assert found["w"][0].tolist() == [1.0, -3.5, 0.0]
    assert found["other"].tolist() == [0.5]


def test_a_model_in_several_files_is_one_model(tiny_llama: Path, tmp_path: Path) -> None:
    pack(tiny_llama, None, tmp_path / "one.gguf")
    whole = load_file(tiny_llama / "model.safetensors")
    (tiny_llama / "model.safetensors").unlink()
    names = sorted(whole)
    for number, part in enumerate((names[:9], names[9:]), start=1):
        path = tiny_llama / f"model-{number:05d}-of-00002.safetensors"
        save_file({name: whole[name] for name in part}, path)
    pack(tiny_llama, None, tmp_path / "two.gguf")
    one, two = tensors_of(tmp_path / "one.gguf"), tensors_of(tmp_path / "two.gguf")
    assert all(np.array_equal(one[name], two[name]) for name in one)


def unknown_weight(_model: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    save_file({k.replace("layers.1", "layers.9"): v for k, v in load_file(path).items()}, path)


def other_width(_model: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    wide = {k: v[:, :40] if "lora_A" in k else v for k, v in load_file(path).items()}
    save_file({k: np.ascontiguousarray(v) for k, v in wide.items()}, path)


def pickled(_model: Path, adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")


def dora(_model: Path, adapter: Path) -> None:
    change_config(adapter / "adapter_config.json", use_dora=True)


def another_head(_model: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    more = {"base_model.model.lm_head.weight": np.ones((2, 2), np.float32)}
    save_file(load_file(path) | more, path)


def half_a_factor(_model: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "1.mlp" not in k or "_A" in k}, path)


def other_architecture(model: Path, _adapter: Path) -> None:
    change_config(model / "config.json", architectures=["MistralForCausalLM"])


def stretched_positions(model: Path, _adapter: Path) -> None:
    change_config(model / "config.json", rope_scaling={"rope_type": "llama3", "factor": 8.0})


def weights_left_out(model: Path, _adapter: Path) -> None:
    path = model / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "1.mlp.up" not in k}, path)


def no_head(model: Path, _adapter: Path) -> None:
    change_config(model / "config.json", tie_word_embeddings=False)


def cut_short(model: Path, _adapter: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def quantised(model: Path, _adapter: Path) -> None:
    path = model / "model.safetensors"
    save_file(load_file(path) | {"model.norm.weight": np.ones(64, np.int8)}, path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(unknown_weight, "weights unknown to .*layers.9.mlp.down", id="unknown-weight"),
        pytest.param(other_width, "32 x 40 there and 32 x 64 in", id="other-width"),
        pytest.param(pickled, "pickled adapters are refused", id="pickled-adapter"),
        pytest.param(dora, "only a plain LoRA of one rank", id="dora"),
        pytest.param(another_head, "only a plain LoRA", id="whole-weights-in-the-adapter"),
        pytest.param(half_a_factor, "only a plain LoRA", id="half-a-factor"),
        pytest.param(other_architecture, "MistralForCausalLM cannot .*engine: hf", id="mistral"),
        pytest.param(stretched_positions, "type 'llama3'.*engine: hf", id="stretched-positions"),
        pytest.param(weights_left_out, "lacks 1 weights.*layers.1.mlp.up_proj", id="weight-absent"),
        pytest.param(no_head, "such as lm_head.weight", id="head-absent"),
        pytest.param(cut_short, "is damaged", id="file-cut-short"),
        pytest.param(quantised, "model.norm.weight is I8; quantised", id="quantised"),
    ],
)
def test_what_cannot_be_packed_is_refused_and_leaves_no_file(
    tiny_llama: Path,
    tiny_adapter: Path,
    tmp_path: Path,
    spoil: Callable[[Path, Path], None],
    says: str,
) -> None:
    spoil(tiny_llama, tiny_adapter)
    with pytest.raises(ModelError, match=says):
        pack(tiny_llama, tiny_adapter, tmp_path / "forms" / "out.gguf")
    assert list((tmp_path / "forms").glob("**/*")) == []


def test_a_form_that_cannot_take_its_place_leaves_nothing_half_written(
    tiny_llama: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "forms" / "out.gguf"
    taken.mkdir(parents=True)
    with pytest.raises(OSError, match=r"out\.gguf"):
        pack(tiny_llama, None, taken)
    assert list((tmp_path / "forms").iterdir()) == [taken]
