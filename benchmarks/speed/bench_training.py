"""How fast does a LoRA learn here, and how near is that to what the machine can multiply?

Three trainers in turn, each turn a process of its own, over the same pairs: ours at its defaults;
TRL's SFTTrainer tuned by hand (no gradient checkpointing, weights in bfloat16, groups of similar
length, the best of a few batch sizes and attentions); TRL's SFTTrainer as it comes. All have
the same base, rank, alpha, targets, learning rate and loss on the completion alone.

Tokens per second: tokens read, padding not counted, from the end of the first step to the end
of the last. Useful FLOPs are those of `flops.py`. The peak is the median rate of a 2048-square
product in bfloat16, before and after each turn, in its process.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import datasets
import flops
import peft
import torch
import transformers
import trl
from filing import file, spread

from katsuo import engines, readers
from katsuo.models import batches, tune
from katsuo.models.tokens import Tokens
from katsuo.training import TuneSettings
from katsuo.types import Document, Pair

DEFAULTS = TuneSettings()
TRL_SIZES = (2, 4, 8)
TRL_ATTENTIONS = ("sdpa", "eager")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all trainers share."""

    base: Path
    tokens: Tokens
    pairs: Sequence[Pair]


@dataclass(kw_only=True)
class Clock:
    """When each step ended, and how many tokens it read."""

    ends: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Tokens per second behind the first step."""
        return sum(self.tokens[1 : len(self.ends)]) / (self.ends[-1] - self.ends[0])


def made_pairs(number: int, tokens: Tokens) -> list[Pair]:
    """Pairs of 100 to 250 tokens: a passage of the demo with a question, and a part of it."""
    words: list[str] = []
    for path in readers.files([Path("examples/harbour/documents")]):
        for document in readers.read(path, text_column=None):
            words += document.text.split() if isinstance(document, Document) else []
    chance = random.Random(0)
    found: list[Pair] = []
    while len(found) < number:
        at, length = chance.randrange(len(words) - 200), chance.randint(60, 160)
        passage = words[at : at + length]
        n_answer = chance.randint(8, 30)
        prompt = f"{' '.join(passage)}\n\nHow does this passage begin?\n"
        pair = Pair(prompt=prompt, target=" ".join(passage[:n_answer]), chat=False)
        if 100 <= sum(batches.sizes(pair, tokens)) <= 250:
            found.append(pair)
    return found


def ours(ground: Ground) -> tuple[float, float]:
    """Tokens per second and final loss of our trainer at its defaults."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        tuner = tune.LoraTuner(
            base=ground.base,
            base_name="bench",
            tokens=ground.tokens,
            settings=DEFAULTS,
            on_step=lambda _: clock.ends.append(time.perf_counter()),
        )
        tuner.tune(ground.pairs, Path(scratch))
        lines = (Path(scratch) / "losses.jsonl").read_text("utf-8").splitlines()
        clock.tokens += [json.loads(line)["tokens"] for line in lines]
        model = tune.adaptable(ground.base, DEFAULTS, start=Path(scratch))
    return clock.rate, final_loss(model, ground)


def trl_tuned(ground: Ground, size: int, attention: str) -> tuple[float, float]:
    """The same of TRL, set up by somebody who knows it."""
    with tune.quiet():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            ground.base, dtype=torch.bfloat16, attn_implementation=attention
        )
    return by_trl(
        ground,
        model,
        gradient_checkpointing=False,
        per_device_train_batch_size=size,
        train_sampling_strategy="group_by_length",
        lr_scheduler_type="linear",
        warmup_steps=DEFAULTS.warmup_fraction,
        optim="adamw_torch",
        dataloader_pin_memory=False,
        logging_strategy="no",
    )


def trl_default(ground: Ground) -> tuple[float, float]:
    """The same of TRL as it comes, but for the learning rate."""
    return by_trl(ground, str(ground.base))


