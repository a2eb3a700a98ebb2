"""How long, how fast and in which order is a model tuned?

    lengths of the examples ──plan──▶ one tuple of example numbers per optimizer step

Everything here is arithmetic on lengths: the recipe, the stages and the trainer
share it, and none of them needs a tensor library for it. A plan depends on the
lengths and the settings alone, so a resumed run follows the same one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from katsuo.errors import RecipeError
from katsuo.seeds import stream

Method: TypeAlias = Literal["lora", "full", "qlora"]
"""What is learned: a LoRA, every weight, or a LoRA on a base in 4 bits."""
METHODS: Final = ("lora", "full", "qlora")
DEVICES: Final = ("auto", "cpu", "cuda")
TRAINER: Final = "2"
"""Changes when the trainer makes other weights of the same pairs and settings."""
LOSSES: Final = "losses.jsonl"
"""Every folder that the trainer leaves has this file; no other model has."""
WIDTH_STEP: Final = 16
"""The trainer pads rows to a multiple of so many tokens."""
GROUPED_STEPS: Final = 32
"""Examples of about so many steps are sorted by length together: little padding, ever new mates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings:
    """The settings of one tuning run; docs/notes/0010 says where each default comes from."""

    rank: int = 16
    alpha: float = 32.0
    """A LoRA update is scaled by alpha / rank."""
    dropout: float = 0.0
    """Share of inputs of each LoRA that is dropped, in [0, 1); the paper has 0."""
    learning_rate: float = 5e-4
    """Its peak, behind the warm-up."""
    warmup_fraction: float = 0.03
    """Share of the steps in which the learning rate rises; then it falls linearly to 0."""
    weight_decay: float = 0.0
    grad_clip: float = 1.0
    """Longest gradient, as a 2-norm over all LoRA weights."""
    batch_tokens: int = 2048
    """Most tokens of one optimizer step, padding included; a longer example is a step alone."""
    epochs: float = 1.0
    """How often every example is seen; ignored when `max_steps` is given."""
    max_steps: int | None = None
    """Exactly so many optimizer steps, over as many epochs as that takes."""
    max_tokens: int = 1024
    """Longest example, prompt and target together; a longer one is refused, never cut."""
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the frozen weights and of the matrix products; LoRA weights are always float32."""
    compile: bool = False
    """Compile the model first: minutes and a C++ compiler, then about a third faster."""
    checkpoint_seconds: float = 180.0
    """Most work that a kill can cost; 0 saves after every step."""
    held_out_steps: int | None = None
    """Measure the held-out losses each time after so many steps, not only at the end."""
    seed: int = 0
    method: Method = "lora"
    """`full` wants a learning rate ten to fifty times lower and four floats of memory a weight."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; `auto` is the GPU if there is one."""
    share_passages: bool = False
    """Read what several examples begin with once for all: the same losses for fewer tokens."""
    micro_tokens: int | None = None
    """Most tokens of one forward and backward pass, when a step is more than memory holds.

    The passes of a step add up to the step in one pass, up to rounding.
    """

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "learning_rate", "grad_clip", "batch_tokens", "epochs"):
            _check(name, getattr(self, name), ok=getattr(self, name) > 0, rule="be > 0")
        for name in ("max_steps", "held_out_steps", "micro_tokens"):
            value = getattr(self, name)
            _check(name, value, ok=value is None or value >= 1, rule="be >= 1, or null")
        for name in ("warmup_fraction", "dropout"):
            value = getattr(self, name)
            _check(name, value, ok=0 <= value < 1, rule="lie in [0, 1)")
        for name in ("weight_decay", "checkpoint_seconds"):
            _check(name, getattr(self, name), ok=getattr(self, name) >= 0, rule="be >= 0")
        _check("max_tokens", self.max_tokens, ok=self.max_tokens >= 2, rule="be >= 2")
        choices = {"precision": ("bfloat16", "float32"), "method": METHODS, "device": DEVICES}
        for name, known in choices.items():
            value = getattr(self, name)
            _check(name, value, ok=value in known, rule=f"be one of {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a tuning run has come."""

    step: int
    """Optimizer steps done."""
    n_steps: int
    """Optimizer steps to do in all."""
    loss: float
    """Mean nats per target token of this step."""
    tokens_per_second: float
    """Tokens read since this process began to tune, padding not counted."""


class Pause(Exception):  # noqa: N818 -- nothing is wrong
    """Raised by who watches the steps: save what was learned, and stop for now."""


def plan(lengths: Sequence[int], settings: TuneSettings) -> list[tuple[int, ...]]:
    """The examples of every optimizer step of a run, by their number.

    Each epoch sees every example once, in a new order. A step holds examples of
    similar length and at most `batch_tokens` tokens with their padding. Without
    `max_steps` there are exactly `epochs` epochs, the last one cut to its share.

    Args:
        lengths: Tokens of each example.
        settings: Of the run.
    """
    if not lengths:
        return []
    steps: list[tuple[int, ...]] = []
    if settings.max_steps is not None:
        for epoch in _epochs(lengths, settings):
            steps.extend(epoch)
            if len(steps) >= settings.max_steps:
                return steps[: settings.max_steps]
    left = settings.epochs
    for epoch in _epochs(lengths, settings):
        steps.extend(epoch[: math.ceil(len(epoch) * min(left, 1.0))])
        left -= 1.0
        if left <= 0:
            break
    return steps


def shares(step: Sequence[int], lengths: Sequence[int], n_processes: int) -> list[tuple[int, ...]]:
    """The examples of a step, dealt out to processes so that each reads about as many tokens.

    A step of fewer examples than processes leaves some with none; one process has them
    all, in the order of `step`.

    >>> shares([0, 1, 2], [9, 5, 3], 2)
    [(0,), (1, 2)]
    """
    if n_processes == 1:
        return [tuple(step)]
    held: list[list[int]] = [[] for _ in range(n_processes)]
    n_tokens = [0] * n_processes
    for i in sorted(step, key=lambda i: -lengths[i]):
        least = n_tokens.index(min(n_tokens))
        held[least].append(i)
        n_tokens[least] += lengths[i]
    return [tuple(numbers) for numbers in held]


def passes(
    share: Sequence[int], lengths: Sequence[int], settings: TuneSettings
) -> list[tuple[int, ...]]:
    """The examples of each forward and backward pass of one process's share of a step."""
    if not share:
        return []
    if settings.micro_tokens is None:
        return [tuple(share)]
    return grouped(share, lengths, settings.micro_tokens)


def learning_rate(step: int, n_steps: int, settings: TuneSettings) -> float:
    """The learning rate of step number `step`, counted from 0: up, then linearly to 0.

    >>> [learning_rate(i, 4, TuneSettings(learning_rate=1.0, warmup_fraction=0)) for i in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    n_warmup = math.ceil(n_steps * settings.warmup_fraction)
    if step < n_warmup:
        return settings.learning_rate * (step + 1) / (n_warmup + 1)
    return settings.learning_rate * (n_steps - step) / (n_steps - n_warmup)


def _epochs(lengths: Sequence[int], settings: TuneSettings) -> Iterator[list[tuple[int, ...]]]:
    """Epoch after epoch, without end."""
    number = 0
    while True:
        chance = stream(settings.seed, "tune", "epoch", str(number))
        order = list(range(len(lengths)))
        chance.shuffle(order)
        batches = [
            batch
            for group in _groups(order, lengths, settings.batch_tokens * GROUPED_STEPS)
            for batch in grouped(group, lengths, settings.batch_tokens)
        ]
        chance.shuffle(batches)
        yield batches
        number += 1


def _groups(order: Sequence[int], lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """`order` in runs of about `tokens` tokens."""
    group: list[int] = []
    held = 0
    for i in order:
        group.append(i)
        held += lengths[i]
        if held >= tokens:
            yield group
            group, held = [], 0
    if group:
        yield group


def grouped(
    numbers: Sequence[int], lengths: Sequence[int], batch_tokens: int
) -> list[tuple[int, ...]]:
    """The examples `numbers` in batches of similar length, longest first.

    A batch times its longest example is at most `batch_tokens`, unless it is one example.

    >>> grouped([0, 1, 2, 3], [5, 90, 6, 40], 100)
    [(1,), (3, 2), (0,)]
    """
    batches: list[tuple[int, ...]] = []
    batch: list[int] = []
    for i in sorted(numbers, key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > batch_tokens:
            batches.append(tuple(batch))
            batch = []
        batch.append(i)
    return [*batches, tuple(batch)] if batch else batches


def _check(name: str, value: object, *, ok: bool, rule: str) -> None:
    if not ok:
        raise RecipeError(f"adapt.{name} is {value}; it must {rule}")
