"""What of a model is learned, and how is it written down afterwards?

    base ──adaptable──▶ lora    frozen, with a LoRA on every linear layer: an adapter folder
                        qlora   the same on a base in 4 bits (NF4)
                        full    every weight, kept in float32: a whole model folder

A LoRA may go on from an earlier adapter, whose rank, alpha and targets it keeps.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import peft
import torch
import transformers
from safetensors import SafetensorError, safe_open

from katsuo import seeds, training
from katsuo.errors import ModelError, RecipeError
from katsuo.models import checkpoints, lora, norms
from katsuo.models.shelf import json_object
from katsuo.training import TuneSettings

CPU: Final = torch.device("cpu")
ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors")
_TOKEN_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
"""What a model folder may hold beside config and weights; copied as it is."""


def check(settings: TuneSettings, start: Path | None) -> None:
    """Check what can be known before any work.

    Raises:
        ModelError: If `qlora` lacks what it needs, or `start` is no LoRA.
        RecipeError: If every weight is to be learned from an adapter on.
    """
    if settings.method == "qlora" and not (
        torch.cuda.is_available() and find_spec("bitsandbytes") and settings.device != "cpu"
    ):
        raise ModelError(
            "adapt.method is qlora; it needs a CUDA device and bitsandbytes "
            "(pip install bitsandbytes); lora learns the same on a bfloat16 base"
        )
    if start is None:
        return
    if settings.method == "full":
        raise RecipeError(
            f"adapt.method is full and the start is the adapter {start}; merge it into its base "
            "first and tune that"
        )
    missing = [name for name in ADAPTER_FILES if not (start / name).is_file()]
    if missing:
        raise ModelError(f"{start}: no {missing[0]}; an adapter to go on from is a LoRA by peft")
    kind = json_object(start / ADAPTER_FILES[0]).get("peft_type")
    if kind != "LORA":
        raise ModelError(f"{start / ADAPTER_FILES[0]}: peft_type is {kind!r}; it must be LORA")


def load(base: Path, *, precision: str = "bfloat16") -> Any:  # noqa: ANN401 -- untyped library
    """The causal language model in the folder `base`, without a word on the console."""
    return _load(base, dtype=getattr(torch, precision))


def adaptable(
    base: Path, settings: TuneSettings, *, start: Path | None = None, device: torch.device = CPU
) -> Any:  # noqa: ANN401
    """The model in the folder `base`, ready to learn; it answers as before yet.

    A new LoRA is the same whatever the device.

    Raises:
        ModelError: If the adapter `start` does not fit the base.
    """
    if settings.method == "full":
        model = adapted = load(base, precision="float32").to(device)
    elif settings.method == "qlora":
        model = _four_bits(base, settings, device)
        adapted = _with_lora(model, settings, start)
    else:
        model = load(base, precision=settings.precision)
        adapted = _with_lora(model, settings, start).to(device)
    if settings.compile:
        for layer in layers_of(model):
            layer.compile(dynamic=True)
    return adapted


def layers_of(model: Any) -> list[Any]:  # noqa: ANN401
    """What is compiled of `model`: its layers, or the decoder where it names none.

    Layers are built alike, so that one compilation serves all of them.
    """
    decoder = model.get_decoder()
    return list(getattr(decoder, "layers", [decoder]))


def optimizer_of(model: Any, settings: TuneSettings) -> Any:  # noqa: ANN401
    """AdamW on what `model` learns; with `qlora` its moments may be paged out of the GPU."""
    weights = checkpoints.learned(model).values()
    if settings.method == "qlora":
        library = import_module("bitsandbytes")
        return library.optim.PagedAdamW32bit(weights, lr=0.0, weight_decay=settings.weight_decay)
    return torch.optim.AdamW(weights, lr=0.0, weight_decay=settings.weight_decay)


def save_adapter(model: Any, into: Path, base_name: str) -> None:  # noqa: ANN401
    """Write the adapter as peft reads it; its weights come last, when all else is there."""
    config = model.peft_config["default"]
    config.inference_mode = True
    with quiet():
        config.save_pretrained(into)
        weights = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    path = into / "adapter_config.json"
    stated = json.loads(path.read_text("utf-8"))
    stated["base_model_name_or_path"] = base_name
    stated["target_modules"] = sorted(stated["target_modules"])  # a set: its order is chance
    path.write_text(json.dumps(stated, indent=1, sort_keys=True) + "\n", "utf-8")
    checkpoints.write(weights, into / "adapter_model.safetensors", {"format": "pt"})


def save_model(model: Any, into: Path, base: Path) -> None:  # noqa: ANN401
    """Write the whole model in the type of its base, with the base's tokenizer; weights last."""
    stated = json_object(base / "config.json")
    kind = stated.get("dtype") or stated.get("torch_dtype") or "float32"
    unfinished = into / ".model.partial"
    shutil.rmtree(unfinished, ignore_errors=True)
    with quiet():
        model.to(getattr(torch, str(kind))).save_pretrained(unfinished)
    for name in _TOKEN_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, into / name)
    for path in sorted(unfinished.iterdir(), key=lambda path: path.suffix == ".safetensors"):
        path.replace(into / path.name)
    unfinished.rmdir()


def save_losses(rows: Sequence[Mapping[str, Any]], into: Path) -> None:
    """Write the file of the losses."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (into / training.LOSSES).write_text(lines, "utf-8")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence for libraries that warn of their own insides and draw progress bars."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


@contextmanager
def chance(root: int, *names: str) -> Iterator[None]:
    """Torch's global randomness from a named seed, and as it was again afterwards."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seeds.derive(root, "tune", *names))
        yield


def _load(base: Path, **options: Any) -> Any:  # noqa: ANN401
    with quiet():
        return transformers.AutoModelForCausalLM.from_pretrained(
            base, attn_implementation="sdpa", local_files_only=True, **options
        )


def _four_bits(base: Path, settings: TuneSettings, device: torch.device) -> Any:  # noqa: ANN401
    dtype = getattr(torch, settings.precision)
    form = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return _load(base, dtype=dtype, quantization_config=form, device_map={"": device})


def _with_lora(model: Any, settings: TuneSettings, start: Path | None) -> Any:  # noqa: ANN401
    with quiet(), chance(settings.seed, "lora"):
        if start:
            adapted = _continued(model, start, settings.dropout)
        else:
            config = peft.LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.dropout,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            )
            adapted = peft.get_peft_model(model, config)
    lora.quicken(adapted)
    norms.quicken(adapted)
    return adapted


def _continued(model: Any, start: Path, dropout: float) -> Any:  # noqa: ANN401
    """`model` under the LoRA in `start`, which learns on; peft alone would let misfits pass."""
    try:
        config = peft.LoraConfig.from_pretrained(start)
        config.lora_dropout = dropout
        config.inference_mode = False
        adapted = peft.PeftModel.from_pretrained(model, start, config=config, is_trainable=True)
        with safe_open(start / ADAPTER_FILES[1], framework="pt") as file:
            written = set(file.keys())
    except (OSError, ValueError, RuntimeError, TypeError, SafetensorError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{start}: cannot be tuned further on this base ({said}); name the base that the "
            "adapter was made for"
        ) from error
    strange = written ^ set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if strange:
        raise ModelError(
            f"{start}: the base and the adapter do not share {len(strange)} weights, such as "
            f"{min(strange)}; name the base that the adapter was made for"
        )
    return adapted
