"""How does a base model become an adapter? The one trainer: adapt, TAPT and teach.

    pairs ──encode──▶ examples ──plan──▶ steps ──▶ adapter_model.safetensors
                                                   adapter_config.json  losses.jsonl

LoRA on every linear layer of a frozen base. The loss falls on target tokens
only, and logits are worked out only where one is predicted, which is what makes
it fast. A killed run goes on from `checkpoint/` and ends in the same weights as
an unbroken one, on the same versions, CPU class and thread count.
"""

from __future__ import annotations

import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import peft
import torch
import transformers

from katsuo import seeds, training
from katsuo.errors import DataError, RecipeError
from katsuo.models import batches, checkpoints, lora
from katsuo.models.batches import Batch, Example
from katsuo.models.checkpoints import Progress
from katsuo.models.tokens import Tokens
from katsuo.protocols import TuneReport
from katsuo.training import Step, TuneSettings
from katsuo.types import Pair, digest

REPORTED_STEPS: Final = 10
"""The first and the last loss of a report are means over so many steps; one step's is noise."""
_RUN_ONLY: Final = ("checkpoint_seconds",)
"""Settings that leave weights and losses as they are, so a checkpoint outlives a change of them."""


@dataclass(frozen=True, kw_only=True)
class LoraTuner:
    """Tunes a LoRA on the model folder `base`; implements `Tunes`."""

    base: Path
    base_name: str
    """What the adapter names as its base: a bundled name or a hub id rather than a path."""
    tokens: Tokens
    settings: TuneSettings = field(default_factory=TuneSettings)
    held_out: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    """Pairs by key, such as the task type: their mean losses go into `losses.jsonl`."""
    on_step: Callable[[Step], None] | None = None
    """Told after every optimizer step; what it raises ends the run, which can be resumed."""

    def tune(self, pairs: Sequence[Pair], into: Path) -> TuneReport:
        """Tune on `pairs`; resume from the checkpoint in `into` when it fits them and the settings.

        Raises:
            DataError: If there is no pair, or one has no target token.
            RecipeError: If a pair is longer than `max_tokens`.
        """
        examples = self._examples(pairs)
        if not examples:
            raise DataError(
                "there is no pair to tune on; the ledger says what was dropped, and why"
            )
        model = adaptable(self.base, self.settings)
        optimizer = torch.optim.AdamW(
            checkpoints.learned(model).values(), lr=0.0, weight_decay=self.settings.weight_decay
        )
        run = _Run(
            model=model,
            optimizer=optimizer,
            settings=self.settings,
            examples=examples,
            steps=training.plan([len(example.ids) for example in examples], self.settings),
            held_out={key: self._examples(group) for key, group in self.held_out.items()},
            progress=checkpoints.restore(model, optimizer, self._digest(examples), into),
        )
        into.mkdir(parents=True, exist_ok=True)
        run.go(into, self.on_step)
        _save(model, run.progress.rows, into, self.base_name)
        shutil.rmtree(checkpoints.path_of(into).parent, ignore_errors=True)
        return _report(run)

    def _examples(self, pairs: Sequence[Pair]) -> list[Example]:
        examples = [batches.encode(pair, self.tokens) for pair in pairs]
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
        settings = asdict(self.settings)
        weights = sorted(self.base.glob("*.safetensors"))
        return digest(
            json.dumps({name: settings[name] for name in settings if name not in _RUN_ONLY}),
            self.base_name,
            (self.base / "config.json").read_text("utf-8"),
            *(f"{path.name}:{path.stat().st_size}" for path in weights),
            batches.digest(examples),
        )


def load(base: Path, *, precision: str = "bfloat16") -> Any:  # noqa: ANN401 -- untyped library
    """The causal language model in the folder `base`, without a word on the console."""
    with quiet():
        return transformers.AutoModelForCausalLM.from_pretrained(
            base, dtype=getattr(torch, precision), attn_implementation="sdpa", local_files_only=True
        )


