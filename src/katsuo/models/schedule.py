"""How an engine works: it decides memory, speed and the bytes of a completion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How vLLM lies on its devices."""

    tensor_parallel: int = 1
    """GPUs that share each layer."""
    memory_fraction: float = 0.9
    """Share of each GPU's memory that it takes, weights and cache together."""
    dtype: str = "bfloat16"
    """Of weights and products; `auto` is what the model's config.json says."""


PLACEMENT: Final = Placement()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Settings of continuous batching; defaults by measurement (benchmarks/results)."""

    in_flight: int = 48
    """Requests inside the engine at once; 64 gain nothing and take 120 MiB more."""
    batch_tokens: int = 1024
    """Most tokens of one forward."""
    kv_blocks: int = 768
    """KV cache in blocks: 48 requests of 512 tokens, 0.55 GiB for the 135M model in f16."""
    precision: str = ""
    """Of the products, such as `f32`; the engine's own choice where it is empty, which is bfloat16
    on processors that have it."""
    sharing: bool = False
    """Whether neighbouring prompts that begin alike share one reading of their beginning."""
    placement: Placement = PLACEMENT
    """Of vLLM, which sizes its batches and its cache by the device itself."""

    @property
    def kv_tokens(self) -> int:
        """Most tokens in the cache, and so of one request."""
        return self.kv_blocks * BLOCK_TOKENS

    @property
    def name(self) -> str:
        """For keys: another schedule, other bytes."""
        return f"{self.in_flight}x{self.batch_tokens}x{self.kv_blocks}"


BLOCK_TOKENS: Final = 32
"""Tokens of a KV block in OpenVINO on CPU."""
SCHEDULE: Final = Schedule()
