"""A small model made on the spot, to be tuned and asked, and rows to make a generator of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

N_ROWS = 60
END = "<|im_end|>"
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, INNER, WORDS = 32, 64, 288
"""Rows of 32 and 64 numbers: engine forms cut them into blocks of 32."""
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": WORDS,
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": True,
}
LAYER = "model.layers.0"
SHAPES: dict[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (WORDS, HIDDEN),
    "model.norm.weight": (HIDDEN,),
    f"{LAYER}.self_attn.q_proj.weight": (HIDDEN, HIDDEN),
    f"{LAYER}.self_attn.k_proj.weight": (HIDDEN // 2, HIDDEN),
    f"{LAYER}.self_attn.v_proj.weight": (HIDDEN // 2, HIDDEN),
    f"{LAYER}.self_attn.o_proj.weight": (HIDDEN, HIDDEN),
    f"{LAYER}.mlp.gate_proj.weight": (INNER, HIDDEN),
    f"{LAYER}.mlp.up_proj.weight": (INNER, HIDDEN),
    f"{LAYER}.mlp.down_proj.weight": (HIDDEN, INNER),
    f"{LAYER}.input_layernorm.weight": (HIDDEN,),
    f"{LAYER}.post_attention_layernorm.weight": (HIDDEN,),
}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model folder in half precision whose model is tuned in seconds."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    chance = np.random.default_rng(7)
    weights = {
        name: (chance.normal(0, 0.1, shape) + (len(shape) == 1)).astype(np.float16)
        for name, shape in SHAPES.items()
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**CONFIG, "dtype": "float32"}), "utf-8")
    tokenizer().save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<|im_start|>", "eos_token": END, "chat_template": CHAT}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def tokenizer() -> Tokenizer:
    """Bytes, one merge, the special tokens of the SmolLM family, an added token of plain text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "th"])}
    made = Tokenizer(models.BPE(vocabulary, [("t", "h")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ("<|endoftext|>", "<|im_start|>", END)
    made.add_special_tokens([AddedToken(token, special=True) for token in special])
    made.add_tokens([AddedToken("<note>", special=False)])
    return made


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two bundled sources with rows of our own, below the folder of the environment variable."""
    monkeypatch.setenv("KATSUO_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "sources"
    for first, (split, other_split) in enumerate((("train", "train"), ("validation", "test"))):
        numbers = range(first * N_ROWS, (first + 1) * N_ROWS)
        _put(
            folder / "boolq" / f"{split}.parquet",
            question=[f"does berth {n} close in a gale" for n in numbers],
            passage=[f"Berth {n} -- Berth {n} closes when a gale blows." for n in numbers],
            label=[n % 2 for n in numbers],
        )
        _put(
            folder / "rotten_tomatoes" / f"{other_split}.parquet",
            text=[f"A film about berth {n} that never leaves the quay ." for n in numbers],
            label=[n % 2 for n in numbers],
        )
    return folder


def _put(path: Path, **columns: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def tiny_lesson(tmp_path: Path, tiny: Path, sources: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A teaching recipe of a few steps for the tiny model, named as it is in the working folder."""
    assert sources.is_dir()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lesson.yaml"
    recipe = {
        "name": "lesson",
        "remix": {"sources": ["boolq", "rotten_tomatoes"], "cap_per_type": 30},
        "teach": {
            "base": tiny.name,
            "rank": 2,
            "learning_rate": 1e-2,
            "precision": "float32",
            "device": "cpu",
            "max_steps": 5,
            "held_out_fraction": 0.2,
            "held_out_per_type": 3,
            "held_out_steps": 2,
        },
    }
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    return path
