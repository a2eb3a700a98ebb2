"""What did a tuning leave, as a model; and which of its settings are part of a key?

    a folder with an adapter   ──adapted──▶ the base with it
    a folder with all weights  ──adapted──▶ that model

A setting that came later than the keys leaves them as they were, as long as it has
its default: what was finished before it stays finished.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from katsuo import engines
from katsuo.training import TuneSettings

ASKED_LATER: Final = frozenset(
    {
        "method",
        "device",
        "micro_tokens",
        "warmup_fraction",
        "weight_decay",
        "grad_clip",
        "dropout",
        "precision",
        "checkpoint_seconds",
        "share_passages",
    }
)
"""Settings that recipes could not always name."""
_LATER: Final = frozenset({"method", "device", "micro_tokens", "share_passages"})
"""Settings that the trainer itself had not always."""
_PACE: Final = "checkpoint_seconds"
"""Changes nothing of what is learned."""
_DEFAULTS: Final = {field.name: field.default for field in fields(TuneSettings)}


def adapted(base: engines.Named, folder: Path) -> engines.Named:
    """What the tuning in `folder` made of `base`: the base with an adapter, or another model.

    Raises:
        ModelError: If the folder holds a damaged model.
    """
    if is_whole(folder):
        return engines.find(str(folder))
    return engines.with_adapter(base, folder)


def is_whole(folder: Path) -> bool:
    """Whether a tuning left a whole model in `folder`, not an adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()


def tuned_with(settings: TuneSettings) -> dict[str, Any]:
    """The trainer's settings, as they are part of the key of a tuning."""
    return without({**asdict(settings), _PACE: _DEFAULTS[_PACE]}, _LATER)


def without(stated: Mapping[str, Any], later: Collection[str]) -> dict[str, Any]:
    """`stated` without those of the settings `later` that have the trainer's default.

    >>> without({"rank": 16, "dropout": 0.0, "method": "full"}, {"dropout", "method"})
    {'rank': 16, 'method': 'full'}
    """
    return {
        name: value
        for name, value in stated.items()
        if name not in later or value != _DEFAULTS[name]
    }
