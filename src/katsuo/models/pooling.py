"""How does a sentence encoder's folder say that tokens become one vector?

    modules.json ──▶ Transformer, Pooling, Normalize: nothing else is known here
    1_Pooling/config.json ──▶ mean or cls

A folder without these files is of no sentence encoder; then it is the mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from katsuo.errors import ModelError
from katsuo.models.shelf import json_object

MEAN: Final = "mean"
CLS: Final = "cls"
_MODES: Final = {"pooling_mode_mean_tokens": MEAN, "pooling_mode_cls_token": CLS}
_STEPS: Final = ("Transformer", "Pooling", "Normalize")


def pooling_of(folder: Path) -> str:
    """`mean` (of all tokens) or `cls` (the first token), as the model folder `folder` says.

    Raises:
        ModelError: If it asks for another step, such as a dense layer, or another pooling.
    """
    steps = _steps(folder / "modules.json")
    astray = [kind for kind, _ in steps if kind not in _STEPS]
    if astray:
        raise ModelError(
            f"{folder}/modules.json: has the step {astray[0]}, which is not known here; an "
            f"embedder has {', '.join(_STEPS)} alone"
        )
    places = [folder / place / "config.json" for kind, place in steps if kind == "Pooling"]
    if not places:
        return MEAN
    config = json_object(places[0])
    chosen = [name for name, value in config.items() if "pooling_mode" in name and value is True]
    if len(chosen) != 1 or chosen[0] not in _MODES:
        raise ModelError(
            f"{places[0]}: asks for {', '.join(chosen) or 'no pooling'}; an embedder's tokens are "
            f"put together by one of {', '.join(_MODES)}"
        )
    return _MODES[chosen[0]]


def _steps(path: Path) -> list[tuple[str, str]]:
    """Kind and folder of each step that `modules.json` lists."""
    if not path.is_file():
        return []
    try:
        listed: Any = json.loads(path.read_text("utf-8"))
        return [(str(one["type"]).rpartition(".")[2], str(one["path"])) for one in listed]
    except (OSError, ValueError, RecursionError, TypeError, LookupError) as error:
        raise ModelError(
            f"{path}: cannot be read as a list of steps ({error}); copy or download it again"
        ) from error