def adaptable(base: Path, settings: TuneSettings) -> Any:  # noqa: ANN401
    """The model in the folder `base`, frozen, with a new LoRA that changes nothing yet."""
    model = load(base, precision=settings.precision)
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with quiet(), _chance(settings.seed, "lora"):
        adapted = peft.get_peft_model(model, config)
    lora.quicken(adapted)
    if settings.compile:
        model.get_decoder().compile(dynamic=True)
    return adapted


@contextmanager
def quiet() -> Iterator[None]:
    """Silence for libraries that warn of their own insides and draw progress bars."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


@dataclass(kw_only=True)
class _Run:
    """A run under way."""

    model: Any
    optimizer: Any
    settings: TuneSettings
    examples: Sequence[Example]
    steps: Sequence[tuple[int, ...]]
    held_out: Mapping[str, Sequence[Example]]
    progress: Progress

    def go(self, into: Path, on_step: Callable[[Step], None] | None) -> None:
        """Take every step that is left."""
        self.model.train()
        earlier, n_tokens = self.progress.seconds, 0
        began = saved = time.monotonic()
        while self.progress.done < len(self.steps):
            batch = batches.collate([self.examples[i] for i in self.steps[self.progress.done]])
            loss = self._take(batch)
            n_tokens += batch.n_tokens
            self.progress.seconds = earlier + time.monotonic() - began
            self._note(batch, loss)
            if time.monotonic() - saved >= self.settings.checkpoint_seconds:
                checkpoints.save(self.model, self.optimizer, self.progress, into)
                saved = time.monotonic()
            if on_step:
                on_step(self._step(loss, n_tokens / (time.monotonic() - began)))

    @property
    def _rate(self) -> float:
        """The learning rate of the step at hand."""
        return training.learning_rate(self.progress.done, len(self.steps), self.settings)

    def _take(self, batch: Batch) -> float:
        """One optimizer step; the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate
        with _chance(self.settings.seed, "dropout", str(self.progress.done)):
            loss = batches.loss(self.model, batch)
        loss.backward()
        weights = checkpoints.learned(self.model).values()
        torch.nn.utils.clip_grad_norm_(weights, self.settings.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _note(self, batch: Batch, loss: float) -> None:
        row = {"loss": loss, "lr": self._rate, "tokens": batch.n_tokens}
        self.progress.done += 1
        done, seconds = self.progress.done, round(self.progress.seconds, 3)
        self.progress.rows.append({"step": done, **row, "seconds": seconds})
        every = self.settings.held_out_steps
        if self.held_out and (done == len(self.steps) or (every and done % every == 0)):
            found = batches.losses(self.model, self.held_out)
            self.progress.rows.append({"step": done, "held_out": found})

    def _step(self, loss: float, tokens_per_second: float) -> Step:
        return Step(
            step=self.progress.done,
            n_steps=len(self.steps),
            loss=loss,
            tokens_per_second=tokens_per_second,
        )


@contextmanager
def _chance(root: int, *names: str) -> Iterator[None]:
    """Torch's global randomness from a named seed, and as it was again afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(root, "tune", *names))
        yield


def _save(model: Any, rows: Sequence[Mapping[str, Any]], into: Path, base_name: str) -> None:  # noqa: ANN401
    """Write the adapter as peft reads it; its weights come last, when all else is there."""
    config = model.peft_config["default"]
    config.inference_mode = True
    with quiet():
        config.save_pretrained(into)
        weights = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    path = into / "adapter_config.json"
    stated = json.loads(path.read_text("utf-8"))
    stated["base_model_name_or_path"] = base_name
    stated["target_modules"] = sorted(stated["target_modules"])  # a set: its order is chance
    path.write_text(json.dumps(stated, indent=1, sort_keys=True) + "\n", "utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (into / "losses.jsonl").write_text(lines, "utf-8")
    checkpoints.write(weights, into / "adapter_model.safetensors", {"format": "pt"})


def _report(run: _Run) -> TuneReport:
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
