"""How fast does the product write drafts, beside bare engines that others would take?

Every engine gets the same passages, as token ids of the same prompts, writes the same number of
greedy tokens a draft, and computes on the same cores. Each is a process in its own environment
(`peers/`), loaded and warm; rounds go in turn. Of an engine with several settings the one is
taken that is the fastest in a trial before. An engine that breaks is a line with its reason.

The peak is that of `flops.peak`, before each round, on as many threads.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "peers")]

import flops
from driving import BrokenError, Runner
from filing import file, spread

from katsuo import engines, readers
from katsuo.models import shelf
from katsuo.models.merged_form import merged_form
from katsuo.models.tokens import Tokens
from katsuo.stages.generate import FORMATS
from katsuo.stages.ingest import IngestSettings, contexts_of
from katsuo.store import tables
from katsuo.types import Context, TaskType
from katsuo.wire import Wish

MAX_TOKENS = 150
"""Of a passage."""
LIKE_CHARS = 40
"""Two drafts that begin with so many equal characters are called alike."""
OWN = Path(sys.executable)
PEERS, VLLM = Path(".venv-engines/bin/python"), Path(".venv-vllm/bin/python")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """An engine and what is tried of its settings."""

    script: str
    python: Path
    tried: tuple[dict[str, Any], ...] = ({},)
    whole: bool = False
    """Whether a trial takes all prompts, and not half: where that would make the same batches."""


PRODUCT, BARE = "product", "bare OpenVINO"
CONTESTANTS: dict[str, Contestant] = {
    PRODUCT: Contestant(script="product", python=OWN),
    BARE: Contestant(script="openvino", python=OWN),
    "transformers": Contestant(
        script="transformers", python=OWN, tried=({"batch": 64}, {"batch": 32}), whole=True
    ),
    "vLLM as bonito-llm calls it": Contestant(script="vllm", python=VLLM),
    "vLLM tuned": Contestant(
        script="vllm",
        python=VLLM,
        tried=(
            {"both_cores": True, "llm": {"dtype": "bfloat16"}},
            {"both_cores": True, "llm": {"dtype": "bfloat16", "enforce_eager": True}},
        ),
    ),
    "CTranslate2": Contestant(
        script="ctranslate2",
        python=PEERS,
        tried=(
            {"compute_type": "int8", "batch": 32},
            {"compute_type": "int8", "batch": 16},
            {"compute_type": "float32", "batch": 32},
        ),
    ),
    "llama.cpp": Contestant(
        script="llama",
        python=PEERS,
        tried=({"weights": "Q8_0", "slots": 64}, {"weights": "F16", "slots": 64}),
    ),
}
ENDED = "product, drafts that end by themselves"
OWN_ENDS: dict[str, dict[str, Any]] = {ENDED: {}, "product, mended drafts": {"decoding": "mended"}}
"""Rows of the product whose drafts end where the generator ends them, with what is set otherwise
in `GenerateSettings`; all are compared with the first in drafts per second."""


@dataclass(kw_only=True)
class Measured:
    """What an engine did."""

    settings: dict[str, Any]
    versions: str
    rates: list[float] = field(default_factory=list)
    """New tokens per second, of each round."""
    seconds: list[float] = field(default_factory=list)
    n_tokens: int = 0
    texts: list[str] = field(default_factory=list)
    peak_mib: int = 0


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all engines share."""

    job: dict[str, Any]
    tokens: Tokens
    shapes: Mapping[str, Sequence[int]]
    """Of the model's tensors."""

    @property
    def n_prompts(self) -> int:
        """Also the number of drafts."""
        return len(self.job["prompts"])

    @property
    def useful_flops(self) -> float:
        """Of a round in which all drafts have the full length."""
        n_read = sum(map(len, self.job["prompts"]))
        return flops.of_drafts(self.shapes, n_read, self.n_prompts, self.job["new_tokens"])


def contexts(tokens: Tokens) -> list[Context]:
    """Passages of the demo's documents, in order."""
    found: list[Context] = []
    for path in readers.files([Path("examples/harbour/documents")]):
        for document in readers.read(path, text_column=None):
            made = contexts_of(document, IngestSettings(max_tokens=MAX_TOKENS), tokens.tokenizer)
            found.extend(item for item in made if isinstance(item, Context))
    return found


