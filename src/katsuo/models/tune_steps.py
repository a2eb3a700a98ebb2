"""How is one optimizer step taken, and the next?

    step: examples ──share──▶ this process ──passes──▶ parts of the gradient ──sum──▶ clip, AdamW

Each pass is weighted by its target tokens over those of the step, so that passes
and processes add up to the step that one pass of one process would take. With
one of each, that factor is exactly 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from katsuo import training
from katsuo.models import batches, checkpoints, tunable
from katsuo.models.batches import Example
from katsuo.models.checkpoints import Progress
from katsuo.models.launch import Crew
from katsuo.training import Pause, Step, TuneSettings


@dataclass(kw_only=True)
class Run:
    """A run under way."""

    model: Any
    optimizer: Any
    settings: TuneSettings
    examples: Sequence[Example]
    steps: Sequence[tuple[int, ...]]
    held_out: Mapping[str, Sequence[Example]]
    progress: Progress
    crew: Crew

    def go(self, into: Path, on_step: Callable[[Step], None] | None) -> None:
        """Take every step that is left; the first process saves, and tells `on_step`."""
        self.model.train()
        earlier, n_tokens = self.progress.seconds, 0
        began = saved = time.monotonic()
        while self.progress.done < len(self.steps):
            step = self.steps[self.progress.done]
            loss = self._take(step)
            n_tokens += self._n_tokens(step)
            self.progress.seconds = earlier + time.monotonic() - began
            self._note(step, loss)
            if not self.crew.is_first:
                continue
            if time.monotonic() - saved >= self.settings.checkpoint_seconds:
                checkpoints.save(self.model, self.optimizer, self.progress, into)
                saved = time.monotonic()
            if on_step:
                try:
                    on_step(self._told(loss, n_tokens / (time.monotonic() - began)))
                except Pause:
                    checkpoints.save(self.model, self.optimizer, self.progress, into)
                    raise

    @cached_property
    def _lengths(self) -> list[int]:
        return [len(example.ids) for example in self.examples]

    @cached_property
    def _joins(self) -> bool:
        return batches.joins(self.model)

    @property
    def _rate(self) -> float:
        """The learning rate of the step at hand."""
        return training.learning_rate(self.progress.done, len(self.steps), self.settings)

    def _n_tokens(self, step: Sequence[int]) -> int:
        return sum(self._lengths[i] for i in step)

    def _take(self, step: Sequence[int]) -> float:
        """One optimizer step; the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate
        loss = self.crew.total(self._slope(step))
        weights = list(checkpoints.learned(self.model).values())
        self.crew.sum_gradients(weights)
        torch.nn.utils.clip_grad_norm_(weights, self.settings.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _slope(self, step: Sequence[int]) -> float:
        """Add up this process's part of the gradient of `step`; its part of the loss."""
        share = training.shares(step, self._lengths, self.crew.size)[self.crew.rank]
        n_learned = sum(self.examples[i].n_learned for i in step)
        half = self.settings.precision == "bfloat16"
        loss = 0.0
        # One stream for all passes: with a seed each, their dropped inputs would be the same.
        with tunable.chance(
            self.settings.seed, "dropout", str(self.progress.done), *self.crew.names
        ):
            for numbers in training.passes(share, self._lengths, self.settings):
                examples = [self.examples[i] for i in numbers]
                batch = batches.collate(examples, join=self._joins)
                part = batches.loss(self.model, batch, half=half)
                weight = sum(example.n_learned for example in examples) / n_learned
                (part * weight).backward()
                loss += float(part.detach()) * weight
        return loss

    def _note(self, step: Sequence[int], loss: float) -> None:
        row = {"loss": loss, "lr": self._rate, "tokens": self._n_tokens(step)}
        self.progress.done += 1
        done, seconds = self.progress.done, round(self.progress.seconds, 3)
        self.progress.rows.append({"step": done, **row, "seconds": seconds})
        every = self.settings.held_out_steps
        if self.held_out and (done == len(self.steps) or (every and done % every == 0)):
            half = self.settings.precision == "bfloat16"
            found = batches.losses(self.model, self.held_out, half=half)
            self.progress.rows.append({"step": done, "held_out": found})

    def _told(self, loss: float, tokens_per_second: float) -> Step:
        return Step(
            step=self.progress.done,
            n_steps=len(self.steps),
            loss=loss,
            tokens_per_second=tokens_per_second,
        )
