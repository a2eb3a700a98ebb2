"""Small models made on the spot: random weights, a real tokenizer, no tensor library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

END = "<|im_end|>"
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 288,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": True,
}


def weights_of(config: dict[str, Any]) -> dict[str, Any]:
    """Random weights by name, such as half precision holds them exactly."""
    chance = np.random.default_rng(7)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    kv = hidden * config["num_key_value_heads"] // config["num_attention_heads"]
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(config["num_hidden_layers"]):
        parts: dict[str, tuple[int, ...]] = {
            "self_attn.q_proj": (hidden, hidden),
            "self_attn.k_proj": (kv, hidden),
            "self_attn.v_proj": (kv, hidden),
            "self_attn.o_proj": (hidden, hidden),
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
            "input_layernorm": (hidden,),
            "post_attention_layernorm": (hidden,),
        }
        shapes |= {f"model.layers.{layer}.{part}.weight": shape for part, shape in parts.items()}
    return {
        name: (chance.normal(0, 0.1, shape) + (len(shape) == 1)).astype(np.float16)
        for name, shape in shapes.items()
    }


def tokenizer_of() -> Tokenizer:
    """Byte-level BPE: 256 bytes, one merge, the three special tokens of the SmolLM family."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "th"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ("<|endoftext|>", "<|im_start|>", END)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


@pytest.fixture
def tiny_llama(tmp_path: Path) -> Path:
    """A model folder with more heads for queries than for keys."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_file(weights_of(CONFIG), folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    tokenizer_of().save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<|im_start|>", "eos_token": END, "chat_template": CHAT}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


@pytest.fixture
def tiny_adapter(tmp_path: Path) -> Path:
    """A LoRA of rank 2 on two weights of the tiny model."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = {
        "peft_type": "LORA",
        "r": 2,
        "lora_alpha": 6,
        "base_model_name_or_path": str(tmp_path / "tiny"),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    chance = np.random.default_rng(8)
    stem = "base_model.model.model.layers"
    shapes = {
        f"{stem}.0.self_attn.k_proj.lora_A.weight": (2, 64),
        f"{stem}.0.self_attn.k_proj.lora_B.weight": (32, 2),
        f"{stem}.1.mlp.down_proj.lora_A.weight": (2, 96),
        f"{stem}.1.mlp.down_proj.lora_B.weight": (64, 2),
    }
    factors = {name: chance.normal(0, 1, s).astype(np.float32) for name, s in shapes.items()}
    save_file(factors, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture
def check_alike() -> Callable[..., None]:
    """Checks that two batches give a model the same loss and the same gradients."""
    import torch  # what needs no trainer runs without it

    from katsuo.models import batches

    def check(model: Any, plain: batches.Batch, other: batches.Batch, *, half: bool) -> None:  # noqa: ANN401
        losses, slopes = [], []
        for batch in (plain, other):
            loss = batches.loss(model, batch, half=half)
            model.zero_grad()
            loss.backward()
            losses.append(loss.detach())
            slopes.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
        torch.testing.assert_close(losses[1], losses[0], rtol=2e-3 if half else 1e-5, atol=1e-5)
        error = float((slopes[1] - slopes[0]).norm() / slopes[0].norm())
        assert error < (0.05 if half else 1e-5)  # in bfloat16 either is about 0.05 from the truth

    return check


@pytest.fixture
def smollm_gguf(tmp_path: Path) -> Path:
    """A GGUF file that says it is of the SmolLM family, norms exact and matrices in Q8_0."""
    path = tmp_path / "smollm.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_vocab_size(CONFIG["vocab_size"])
    writer.add_context_length(CONFIG["max_position_embeddings"])
    writer.add_embedding_length(CONFIG["hidden_size"])
    writer.add_block_count(CONFIG["num_hidden_layers"])
    writer.add_feed_forward_length(CONFIG["intermediate_size"])
    writer.add_head_count(CONFIG["num_attention_heads"])
    writer.add_head_count_kv(CONFIG["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(CONFIG["rms_norm_eps"])
    writer.add_rope_freq_base(CONFIG["rope_theta"])
    _add_vocabulary(writer)
    _add_weights(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    vocabulary = tokenizer_of().get_vocab(with_added_tokens=True)
    by_id = {i: token for token, i in vocabulary.items()}
    tokens = [by_id.get(i, f"[unused{i}]") for i in range(CONFIG["vocab_size"])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(vocabulary["<|im_start|>"])
    writer.add_eos_token_id(vocabulary[END])
    writer.add_pad_token_id(vocabulary[END])
    writer.add_unk_token_id(vocabulary["<|endoftext|>"])
    writer.add_chat_template(CHAT)


def _add_weights(writer: gguf.GGUFWriter) -> None:
    kind = gguf.GGMLQuantizationType.Q8_0
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, CONFIG["num_hidden_layers"])
    for name, values in weights_of(CONFIG).items():
        theirs, exact = table.get_name(name, try_suffixes=(".weight",)), values.astype(np.float32)
        if values.ndim == 1:
            writer.add_tensor(theirs, exact)
        else:
            writer.add_tensor(theirs, gguf.quants.quantize(exact, kind), raw_dtype=kind)
