"""How do several processes take one optimizer step together?

    accelerate launch --num_processes 2 SCRIPT        (torchrun does as well)

    a step's examples ──share──▶ each process: its part of the gradient ──sum──▶ the step's gradient

Every part is weighted by its target tokens over those of the whole step, so the
sum is the gradient that one process would have found; a mean of means is not.
That is also why no wrapper around the model is used: those average.
"""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from accelerate import PartialState

from katsuo.errors import ModelError

BUCKET_NUMBERS: Final = 1 << 24
"""About so many float32 of the gradient travel at once: a copy of 64 MiB, not of the whole."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The processes that tune together, seen by one of them; mostly it is alone."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    @property
    def names(self) -> tuple[str, ...]:
        """What tells this process's chance from that of the others; nothing for the first."""
        return () if self.is_first else (f"process {self.rank}",)

    def sum_gradients(self, weights: Iterable[Any]) -> None:
        """Let every process hold the sum of all their gradients; none counts as zero."""
        if self.size == 1:
            return
        for bucket in _buckets(weights):
            flat = torch.cat([_gradient(weight).flatten() for weight in bucket])
            torch.distributed.all_reduce(flat)
            sums = flat.split([weight.numel() for weight in bucket])
            for weight, total in zip(bucket, sums, strict=True):
                weight.grad = total.view_as(weight)

    def total(self, value: float) -> float:
        """The sum of `value` over all processes."""
        if self.size == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(held)
        return float(held)

    def agree(self, digest: str, done: int) -> None:
        """Check that all processes are about to take the same step of the same run.

        Raises:
            ModelError: If they are not.
        """
        if self.size == 1:
            return
        own = torch.tensor([zlib.crc32(digest.encode()), done], device=self.device)
        found = [torch.empty_like(own) for _ in range(self.size)]
        torch.distributed.all_gather(found, own)
        for rank, theirs in enumerate(found):
            if not torch.equal(theirs, found[0]):
                raise ModelError(
                    f"process {rank} is at step {int(theirs[1])} and process 0 at step "
                    f"{int(found[0][1])}, or of another run; all need the same pairs, settings and "
                    "files, and a folder for the result that all of them can read"
                )

    def wait(self) -> None:
        """Return when every process has come this far."""
        if self.size > 1:
            torch.distributed.barrier()


def join(device: str) -> Crew:
    """The crew of this process: as its launcher says, or it alone.

    Args:
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ModelError: If a GPU is asked for and there is none.
    """
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ModelError("adapt.device is cuda and there is no CUDA device; use auto or cpu")
    on_cpu = device == "cpu" or not there
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Crew(device=torch.device("cpu" if on_cpu else "cuda"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells how many threads it took
        state = PartialState(cpu=on_cpu, **({"backend": "gloo"} if on_cpu else {}))
    return Crew(device=state.device, rank=state.process_index, size=state.num_processes)


def _gradient(weight: Any) -> torch.Tensor:  # noqa: ANN401 -- untyped library
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _buckets(weights: Iterable[Any]) -> Iterator[list[Any]]:
    bucket: list[Any] = []
    held = 0
    for weight in weights:
        bucket.append(weight)
        held += weight.numel()
        if held >= BUCKET_NUMBERS:
            yield bucket
            bucket, held = [], 0
    if bucket:
        yield bucket
