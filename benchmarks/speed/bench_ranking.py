"""What does it gain to read three choices behind one prompt in a single pass?

Three rankers in one process, in turn, over the same prompts and choices, all in bfloat16:

    ours         prompt and choices packed as a tree, in the passes that `HfModel` forms
    plain        transformers, one forward per choice, batches of `BATCH` prompts, all logits
    plain, few   the same, but logits only where a choice is predicted

Plain is as `from_pretrained` gives it: everything in bfloat16, fused attention. Ours keeps
what flows between layers in float32. The error of a choice is the distance of its nats from
those of plain transformers in float32, one row at a time, without padding.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import transformers
from filing import file, spread

from katsuo import engines, readers
from katsuo.models.hf import HfModel
from katsuo.models.tokens import Tokens
from katsuo.models.tune import quiet
from katsuo.protocols import Question
from katsuo.stages.ingest import IngestSettings, contexts_of
from katsuo.types import Context, Document

DOCUMENTS = Path("examples/harbour/documents")
CHOICES = ("Yes", "No", "Maybe")
ASKED = "Does the passage forbid anything without a permit? Answer Yes, No or Maybe."
PASSAGE_TOKENS = 260
"""With template and question, prompts of about 300 tokens."""
LEAST_TOKENS = 240
"""Shorter prompts, from the ends of documents, are left out."""
BATCH = 3
"""Prompts of one plain forward: as many as ours has in a pass of 1,024 places."""

Nats = list[tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A prompt and its choices, as a ranker of ours and as plain rows have them."""

    question: Question
    prompt: list[int]
    choices: list[list[int]]
    """Each with the end token."""


def asked(tokens: Tokens, n_prompts: int) -> list[Asked]:
    """The first `n_prompts` prompts of full length about the demo's documents."""
    settings = IngestSettings(max_tokens=PASSAGE_TOKENS)
    passages: list[Context] = []
    for path in readers.files([DOCUMENTS]):
        for document in readers.read(path, text_column=None):
            assert isinstance(document, Document)
            made = contexts_of(document, settings, tokens.tokenizer)
            passages += [item for item in made if isinstance(item, Context)]
    found = []
    for passage in passages:
        question = Question(id=passage.id, prompt=f"{passage.text}\n\n{ASKED}", choices=CHOICES)
        prompt = tokens.of(question)
        if len(prompt) >= LEAST_TOKENS:
            choices = [tokens.target_ids(choice) for choice in CHOICES]
            found.append(Asked(question=question, prompt=prompt, choices=choices))
    if len(found) < n_prompts:
        raise SystemExit(f"{DOCUMENTS} gives {len(found)} prompts, fewer than {n_prompts}")
    return found[:n_prompts]


def plain(model: Any, rows: Sequence[Asked], *, batch: int, few: bool) -> Nats:  # noqa: ANN401
    """Nats by plain transformers, one forward for each choice of each batch."""
    columns = []
    for number in range(len(CHOICES)):
        pairs = [(row.prompt, row.choices[number]) for row in rows]
        columns.append(
            [
                nats
                for start in range(0, len(pairs), batch)
                for nats in _forward(model, pairs[start : start + batch], few=few)
            ]
        )
    return list(zip(*columns, strict=True))


def _forward(
    model: Any,  # noqa: ANN401
    pairs: Sequence[tuple[list[int], list[int]]],
    *,
    few: bool,
) -> list[float]:
    n_target = len(pairs[0][1])
    width = max(len(prompt) for prompt, _ in pairs) + n_target
    # Padding on the left, so that all choices end in the same place.
    ids = torch.tensor([[0] * (width - len(p + c)) + p + c for p, c in pairs])
    mask = torch.tensor([[0] * (width - len(p + c)) + [1] * len(p + c) for p, c in pairs])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    kept = {"logits_to_keep": n_target + 1} if few else {}
    with torch.inference_mode():
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False,
            **kept,
        ).logits[:, -n_target - 1 : -1]  # fmt: skip
    nats = logits.float().log_softmax(-1)
    found: list[float] = nats.gather(-1, ids[:, -n_target:, None]).sum((1, 2)).tolist()
    return found


def opened(folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """The model as transformers alone gives it."""
    with quiet():
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def errors(found: Nats, reference: Nats) -> dict[str, float]:
    """Mean and largest distance of a choice's nats from the reference."""
    gaps = [
        abs(a - b)
        for row, mate in zip(found, reference, strict=True)
        for a, b in zip(row, mate, strict=True)
    ]
    return {"mean": round(statistics.fmean(gaps), 4), "max": round(max(gaps), 4), "n": len(gaps)}


def measured(
    rankers: dict[str, Callable[[], Nats]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, Nats]]:
    """Seconds of every round by ranker, and what each found; who begins changes every round."""
    seconds: dict[str, list[float]] = {name: [] for name in rankers}
    found: dict[str, Nats] = {}
    for number in range(rounds):
        names = list(rankers)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            began = time.perf_counter()
            found[name] = rankers[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds, found


def main() -> None:
    """Measure in turn, and file."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--prompts", type=int, default=24)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--rehearse", action="store_true", help="print, file nothing")
    wanted = words.parse_args()
    base = engines.find("smollm2-135m")
    assert base.model is not None
    folder, tokens = base.model.folder, engines.open_tokens(base)
    rows = asked(tokens, wanted.prompts)
    reference = plain(opened(folder, torch.float32), rows, batch=1, few=True)
    ours, theirs = HfModel.load(folder, tokens), opened(folder, torch.bfloat16)
    rankers: dict[str, Callable[[], Nats]] = {
        "ours": lambda: [ranked.nats for ranked in ours.rank(row.question for row in rows)],
        "plain": lambda: plain(theirs, rows, batch=BATCH, few=False),
        "plain, few": lambda: plain(theirs, rows, batch=BATCH, few=True),
    }
    for ranker in rankers.values():
        ranker()  # the first pass pays for what later ones find ready
    seconds, found = measured(rankers, wanted.rounds)
    lengths = [len(row.prompt) for row in rows]
    figures: dict[str, object] = {"prompt, tokens": spread(lengths)}
    for name, taken in seconds.items():
        figures[f"{name}: prompts/s"] = spread([len(rows) / one for one in taken])
    for name in itertools.islice(rankers, 1, None):
        pairs = zip(seconds[name], seconds["ours"], strict=True)
        figures[f"ours / {name}: ratio of a round"] = spread(
            [theirs / ours for theirs, ours in pairs]
        )
    for name, nats in found.items():
        figures[f"{name}: abs. error against float32, nats"] = errors(nats, reference)
    if wanted.rehearse:
        print(json.dumps(figures, indent=1))
        return
    file(
        "ranking",
        figures,
        f"Three choices behind each prompt, end token included, {wanted.prompts} prompts, "
        f"{wanted.rounds} rounds in turn. Plain reads every prompt three times, ours once. "
        "The largest error is of this many choices and of this model only.",
    )


if __name__ == "__main__":
    main()
