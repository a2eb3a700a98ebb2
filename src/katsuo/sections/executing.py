"""Where does a recipe's work run?"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from katsuo.sections.section import Section


class Execution(Section):
    """Where shards run; what comes out does not hang on it."""

    executor: Literal["local", "processes", "ray"] = "local"
    """`local` is this process; `processes` are several on this machine; `ray` a Ray cluster."""
    workers: int = Field(default=2, ge=1, le=4096)
    """Processes or actors, each with an engine of its own and its share of the cores. No matter
    where the executor is local."""
    address: str | None = None
    """Of a Ray cluster, such as `auto` or ray://head:10001; without one it is started here."""
    cpus: float = Field(default=1.0, gt=0)
    """Cores that Ray sets aside for an actor."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs that Ray sets aside for an actor; below 1 several share one."""
    memory_mib: int | None = Field(default=None, ge=64)
    """Memory that Ray sets aside for an actor."""

    @model_validator(mode="after")
    def _addressed(self) -> Execution:
        if self.address is not None and self.executor != "ray":
            raise ValueError(
                f"an address ({self.address}) for the executor {self.executor}; say executor: ray, "
                "or leave the address out"
            )
        return self
