"""The real model: the merged form answers like the adapter; a killed run ends the same."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from katsuo import engines, wire
from katsuo.models import shelf
from katsuo.protocols import Request, Sampling
from katsuo.store import tables
from katsuo.types import TaskType

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
]

DOCUMENTS = Path("examples/harbour/documents")
N_PROMPTS = 50
NEW_TOKENS = 32
LEAST_SAME = {"F16": 0.9, "Q8_0": 0.6}
"""Least share of tokens before the first difference; measured 2026-11: see docs/log.md."""


def passages(tmp_path: Path) -> list[str]:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"ingest: {{paths: [{DOCUMENTS}], max_tokens: 150}}\n", "utf-8")
    run = tmp_path / "runs" / "r"
    words = [sys.executable, "-m", "katsuo.cli", "ingest", str(recipe), "--run", str(run)]
    subprocess.run(words, check=True, capture_output=True)
    parts = sorted((run / "1-contexts").glob("part-*.parquet"))
    return [row["text"] for part in parts for row in tables.read(part)]


def by_peft(prompts: Sequence[str]) -> list[list[int]]:
    """Greedy ids of the adapter on its base, unmerged, by peft and transformers in float32."""
    import peft
    import torch
    import transformers

    from katsuo.models.tune import quiet

    model_found = shelf.find(shelf.GENERATOR_NAME)
    tokens = engines.open_tokens(engines.find(shelf.GENERATOR_NAME))
    with quiet():
        base = transformers.AutoModelForCausalLM.from_pretrained(
            model_found.folder, dtype=torch.float32
        )
        model: Any = peft.PeftModel.from_pretrained(base, str(model_found.adapter)).eval()
    answers = []
    for prompt in prompts:
        ids = torch.tensor([tokens.prompt_ids(prompt, chat=False)])
        with torch.no_grad(), quiet():
            out = model.generate(
                input_ids=ids, max_new_tokens=NEW_TOKENS, do_sample=False,
                attention_mask=torch.ones_like(ids), pad_token_id=tokens.end_id,
            )  # fmt: skip
        answers.append([i for i in out[0, ids.shape[1] :].tolist() if i != tokens.end_id])
    return answers


@pytest.mark.parametrize("weights", ["F16", "Q8_0"])
def test_the_merged_form_answers_like_the_adapter(
    tmp_path: Path, weights: str, record_property: Callable[[str, object], None]
) -> None:
    named = engines.find(shelf.GENERATOR_NAME)
    kinds = (TaskType.YNQA, TaskType.EXQA, TaskType.NLI)
    texts = passages(tmp_path)[:N_PROMPTS]
    prompts = [wire.prompt(text, kinds[i % 3]) for i, text in enumerate(texts)]
    assert len(prompts) == N_PROMPTS
    expected = by_peft(prompts)
    sampling = Sampling(temperature=0, top_p=1, max_tokens=NEW_TOKENS)
    requests = [
        Request(id=str(i), prompt=prompt, sampling=sampling, seed=0)
        for i, prompt in enumerate(prompts)
    ]
    tokens = engines.open_tokens(named)
    found = [
        tokens.target_ids(completion.text, end=False)
        for completion in engines.open_completes(named, "openvino", weights).complete(requests)
    ]
    shares = [common(a, b) / max(1, len(b)) for a, b in zip(found, expected, strict=True)]
    same = sum(share >= 1 for share in shares)
    mean = sum(shares) / N_PROMPTS
    record_property("identical", same)
    record_property("mean_share", mean)
    assert mean >= LEAST_SAME[weights], f"{same} of {N_PROMPTS} identical, mean share {mean:.3f}"


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids the two have in common from the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def test_five_kills_of_the_real_engine_end_in_the_same_bytes(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"ingest: {{paths: [{DOCUMENTS}], max_tokens: 150}}\nlimit: 90\n"
        "generate: {task_types: [exqa], max_tokens: 64}\n",
        "utf-8",
    )

    def words(name: str) -> list[str]:
        run = str(tmp_path / name / "run")
        return [sys.executable, "-m", "katsuo.cli", "curate", str(recipe), "--run", run]

    subprocess.run(words("unbroken"), check=True, capture_output=True)
    chance, died = random.Random(5), 0
    while died < 5:
        process = subprocess.Popen(words("broken"), stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(3, 14))
        if process.poll() is not None:
            break
        os.kill(process.pid, 9)
        process.wait()
        died += 1
    subprocess.run(words("broken"), check=True, capture_output=True)
    assert died >= 3
    assert files(tmp_path / "broken" / "run") == files(tmp_path / "unbroken" / "run")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}