def prepared(asked: argparse.Namespace, scratch: Path) -> Ground:
    """The passages, their prompts, and the model in the forms that engines read."""
    named = engines.find(asked.generator)
    assert named.model is not None
    tokens = engines.open_tokens(named)
    passages = contexts(tokens)[: asked.passages]
    assert len(passages) == asked.passages, f"there are {len(passages)} passages"
    part = scratch / "part.parquet"
    tables.write(part, tables.CONTEXTS, [tables.context_row(one, "") for one in passages])
    form, wish = FORMATS[named.format], Wish(type=TaskType(asked.task_type))
    folder = merged_form(named.model)
    job = {
        "prompts": [
            tokens.prompt_ids(form.prompt(one.text, wish), chat=form.chat) for one in passages
        ],
        "part": str(part),
        "generator": asked.generator,
        "task_type": asked.task_type,
        "new_tokens": asked.new_tokens,
        "threads": asked.threads,
        "folder": str(folder),
        "gguf": {kind: str(shelf.gguf_form(named.model, kind)) for kind in ("F16", "Q8_0")},
        "scratch": str(scratch),
    }
    return Ground(job=job, tokens=tokens, shapes=flops.shapes_of(folder))


def opened(one: Contestant, settings: dict[str, Any], ground: Ground) -> Runner:
    """The engine's process, loaded and warm."""
    script = HERE / "peers" / f"peer_{one.script}.py"
    return Runner(one.python, script, {**ground.job, "settings": settings})