def by_trl(ground: Ground, model: Any, **settings: Any) -> tuple[float, float]:  # noqa: ANN401
    clock = Clock()

    class Ends(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: object, **__: object) -> None:
            clock.ends.append(time.perf_counter())

    rows = [{"prompt": pair.prompt, "completion": pair.target} for pair in ground.pairs]
    with tempfile.TemporaryDirectory() as scratch, tune.quiet():
        trainer = trl.SFTTrainer(
            model=model,
            args=trl.SFTConfig(
                output_dir=scratch,
                num_train_epochs=1,
                learning_rate=DEFAULTS.learning_rate,
                max_length=DEFAULTS.max_tokens,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                seed=0,
                **settings,
            ),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=transformers.AutoTokenizer.from_pretrained(ground.base),
            peft_config=peft.LoraConfig(
                r=DEFAULTS.rank,
                lora_alpha=DEFAULTS.alpha,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[Ends()],
        )
        trainer.data_collator = counting(trainer.data_collator, clock)
        trainer.train()
    return clock.rate, final_loss(trainer.model, ground)


def counting(collate: Callable[[Any], Any], clock: Clock) -> Callable[[Any], Any]:
    """`collate`, with the tokens of each batch noted."""

    def collated(examples: Any) -> Any:  # noqa: ANN401
        clock.tokens.append(sum(len(example["input_ids"]) for example in examples))
        return collate(examples)

    return collated


def final_loss(model: Any, ground: Ground) -> float:  # noqa: ANN401
    """Mean nats per target token over all pairs, the same way for every trainer."""
    examples = [batches.encode(pair, ground.tokens) for pair in ground.pairs]
    return float(batches.losses(model, {"all": examples}, half=True)["all"])


def useful_flops(ground: Ground) -> float:
    """Per token read."""
    sizes = [batches.sizes(pair, ground.tokens) for pair in ground.pairs]
    target_fraction = sum(learned for _, learned in sizes) / sum(map(sum, sizes))
    return flops.per_token(tune.adaptable(ground.base, DEFAULTS), target_fraction)


def turn(name: str, asked: argparse.Namespace) -> dict[str, float]:
    """One turn of the trainer `name` in a process of its own: what memory it keeps ends with it."""
    words = [sys.executable, __file__, "--base", asked.base, "--examples", str(asked.examples)]
    done = subprocess.run([*words, "--turn", name], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(name, found, file=sys.stderr)
    return found


def take(name: str, ground: Ground) -> dict[str, float]:
    """What `turn` asks of its process."""
    before = flops.peak()
    if name == "ours":
        rate, loss = ours(ground)
    elif name == "TRL as it comes":
        rate, loss = trl_default(ground)
    else:
        size, attention = name.split()
        rate, loss = trl_tuned(ground, int(size), attention)
    return {"rate": rate, "loss": loss, "peak": (before + flops.peak()) / 2}


def best_of_trl(asked: argparse.Namespace) -> str:
    """Batch size and attention with which TRL is fastest, found on all pairs once."""
    names = [
        f"{size} {attention}"
        for size in TRL_SIZES
        for attention in TRL_ATTENTIONS
        if size < asked.examples
    ]
    rates = {name: turn(name, asked)["rate"] for name in names}
    return max(rates, key=lambda name: rates[name])


def main() -> None:
    """Measure in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="smollm2-135m", help="model to tune")
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rehearse", action="store_true", help="file no result")
    parser.add_argument("--turn", help="measure this trainer alone, once")
    asked = parser.parse_args()
    named = engines.find(asked.base)
    assert named.model is not None
    tokens = engines.open_tokens(named)
    ground = Ground(
        base=named.model.folder, tokens=tokens, pairs=made_pairs(asked.examples, tokens)
    )
    if asked.turn:
        print(json.dumps(take(asked.turn, ground)))
        return
    best = best_of_trl(asked)
    shown = {"ours": "ours", best: f"TRL tuned ({best})", "TRL as it comes": "TRL as it comes"}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in shown.values()}
    for _ in range(asked.rounds):
        for name, label in shown.items():
            turns[label].append(turn(name, asked))
    figures = _figures(turns, useful_flops(ground))
    print(json.dumps(figures, indent=1))
    if not asked.rehearse:
        file("training", figures, _reading(ground))


def _figures(turns: dict[str, list[dict[str, float]]], flops: float) -> dict[str, Any]:
    def of(key: str) -> dict[str, list[float]]:
        return {name: [one[key] for one in held] for name, held in turns.items()}

    mine, tuned, default = of("rate").values()
    shares = [one["rate"] * flops / 1e9 / one["peak"] for one in turns["ours"]]
    peaks = [peak for held in of("peak").values() for peak in held]
    return {
        **{f"{name}, tokens/s": spread(held) for name, held in of("rate").items()},
        **{f"{name}, final loss, nats/token": spread(held) for name, held in of("loss").items()},
        "ours / TRL tuned": spread([a / b for a, b in zip(mine, tuned, strict=True)]),
        "ours / TRL as it comes": spread([a / b for a, b in zip(mine, default, strict=True)]),
        "peak, bfloat16 2048-square, GFLOP/s": spread(peaks),
        "useful MFLOP per token": round(flops / 1e6, 1),
        "ours, share of the peak of its own turn": spread(shares),
    }


def _reading(ground: Ground) -> str:
    lengths = [sum(batches.sizes(pair, ground.tokens)) for pair in ground.pairs]
    return (
        f"{len(lengths)} pairs of {min(lengths)} to {max(lengths)} tokens, one epoch, LoRA of rank "
        f"{DEFAULTS.rank} on all linear layers. Tokens read, padding not counted, without the "
        "first step of each; ratios are of neighbouring turns. Final losses: over the same pairs, "
        "by one function; they differ as the steps do in size, and a small batch takes more of "
        "them. Goals: 1.5 x TRL tuned, 60 % of the peak. Not measured: compiled models, other "
        "lengths, memory."
    )


if __name__ == "__main__":
    main()
