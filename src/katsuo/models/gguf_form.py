"""GGUF in and out, without torch: what engines read, and where the bundled base comes from.

    GGUF ──unpack──▶ folder (config.json, model.safetensors, tokenizer.json)
    folder + LoRA ──pack──▶ GGUF (Q8_0 or F16)

GGUF keeps the rows of q and k of Llama models in another order than a folder
does (pairs of a rotation lie side by side there, half a head apart here), so
both directions permute them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from katsuo.errors import ModelError
from katsuo.models.merging import merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

ARCHITECTURES: Final = {
    "LlamaForCausalLM": gguf.MODEL_ARCH.LLAMA,
    "Qwen2ForCausalLM": gguf.MODEL_ARCH.QWEN2,
    "Qwen3ForCausalLM": gguf.MODEL_ARCH.QWEN3,
}
"""What OpenVINO's GGUF reader takes."""

_FILE_TYPES: Final = {
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "F16": gguf.LlamaFileType.MOSTLY_F16,
}
_PERMUTED: Final = frozenset({gguf.MODEL_ARCH.LLAMA})
_CONTROL_TOKEN: Final = 3
"""`tokenizer.ggml.token_type` of a special token."""
_USER_TOKEN: Final = 4
"""That of an added token that is ordinary text, such as `<think>`: never to be split."""


def unpack(path: Path, into: Path) -> None:
    """Write the Llama model in the GGUF file `path` as a model folder `into`, weights in F16.

    Raises:
        ModelError: If the file holds another architecture or tokenizer.
    """
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    if (
        fields.get("general.architecture") != "llama"
        or fields.get("tokenizer.ggml.pre") != "smollm"
    ):
        raise ModelError(f"{path}: only GGUF files of the SmolLM family can be unpacked")
    into.mkdir(parents=True, exist_ok=True)
    config = _config(fields, tied=all(tensor.name != "output.weight" for tensor in reader.tensors))
    names = _folder_names(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    weights = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        name = names[tensor.name]
        weights[name] = _rows(name, values, config, _to_folder).astype(np.float16)
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})
    _write_json(into / "config.json", config)
    _write_tokenizer(fields, into)


def pack(folder: Path, adapter: Path | None, into: Path, *, kind: str = "Q8_0") -> None:
    """Write the model folder, with the LoRA of `adapter` merged in, as the GGUF file `into`.

    The file appears whole or not at all: an engine may crash on one that lacks a
    weight. `kind` is `Q8_0` (half the memory) or `F16` (a third of the error).

    Raises:
        ModelError: If the architecture is none of `ARCHITECTURES`, or weights are missing.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    architecture = _architecture(folder, config)
    into.parent.mkdir(parents=True, exist_ok=True)
    unfinished = into.with_name(f".{into.name}.partial")
    writer = gguf.GGUFWriter(unfinished, gguf.MODEL_ARCH_NAMES[architecture])
    try:
        _write_settings(writer, config, kind)
        _write_vocabulary(writer, folder)
        _write_weights(writer, merged(folder, adapter), config, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        unfinished.replace(into)
    except BaseException:  # whatever ends it, no half file stays; raised again
        writer.close()
        unfinished.unlink(missing_ok=True)
        raise


def _architecture(folder: Path, config: Mapping[str, Any]) -> gguf.MODEL_ARCH:
    name = (config.get("architectures") or ["an unnamed architecture"])[0]
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise ModelError(
            f"{folder}: {name} cannot be written as GGUF for OpenVINO; "
            f"it takes {', '.join(ARCHITECTURES)}; the transformers engine (engine: hf) takes more"
        )
    stated = config.get("rope_parameters") or config.get("rope_scaling") or {}
    rope = stated.get("rope_type") or stated.get("type") or "default"
    if rope != "default":
        raise ModelError(
            f"{folder}: rotary positions of the type {rope!r} cannot be written as GGUF for "
            "OpenVINO; the transformers engine (engine: hf) takes them"
        )
    return architecture


def _write_weights(
    writer: gguf.GGUFWriter,
    weights: Iterable[tuple[str, Floats]],
    config: Mapping[str, Any],
    kind: str,
) -> None:
    architecture = ARCHITECTURES[config["architectures"][0]]
    names = {
        ours: theirs
        for theirs, ours in _folder_names(architecture, config["num_hidden_layers"]).items()
    }
    lacking = {name for name in names if not _may_be_absent(name, config)}
    for name, values in weights:
        lacking.discard(name)
        if name not in names:
            continue  # rotary tables and the like, which GGUF works out by itself
        if architecture in _PERMUTED:
            values = _rows(name, values, config, _to_gguf)
        _add_tensor(writer, names[name], values, gguf.GGMLQuantizationType[kind])
    if lacking:
        raise ModelError(
            f"the model lacks {len(lacking)} weights that its config.json asks for, such as "
            f"{min(lacking)}; copy or save it again"
        )


def _may_be_absent(name: str, config: Mapping[str, Any]) -> bool:
    """Biases and norms inside the attention are some models' only; tied ones need no head."""
    if name == "lm_head.weight":
        return bool(config.get("tie_word_embeddings"))
    return name.endswith((".bias", "q_norm.weight", "k_norm.weight"))