def best(name: str, ground: Ground, tries: dict[str, float | str]) -> dict[str, Any]:
    """The settings of a contestant with which it is the fastest in a trial."""
    one = CONTESTANTS[name]
    if len(one.tried) == 1:
        return one.tried[0]
    rates: list[float] = []
    reason = ""
    for settings in one.tried:
        label = f"{name} {json.dumps(settings)}"
        try:
            runner = opened(one, settings, ground)
            try:
                answer = runner.take(ground.n_prompts if one.whole else ground.n_prompts // 2)
            finally:
                runner.close()
        except BrokenError as error:
            rates.append(0.0)
            tries[label] = reason = str(error)
        else:
            rates.append(answer["n_tokens"] / answer["seconds"])
            tries[label] = round(rates[-1], 1)
        print(label, tries[label], file=sys.stderr)
    if not any(rates):
        raise BrokenError(reason)
    return one.tried[rates.index(max(rates))]


class Field:
    """The engines that run, and what became of each."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.runners: dict[str, Runner] = {}
        self.measured: dict[str, Measured] = {}
        self.broken: dict[str, str] = {}
        self.tries: dict[str, float | str] = {}

    def enter(self, names: Sequence[str]) -> None:
        """Find the settings of each, then load them all."""
        chosen: dict[str, tuple[Contestant, dict[str, Any]]] = {}
        for name in names:
            try:
                if name in OWN_ENDS:
                    chosen[name] = CONTESTANTS[PRODUCT], {"ends": True, **OWN_ENDS[name]}
                else:
                    chosen[name] = CONTESTANTS[name], best(name, self.ground, self.tries)
            except BrokenError as error:
                self.broken[name] = str(error)
        for name, (one, settings) in chosen.items():
            try:
                self.runners[name] = opened(one, settings, self.ground)
            except BrokenError as error:
                self.broken[name] = str(error)
            else:
                versions = self.runners[name].versions
                self.measured[name] = Measured(settings=settings, versions=versions)
            print(name, self.broken.get(name, "is loaded"), file=sys.stderr)

    def round(self) -> None:
        """A turn of each."""
        for name, runner in list(self.runners.items()):
            try:
                answer = runner.take(self.ground.n_prompts)
            except BrokenError as error:
                self.broken[name] = str(error)
                del self.runners[name]
                continue
            known = self.measured[name]
            known.seconds.append(answer["seconds"])
            known.rates.append(answer["n_tokens"] / answer["seconds"])
            known.n_tokens, known.peak_mib = answer["n_tokens"], runner.peak_mib()
            known.texts = answer.get("texts") or list(map(self.ground.tokens.text, answer["ids"]))
            print(name, round(known.rates[-1], 1), "new tokens/s", file=sys.stderr)

    def close(self) -> None:
        """End all."""
        for runner in self.runners.values():
            runner.close()


def figures_of(run: Field, peaks: Sequence[float]) -> dict[str, Any]:
    """All that is filed: engines in their order, broken ones with their reasons."""
    whole = {name: one for name, one in run.measured.items() if name not in run.broken}
    full = {name: one for name, one in whole.items() if name not in OWN_ENDS}
    product, useful = full.get(PRODUCT), run.ground.useful_flops
    found: dict[str, Any] = {
        f"{name}, new tokens/s": spread(one.rates) for name, one in full.items()
    }
    for name, one in full.items():
        if product and name != PRODUCT:
            found[f"product / {name}"] = spread(_ratios(product.rates, one.rates))
    for name, one in full.items():
        reached = [useful / seconds / 1e9 for seconds in one.seconds]
        found[f"{name}, share of the compute bound"] = spread(_ratios(reached, peaks))
    found |= _own_ends(whole, run.ground)
    found |= {f"{name}, peak MiB": one.peak_mib for name, one in whole.items()}
    if BARE in full:
        for name, one in full.items():
            pairs = zip(full[BARE].texts, one.texts, strict=True)
            alike = sum(a[:LIKE_CHARS] == b[:LIKE_CHARS] for a, b in pairs)
            found[f"{name}, drafts that begin like bare OpenVINO's"] = alike
    found |= {f"{name}, new tokens of a round": one.n_tokens for name, one in whole.items()}
    found["peak, bfloat16 2048-square, GFLOP/s"] = spread(peaks)
    n_new = run.ground.n_prompts * run.ground.job["new_tokens"]
    found["useful GFLOP per new token, its prompt's share included"] = round(
        useful / n_new / 1e9, 4
    )
    for name, one in whole.items():
        found[f"{name}, versions and settings"] = f"{one.versions}; {json.dumps(one.settings)}"
    found |= {f"{name}, trial, new tokens/s": rate for name, rate in run.tries.items()}
    return found | {f"{name}, broken": reason for name, reason in run.broken.items()}


def _own_ends(whole: Mapping[str, Measured], ground: Ground) -> dict[str, Any]:
    """Rows of the product whose drafts end by themselves, and ratios to the first."""
    rates = {
        name: [ground.n_prompts / seconds for seconds in whole[name].seconds]
        for name in OWN_ENDS
        if name in whole
    }
    found: dict[str, Any] = {f"{name}, drafts/s": spread(held) for name, held in rates.items()}
    for name, held in rates.items():
        if name != ENDED and ENDED in rates:
            found[f"{name} / {ENDED}"] = spread(_ratios(held, rates[ENDED]))
    return found


def _ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


def reading_of(run: Field, asked: argparse.Namespace) -> str:
    """What the figures are of, and which goals they reach."""
    lengths = sorted(map(len, run.ground.job["prompts"]))
    middle = {name: statistics.median(one.rates) for name, one in run.measured.items() if one.rates}
    for name in run.broken:
        middle.pop(name, None)
    others = {name: rate for name, rate in middle.items() if name not in {PRODUCT, BARE, *OWN_ENDS}}
    said = [
        f"{len(lengths)} passages of at most {MAX_TOKENS} tokens, {asked.task_type} in the format "
        f"of {asked.generator}, prompts of {lengths[0]} to {lengths[-1]} tokens (median "
        f"{lengths[len(lengths) // 2]}), {asked.new_tokens} greedy tokens each, end token ignored, "
        f"{asked.threads} threads on as many cores, {asked.rounds} rounds in turn, one model.",
        "The product goes from a shard of passages to a finished cell; others get token ids ready "
        "made. vLLM as bonito-llm calls it: all prompts in one `LLM.generate`, its defaults but "
        "for a cache of 2 GiB; it keeps a core for its scheduler. Others at the fastest of the "
        "settings tried.",
        "Useful work: 2 FLOP per weight of a linear layer and token, the head where a token is "
        "predicted, attention's own products left out. Peak memory: of all processes of an engine, "
        "weights mapped from files included. Ratios are of turns of one round.",
    ]
    if others and PRODUCT in middle:
        fastest = max(others, key=lambda name: others[name])
        ratio = middle[PRODUCT] / others[fastest]
        said.append(f"Goal 2.5 x the best of the others ({fastest}): {ratio:.2f}.")
    if BARE in middle and PRODUCT in middle:
        said.append(f"Goal 0.85 of bare OpenVINO: {middle[PRODUCT] / middle[BARE]:.2f}.")
    free = run.measured.get(ENDED)
    for name in [name for name in OWN_ENDS if name != ENDED and name in middle]:
        if free and ENDED not in run.broken:
            ratio = statistics.median(_ratios(free.seconds, run.measured[name].seconds))
            said.append(f"Goal 0.9 of free drafts, {name}: {ratio:.2f}.")
    said.append("Not measured: other models, lengths and thread counts, quality.")
    return " ".join(said)


def main() -> None:
    """Measure in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--generator", default="smollm2-135m-bonito")
    parser.add_argument("--task-type", default="exqa")
    parser.add_argument("--only", nargs="*", help="these engines alone")
    parser.add_argument("--rehearse", action="store_true", help="file no result")
    asked = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        run = Field(prepared(asked, Path(scratch)))
        try:
            run.enter(asked.only or [*CONTESTANTS, *OWN_ENDS])
            for _ in range(asked.rounds):
                peaks.append(flops.peak(asked.threads))
                run.round()
        finally:
            run.close()
    figures, reading = figures_of(run, peaks), reading_of(run, asked)
    if asked.rehearse:
        print(json.dumps(figures, indent=1), reading)
    else:
        file("engines", figures, reading)


if __name__ == "__main__":
    main()
