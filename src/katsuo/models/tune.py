"""How does a base model become an adapter? The one trainer: adapt, TAPT and teach.

    pairs ──encode──▶ examples ──plan──▶ steps ──▶ adapter_model.safetensors
                                                   adapter_config.json  losses.jsonl

LoRA on every linear layer of a frozen base (in 4 bits with `qlora`), or every
weight with `full`. The loss falls on target tokens only, and logits are worked
out only where one is predicted, which is what makes it fast. A killed run goes
on from `checkpoint/` and ends in the same weights as an unbroken one, on the
same versions, CPU class, thread count and number of processes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from katsuo import training
from katsuo.errors import DataError, RecipeError
from katsuo.models import batches, checkpoints, heap, joined, launch, sharing, tunable
from katsuo.models.batches import Example
from katsuo.models.shelf import sha256
from katsuo.models.tokens import Tokens
from katsuo.models.tunable import adaptable, load, quiet
from katsuo.models.tune_steps import Run
from katsuo.protocols import TuneReport
from katsuo.training import Step, TuneSettings
from katsuo.types import Pair, digest

__all__ = ["REPORTED_STEPS", "LoraTuner", "adaptable", "load", "quiet"]

REPORTED_STEPS: Final = 10
"""The first and the last loss of a report are means over so many steps; one step's is noise."""
_RUN_ONLY: Final = ("checkpoint_seconds", "device", "micro_tokens")
"""Settings that leave weights and losses as they are, but for rounding: a checkpoint outlives
a change of them."""
_LATER: Final = (("method", "lora"), ("share_passages", False))
"""Settings that came later, as things were before them: so a digest leaves them out."""


@dataclass(frozen=True, kw_only=True)
class LoraTuner:
    """Tunes the model folder `base`, by a LoRA unless the settings say `full`; a `Tunes`.

    Raises:
        ModelError: If the method lacks what it needs, or `start` is no LoRA.
        RecipeError: If method and `start` exclude each other.
    """

    base: Path
    base_name: str
    """What the adapter names as its base: a bundled name or a hub id rather than a path."""
    tokens: Tokens
    settings: TuneSettings = field(default_factory=TuneSettings)
    held_out: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    """Pairs by key, such as the task type: their mean losses go into `losses.jsonl`."""
    on_step: Callable[[Step], None] | None = None
    """Told after every optimizer step; what it raises ends the run, which can be resumed."""
    start: Path | None = None
    """Adapter folder to go on from, with its own rank, alpha and targets, instead of a new LoRA."""

    def __post_init__(self) -> None:
        tunable.check(self.settings, self.start)

    def tune(self, pairs: Sequence[Pair], into: Path) -> TuneReport:
        """Tune on `pairs`; resume from the checkpoint in `into` when it fits them and the settings.

        Raises:
            DataError: If there is no pair, or one has no target token.
            RecipeError: If a pair is longer than `max_tokens`.
        """
        examples = self._examples(pairs)
        if self.settings.share_passages:
            longest = min(self.settings.batch_tokens, joined.LONG_TOKENS)
            examples = sharing.gathered(examples, longest=longest)
        if not examples:
            raise DataError(
                "there is no pair to tune on; the ledger says what was dropped, and why"
            )
        with heap.kept():
            run = self._run(examples, into)
            run.go(into, self.on_step)
        if run.crew.is_first:
            self._save(run, into)
        run.crew.wait()
        return _report(run)

    def _run(self, examples: Sequence[Example], into: Path) -> Run:
        """The run, where it left off."""
        crew = launch.join(self.settings.device)
        model = adaptable(self.base, self.settings, start=self.start, device=crew.device)
        optimizer = tunable.optimizer_of(model, self.settings)
        progress = checkpoints.restore(model, optimizer, self._digest(examples), into)
        crew.agree(progress.digest, progress.done)
        into.mkdir(parents=True, exist_ok=True)
        return Run(
            model=model,
            optimizer=optimizer,
            settings=self.settings,
            examples=examples,
            steps=training.plan([len(example.ids) for example in examples], self.settings),
            held_out={key: self._examples(group) for key, group in self.held_out.items()},
            progress=progress,
            crew=crew,
        )

    def _save(self, run: Run, into: Path) -> None:
        tunable.save_losses(run.progress.rows, into)
        if self.settings.method == "full":
            tunable.save_model(run.model, into, self.base)
        else:
            tunable.save_adapter(run.model, into, self.base_name)
        shutil.rmtree(checkpoints.path_of(into).parent, ignore_errors=True)

    def _examples(self, pairs: Sequence[Pair]) -> list[Example]:
        examples = batches.encode_all(pairs, self.tokens)
        for number, example in enumerate(examples):
            if len(example.ids) > self.settings.max_tokens:
                raise RecipeError(
                    f"adapt.max_tokens is {self.settings.max_tokens} and pair {number} has "
                    f"{len(example.ids)} tokens; leave it out first, as stages.tuning.fit does"
                )
            if example.n_learned < 1:
                raise DataError(f"pair {number} has no target token to learn; leave it out first")
        return examples

    def _digest(self, examples: Sequence[Example]) -> str:
        settings = {
            name: value
            for name, value in asdict(self.settings).items()
            if name not in _RUN_ONLY and (name, value) not in _LATER
        }
        weights = sorted(self.base.glob("*.safetensors"))
        return digest(
            json.dumps(settings),
            self.base_name,
            (self.base / "config.json").read_text("utf-8"),
            *(f"{path.name}:{path.stat().st_size}" for path in weights),
            batches.digest(examples),
            *(sha256(self.start / name) for name in tunable.ADAPTER_FILES if self.start),
        )


def _report(run: Run) -> TuneReport:
    seen = [run.examples[i] for step in run.steps for i in step]
    losses = [row["loss"] for row in run.progress.rows if "loss" in row]
    first, last = losses[:REPORTED_STEPS], losses[-REPORTED_STEPS:]
    return TuneReport(
        steps=len(run.steps),
        epochs=len(seen) / len(run.examples),
        target_tokens=sum(example.n_learned for example in seen),
        trained_tokens=sum(len(example.ids) for example in seen),
        first_loss=sum(first) / len(first),
        last_loss=sum(last) / len(last),
        seconds=run.progress.seconds,
    )
