"""How does a folder of weights become a model that only answers?

    folder ──open──▶ float32 ──merge the adapter──▶ float32 ──narrow──▶ bfloat16 matrices

Nothing but safetensors and JSON is read, no code of a folder is run, and nothing
is said on the console. What does not fit whole is refused: transformers and peft
would fill the gaps with noise and go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import peft
import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from katsuo.errors import ModelError
from katsuo.models.shelf import check_folder, check_weights, json_object
from katsuo.models.tune import quiet

PRECISIONS: Final = ("bfloat16", "float32")
_TAKEN: Final = {
    transformers.AutoModelForCausalLM: "a causal language model",
    transformers.AutoModel: "a language model or encoder",
}
_UNLOADABLE: Final = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    SafetensorError,
    StrictDataclassError,
)
"""What comes of files that are damaged, or whole but other than transformers writes them."""


def load(folder: Path, *, adapter: Path | None, precision: str) -> Any:  # noqa: ANN401 -- untyped library
    """The causal language model in `folder`, with the adapter in the folder `adapter` merged in.

    The merge is done in float32: afterwards the model is as exact as one that
    keeps its adapter apart, and a sixth faster. In bfloat16 only matrices are
    bfloat16; norms, biases and what flows between layers are float32.

    Raises:
        ModelError: If model or adapter cannot be loaded whole, or do not fit each other.
    """
    if precision not in PRECISIONS:
        raise ModelError(f"dtype is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
    dtype = "float32" if adapter or precision == "float32" else "auto"
    model = _opened(folder, dtype, transformers.AutoModelForCausalLM)
    if adapter:
        model = _merged(model, adapter, folder)
    if precision == "bfloat16":
        _narrow(model)
    return model.eval().requires_grad_(requires_grad=False)


def load_body(folder: Path) -> Any:  # noqa: ANN401
    """The model in `folder` without its head, in float32: what its layers make of a text.

    Raises:
        ModelError: If it cannot be loaded whole.
    """
    model = _opened(folder, "float32", transformers.AutoModel)
    return model.eval().requires_grad_(requires_grad=False)


def is_narrow(model: Any) -> bool:  # noqa: ANN401
    """Whether the matrices of `model` are bfloat16."""
    return bool(model.get_input_embeddings().weight.dtype == torch.bfloat16)


def _opened(folder: Path, dtype: str, kind: Any) -> Any:  # noqa: ANN401
    check_folder(folder)
    try:
        with quiet():
            model, told = kind.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except _UNLOADABLE as error:
        raise ModelError(
            f"{folder}: transformers cannot load it ({_first_line(error)}); it takes "
            f"{_TAKEN[kind]} with config.json and safetensors weights, and runs no code of its own"
        ) from error
    # What an encoder's pooler makes of the first token is not asked for, and often not saved.
    if missing := sorted(name for name in told["missing_keys"] if not name.startswith("pooler.")):
        raise ModelError(
            f"{folder}: its weights lack {len(missing)} tensors that its config.json asks for, "
            f"such as {missing[0]}; copy or save the model again"
        )
    return model


def _merged(model: Any, adapter: Path, folder: Path) -> Any:  # noqa: ANN401
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (adapter / name).is_file():
            raise ModelError(
                f"{adapter}: no {name}; an adapter is a folder as peft saves it, in safetensors"
            )
    json_object(adapter / "adapter_config.json")
    check_weights(adapter / "adapter_model.safetensors")
    try:
        with quiet():
            config = peft.PeftConfig.from_pretrained(str(adapter))
            adapted = peft.PeftModel(model, config)
            told = adapted.load_adapter(str(adapter), "default")
            astray = [*told.missing_keys, *told.unexpected_keys]
            merged = adapted.merge_and_unload(safe_merge=True)
    except _UNLOADABLE as error:
        raise ModelError(
            f"{adapter}: peft cannot merge it into {folder} ({_first_line(error)}); it takes a "
            "LoRA that was tuned on this base"
        ) from error
    if astray:
        raise ModelError(
            f"{adapter}: {len(astray)} tensors have no mate in {folder}, such as {astray[0]}; "
            "it was tuned on another base"
        )
    return merged


def _narrow(model: Any) -> None:  # noqa: ANN401
    """Make matrices bfloat16, and all that flows between layers float32."""
    for weight in model.parameters():
        weight.data = weight.data.to(torch.float32 if weight.ndim < 2 else torch.bfloat16)
    model.get_input_embeddings().register_forward_hook(lambda _module, _ids, out: out.float())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
