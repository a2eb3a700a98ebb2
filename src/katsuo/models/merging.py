"""What are a model's weights, once its adapter is merged in? Without torch, one at a time.

    folder/*.safetensors ──┐
                           ├──▶ name, W + scale x B @ A, in float32
    adapter (plain LoRA) ──┘

What cannot be merged whole is refused: an adapter of another model, one that is
more than a LoRA, weights that are no floats.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open

from katsuo.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_FLOATS: Final = frozenset({"F16", "F32", "F64"})
"""What numpy reads; BF16 is read here."""
_ADAPTER_PREFIX: Final = "base_model.model."
_FACTORS: Final = (".lora_A.weight", ".lora_B.weight")


def merged(folder: Path, adapter: Path | None) -> Iterator[tuple[str, Floats]]:
    """Every weight of the model folder, the LoRA of `adapter` added, in float32.

    Raises:
        ModelError: If a file is damaged, or the adapter is no plain LoRA of this model.
    """
    deltas = _deltas(adapter) if adapter else {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, values in _tensors(path):
            delta = deltas.pop(name, None)
            if delta is None:
                yield name, values
                continue
            scale, factor_a, factor_b = delta
            if (factor_b.shape[0], factor_a.shape[1]) != values.shape:
                raise ModelError(
                    f"{adapter}: {name} is {factor_b.shape[0]} x {factor_a.shape[1]} there and "
                    f"{' x '.join(map(str, values.shape))} in {folder}; it was tuned on another "
                    "base"
                )
            yield name, values + scale * (factor_b @ factor_a)
    if deltas:
        raise ModelError(f"{adapter}: weights unknown to {folder}: {', '.join(sorted(deltas))}")


def stored_as(folder: Path) -> str:
    """The commonest number format of a model folder's weights, such as `F16`."""
    formats: Counter[str] = Counter()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            formats.update(file.get_slice(name).get_dtype() for name in file.keys())  # noqa: SIM118
    return formats.most_common(1)[0][0] if formats else ""


def _deltas(adapter: Path) -> dict[str, tuple[float, Floats, Floats]]:
    """By weight name: the scale, A and B of what the LoRA adds."""
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    path = adapter / "adapter_model.safetensors"
    if not path.is_file():
        raise ModelError(f"{adapter}: no adapter_model.safetensors; pickled adapters are refused")
    tensors = dict(_tensors(path))
    stems = {name.removesuffix(_FACTORS[0]) for name in tensors if name.endswith(_FACTORS[0])}
    if not _is_plain(config) or {stem + part for stem in stems for part in _FACTORS} != set(
        tensors
    ):
        raise ModelError(
            f"{adapter}: only a plain LoRA of one rank can be merged; merge it with peft and name "
            "the folder of the merged model"
        )
    rank, alpha = config["r"], config["lora_alpha"]
    scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    return {
        f"{stem.removeprefix(_ADAPTER_PREFIX)}.weight": (
            scale,
            *(tensors[stem + part] for part in _FACTORS),
        )
        for stem in stems
    }


def _is_plain(config: Mapping[str, Any]) -> bool:
    more = ("use_dora", "rank_pattern", "alpha_pattern", "fan_in_fan_out")
    return config.get("peft_type") == "LORA" and not any(config.get(name) for name in more)


def _tensors(path: Path) -> Iterator[tuple[str, Floats]]:
    """Name and values, in float32, of every tensor of a safetensors file, by name."""
    try:
        with safe_open(path, framework="numpy") as file:
            for name in sorted(file.keys()):
                kind = file.get_slice(name).get_dtype()
                if kind == "BF16":
                    yield name, _bfloat16(path, name)
                elif kind in _FLOATS:
                    yield name, np.asarray(file.get_tensor(name), dtype=np.float32)
                else:
                    raise ModelError(
                        f"{path}: {name} is {kind}; quantised weights cannot be packed, name the "
                        "model's float weights"
                    )
    except SafetensorError as error:
        raise ModelError(f"{path}: is damaged ({error}); copy or save the model again") from error


def _bfloat16(path: Path, name: str) -> Floats:
    """A tensor of a type that numpy lacks: each number is the upper half of a float32."""
    with path.open("rb") as file:
        (n_bytes,) = struct.unpack("<Q", file.read(8))
        place = json.loads(file.read(n_bytes))[name]
        start, end = place["data_offsets"]
        file.seek(8 + n_bytes + start)
        upper = np.frombuffer(file.read(end - start), dtype="<u2")
    wide: Floats = (upper.astype(np.uint32) << 16).view(np.float32).reshape(place["shape"])
    return wide
