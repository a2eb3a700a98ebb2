"""The formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from katsuo.export.chats import AXOLOTL, OPENAI, TRL, UNSLOTH
from katsuo.export.exams import LM_EVAL
from katsuo.export.formats import Format
from katsuo.export.hub import HF
from katsuo.export.llama_factory import ALPACA, LLAMA_FACTORY, SHAREGPT

FORMATS: Final[Mapping[str, Format]] = {
    "trl": TRL,
    "axolotl": AXOLOTL,
    "llama-factory": LLAMA_FACTORY,
    "unsloth": UNSLOTH,
    "openai": OPENAI,
    "hf": HF,
    "lm-eval": LM_EVAL,
    "alpaca": ALPACA,
    "sharegpt": SHAREGPT,
}
"""As `katsuo export --format` names them."""