def _folder_names(architecture: int, n_layers: int) -> dict[str, str]:
    """Name in a GGUF file -> name in a model folder."""
    table = gguf.get_tensor_name_map(architecture, n_layers)
    names = {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight",
             "output_norm.weight": "model.norm.weight"}  # fmt: skip
    for layer in range(n_layers):
        for part in _LAYER_PARTS:
            for suffix in (".weight", ".bias"):
                ours = f"model.layers.{layer}.{part}{suffix}"
                theirs = table.get_name(ours, try_suffixes=(suffix,))
                if theirs is not None:
                    names[theirs] = ours
    return names


_LAYER_PARTS: Final = (
    "input_layernorm", "post_attention_layernorm",
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "self_attn.q_norm", "self_attn.k_norm",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip


def _rows(
    name: str, values: Floats, config: Mapping[str, Any], order: Callable[[Floats, int], Floats]
) -> Floats:
    if ".q_proj." in name:
        return order(values, config["num_attention_heads"])
    if ".k_proj." in name:
        return order(values, config["num_key_value_heads"])
    return values


def _to_gguf(values: Floats, n_heads: int) -> Floats:
    parts = values.reshape(n_heads, 2, values.shape[0] // n_heads // 2, *values.shape[1:])
    return parts.swapaxes(1, 2).reshape(values.shape)


def _to_folder(values: Floats, n_heads: int) -> Floats:
    parts = values.reshape(n_heads, values.shape[0] // n_heads // 2, 2, *values.shape[1:])
    return parts.swapaxes(1, 2).reshape(values.shape)


def _add_tensor(writer: gguf.GGUFWriter, name: str, values: Floats, kind: int) -> None:
    if values.ndim == 1:
        writer.add_tensor(name, values)  # norms and biases stay exact
        return
    if kind == gguf.GGMLQuantizationType.F16:
        writer.add_tensor(name, values.astype(np.float16))
        return
    data = gguf.quants.quantize(np.ascontiguousarray(values), kind)
    writer.add_tensor(name, data, raw_dtype=kind)


def _config(fields: Mapping[str, Any], *, tied: bool) -> dict[str, Any]:
    theta = float(fields["llama.rope.freq_base"])
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": fields["llama.vocab_size"],
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": round(float(fields["llama.attention.layer_norm_rms_epsilon"]), 10),
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "hidden_act": "silu",
        "attention_bias": False,
        "tie_word_embeddings": tied,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
        "dtype": "float16",
    }


def _write_tokenizer(fields: Mapping[str, Any], into: Path) -> None:
    """The SmolLM tokenizer: byte-level BPE that splits digits, as its GGUF metadata state."""
    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL_TOKEN]
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    tokenizer.save(str(into / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
        "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": fields["llama.context_length"],
        "chat_template": fields["tokenizer.chat_template"],
    }
    _write_json(into / "tokenizer_config.json", settings)


def _write_settings(writer: gguf.GGUFWriter, config: Mapping[str, Any], kind: str) -> None:
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    rope = config.get("rope_parameters") or {}
    writer.add_file_type(_FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta") or rope["rope_theta"])
    writer.add_rope_dimension_count(head)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_vocab_size(config["vocab_size"])


def _write_vocabulary(writer: gguf.GGUFWriter, folder: Path) -> None:
    stored = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    by_id = {i: token for token, i in stored["model"]["vocab"].items()}
    by_id |= {token["id"]: token["content"] for token in stored["added_tokens"]}
    kinds = {
        token["id"]: _CONTROL_TOKEN if token["special"] else _USER_TOKEN
        for token in stored["added_tokens"]
    }
    size = json.loads((folder / "config.json").read_text("utf-8"))["vocab_size"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting(stored))
    writer.add_token_list([by_id.get(i, f"[unused{i}]") for i in range(size)])
    writer.add_token_types([kinds.get(i, 1) for i in range(size)])
    merges = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in stored["model"]["merges"]
    ]
    writer.add_token_merges(merges)
    ids = {token: i for i, token in by_id.items()}
    writer.add_eos_token_id(ids[_text(settings["eos_token"])])
    if settings.get("bos_token"):
        writer.add_bos_token_id(ids[_text(settings["bos_token"])])
    writer.add_unk_token_id(ids[_text(settings.get("unk_token") or settings["eos_token"])])
    template = _template(folder, settings)
    if template:
        writer.add_chat_template(template)
    writer.add_add_bos_token(False)  # noqa: FBT003 -- the library's signature
    writer.add_pad_token_id(ids[_text(settings.get("pad_token") or settings["eos_token"])])


def _splitting(stored: Mapping[str, Any]) -> str:
    """llama.cpp's name for how text is split before BPE, by what the tokenizer says of digits."""
    stated = json.dumps(stored.get("pre_tokenizer"))
    if '"Digits"' in stated:
        return "smollm"  # every digit alone, else as GPT-2
    if "{1,3}" in stated:
        return "llama-bpe"
    return "qwen2" if "(?i:" in stated else "gpt-2"


def _template(folder: Path, settings: Mapping[str, Any]) -> str:
    """The chat template, which programs that hold conversations read from the file."""
    path = folder / "chat_template.jinja"
    stated = path.read_text("utf-8") if path.is_file() else settings.get("chat_template")
    return stated if isinstance(stated, str) else ""


def _text(token: str | Mapping[str, Any]) -> str:
    return token if isinstance(token, str) else str(token["content"])


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
