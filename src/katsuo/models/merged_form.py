"""How does a base with an adapter become one model folder that any engine can load?

folder + adapter ──merge, in float32──▶ model*.safetensors, and the folder's other files
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

from katsuo.models import shelf
from katsuo.models.merging import merged, stored_as
from katsuo.store.files import new_folder, write_json
from katsuo.types import digest

_SHARD_BYTES: Final = 2 * 2**30
"""Most bytes of one safetensors file."""
_LEFT_BEHIND: Final = (".safetensors", ".bin", ".gguf", ".index.json", ".md")
"""Files of the base folder that the merged one does not take over."""
_VERSION: Final = "1"
"""Changes when other bytes are written, so that cached forms are made anew."""


def merged_form(model: shelf.Model, *, forms: Path | None = None) -> Path:
    """The folder of `model` with its adapter merged in; written once into `forms`, or the cache.

    A model without an adapter stays where it is.

    Raises:
        ModelError: If a file is damaged, or the adapter is no plain LoRA of the base.
    """
    if model.adapter is None:
        return model.folder
    into = (
        forms or shelf.home() / "forms"
    ) / f"{digest('merged', _VERSION, model.identity)}.merged"
    if not into.is_dir():
        shelf.check_folder(model.folder)
        shelf.check_weights(model.adapter / "adapter_model.safetensors")
        with new_folder(into) as folder:
            write_merged(model.folder, model.adapter, folder)
    return into


def listing() -> Iterator[tuple[str, str, str]]:
    """Name, place and size of every merged folder in the cache."""
    for form in sorted((shelf.home() / "forms").glob("*.merged")):
        n_bytes = sum(path.stat().st_size for path in form.iterdir())
        yield form.name, str(form), f"cached merged model, {n_bytes / 2**20:.0f} MiB"


def write_merged(base: Path, adapter: Path, folder: Path) -> None:
    """Write the model in `base` with `adapter` merged in into the empty `folder`.

    Its numbers are F16 where those of the base are, else F32.

    Raises:
        ModelError: If a file is damaged, or the adapter is no plain LoRA of the base.
    """
    for path in sorted(base.iterdir()):
        if path.is_file() and not path.name.endswith(_LEFT_BEHIND):
            shutil.copyfile(path, folder / path.name)
    half = stored_as(base) == "F16"
    places: dict[str, str] = {}
    written: list[Path] = []
    for tensors in _shards(merged(base, adapter), half=half):
        written.append(folder / f"model-{len(written) + 1:05d}.safetensors")
        save_file(tensors, written[-1], metadata={"format": "pt"})
        written[-1].chmod(0o644)  # the library makes it the owner's alone
        places |= dict.fromkeys(tensors, written[-1].name)
    if len(written) == 1:
        written[0].rename(folder / "model.safetensors")
    else:
        write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})


def _shards(weights: Iterator[tuple[str, Any]], *, half: bool) -> Iterator[dict[str, Any]]:
    shard: dict[str, Any] = {}
    held = 0
    for name, values in weights:
        shard[name] = values.astype(np.float16) if half else values
        held += shard[name].nbytes
        if held >= _SHARD_BYTES:
            yield shard
            shard, held = {}, 0
    if shard:
        yield shard
