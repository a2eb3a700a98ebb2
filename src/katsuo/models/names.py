"""Can this be the name of a model? Told before anything is read, fetched or hashed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from katsuo.errors import ModelError

BASE_NAME: Final = "smollm2-135m"
GENERATOR_NAME: Final = "smollm2-135m-bonito"
GENERATORS: Final = (GENERATOR_NAME, "smollm2-135m-katsuo")  # of bonito-v1, of katsuo-v1
_BUNDLED: Final = (BASE_NAME, *GENERATORS)


def check(name: str) -> None:
    """Check that `name` is bundled, the path of a model folder, or like a hub id.

    Raises:
        ModelError: If it is none of them.
    """
    folder = Path(name)
    held = any((folder / file).is_file() for file in ("config.json", "adapter_config.json"))
    if held or name in _BUNDLED:
        return
    if name and folder.exists():
        raise ModelError(
            f"model {name!r}: has neither a config.json nor an adapter_config.json; name a folder "
            "as transformers or peft saves a model, with its safetensors weights"
        )
    if folder.is_absolute() or name.startswith(".") or name.count("/") != 1:
        raise ModelError(
            f"model {name!r}: no such folder with a config.json or an adapter_config.json; "
            f"bundled names are {', '.join(_BUNDLED)}; a hub id looks like owner/name"
        )
