"""How fast does a LoRA learn on a GPU, and how near is that to what the GPU can multiply?

One process, one GPU: a training step as it is and with compiled layers, at several numbers of
tokens a step, on made-up passages that are read once for three tasks each. Useful FLOPs are those
of `flops.py`; the peak is the median rate of an 8192-square product in bfloat16 before and after.
Prints JSON; `--profile` adds what the kernels of a step took.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import flops
import torch

from katsuo import engines, training
from katsuo.models import batches, sharing, tunable
from katsuo.models.batches import Example
from katsuo.models.tokens import Tokens
from katsuo.training import TuneSettings
from katsuo.types import Pair

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # without a GPU, for a rehearsal
SQUARE = 8192 if DEVICE == "cuda" else 1024
STEPS = 14
WARM = 4
"""First steps, not counted: a compiler works, and memory is found."""


def finish() -> None:
    """Wait until the device has done what it was told."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def made_examples(tokens: Tokens, *, number: int) -> list[Example]:
    """About 220 tokens a passage with three tasks of some 60 each."""
    chance = random.Random(0)
    words = Path(__file__).read_text("utf-8").split()
    pairs = []
    for _ in range(number):
        passage = " ".join(chance.choices(words, k=chance.randint(40, 100)))
        for _ in range(3):
            prompt = f"{passage}\n{' '.join(chance.choices(words, k=8))}\n"
            pairs.append(Pair(prompt=prompt, target=" ".join(chance.choices(words, k=12))))
    return sharing.gathered(batches.encode_all(pairs, tokens), longest=640)


def peak() -> float:
    """TFLOP/s of a square product in bfloat16."""
    left, right = (torch.randn(SQUARE, SQUARE, device=DEVICE).bfloat16() for _ in range(2))
    seconds = []
    for _ in range(8):
        finish()
        began = time.perf_counter()
        left @ right
        finish()
        seconds.append(time.perf_counter() - began)
    return 2 * SQUARE**3 / statistics.median(seconds[1:]) / 1e12


class Trained:
    """A model under training steps."""

    def __init__(self, folder: Path, settings: TuneSettings) -> None:
        self.settings = settings
        self.model = tunable.adaptable(folder, settings, device=torch.device(DEVICE))
        self.model.train()
        self.optimizer = tunable.optimizer_of(self.model, settings)

    def step(self, examples: Sequence[Example]) -> float:
        """One optimizer step; its loss."""
        loss = batches.loss(
            self.model, batches.collate(examples, join=batches.joins(self.model)), half=True
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            [weight for weight in self.model.parameters() if weight.requires_grad], 1.0
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())


def measured(
    folder: Path, examples: Sequence[Example], settings: TuneSettings, *, profile: bool
) -> dict[str, Any]:
    """Tokens per second of one setting."""
    trained = Trained(folder, settings)
    lengths = [len(example.ids) for example in examples]
    groups = training.grouped(range(len(examples)), lengths, settings.batch_tokens)[:STEPS]
    began, ends = time.perf_counter(), []
    for group in groups:
        trained.step([examples[i] for i in group])
        finish()
        ends.append(time.perf_counter())
    n_tokens = sum(lengths[i] for group in groups[WARM:] for i in group)
    rate = n_tokens / (ends[-1] - ends[WARM - 1])
    learned, read = sum(example.n_learned for example in examples), sum(lengths)
    found = {
        "tokens/s": round(rate),
        "useful TFLOP/s": round(rate * flops.per_token(trained.model, learned / read) / 1e12, 1),
        "first steps, s": round(ends[WARM - 1] - began, 1),
        "memory, GiB": round(
            (torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0) / 2**30, 1
        ),
    }
    if profile:
        found["profile"] = _profile(trained, [examples[i] for i in groups[-1]])
    return found


def _profile(trained: Trained, examples: Sequence[Example]) -> dict[str, Any]:
    """Milliseconds of one step: on the wall, on the GPU, and of its costliest kernels."""
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    began = time.perf_counter()
    trained.step(examples)
    wall = time.perf_counter() - began
    with torch.profiler.profile(activities=kinds) as profiler:
        trained.step(examples)
    found = profiler.key_averages()
    # A range such as the optimizer's step covers kernels that are counted already.
    kernels = [one for one in found if one.device_type.name == "CUDA" and "#" not in one.key]
    kernels.sort(key=lambda one: -one.self_device_time_total)
    return {
        "wall, ms": round(wall * 1e3, 1),
        "GPU, ms": round(sum(one.self_device_time_total for one in kernels) / 1e3, 1),
        "kernels": sum(one.count for one in kernels),
        "costliest, ms (times)": {
            one.key[:70]: f"{one.self_device_time_total / 1e3:.2f} ({one.count})"
            for one in kernels[:14]
        },
    }


def main() -> None:
    """Measure every setting once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--rank", type=int, default=48)
    parser.add_argument("--tokens", type=int, nargs="+", default=[16384])
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    named = engines.find(asked.base)
    assert named.model is not None
    examples = made_examples(
        engines.open_tokens(named), number=STEPS * max(asked.tokens) // 300 + 100
    )
    found: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name() if DEVICE == "cuda" else DEVICE,
        "torch": torch.__version__,
    }
    before = peak()
    for compile_it in (False, True):
        for n_tokens in asked.tokens:
            if DEVICE == "cuda":
                torch.cuda.reset_peak_memory_stats()
            settings = TuneSettings(
                rank=asked.rank, alpha=96.0, batch_tokens=n_tokens, compile=compile_it,
                share_passages=True, max_tokens=640,
            )  # fmt: skip
            name = f"{'compiled' if compile_it else 'as it is'}, {n_tokens} tokens a step"
            found[name] = measured(named.model.folder, examples, settings, profile=asked.profile)
            print(name, json.dumps(found[name], indent=1), flush=True)
    found["peak, TFLOP/s"] = round((before + peak()) / 2, 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
