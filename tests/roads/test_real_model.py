"""The real model: the merged form answers like the adapter; a killed run ends the same."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from katsuo import engines, wire
from katsuo.models import shelf
from katsuo.models.schedule import Schedule
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

Greedy = Callable[[Path, Path, Sequence[Sequence[int]], int], list[list[int]]]

DOCUMENTS = Path("examples/harbour/documents")
N_PROMPTS = 50
N_KILLS = 5
NEW_TOKENS = 32
LEAST_SAME = {"F16 f32": 0.97, "F16": 0.8, "Q8_0": 0.62}
"""Least mean share of tokens before the first difference, by form and precision of the products.

Measured: benchmarks/results/merged_form_cpu2_2026-11.md.
"""


def passages(tmp_path: Path) -> list[str]:
    tmp_path.mkdir(parents=True, exist_ok=True)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"ingest: {{paths: [{DOCUMENTS}], max_tokens: 150}}\n", "utf-8")
    run = tmp_path / "runs" / "r"
    words = [sys.executable, "-m", "katsuo.cli", "ingest", str(recipe), "--run", str(run)]
    subprocess.run(words, check=True, capture_output=True)
    parts = sorted((run / "1-contexts").glob("part-*.parquet"))
    return [row["text"] for part in parts for row in tables.read(part)]


def prompts_of(folder: Path) -> list[str]:
    """The first passages of the demo's documents, each asking for one of three types in turn."""
    kinds = (TaskType.YNQA, TaskType.EXQA, TaskType.NLI)
    texts = passages(folder)[:N_PROMPTS]
    return [wire.prompt(text, kinds[i % 3]) for i, text in enumerate(texts)]


def answers(prompts: Sequence[str], weights: str) -> list[list[int]]:
    """Greedy ids of the merged form in OpenVINO."""
    named = engines.find(shelf.GENERATOR_NAME)
    sampling = Sampling(temperature=0, top_p=1, max_tokens=NEW_TOKENS)
    requests = [
        Request(id=str(i), prompt=prompt, sampling=sampling, seed=0)
        for i, prompt in enumerate(prompts)
    ]
    tokens = engines.open_tokens(named)
    form, _, precision = weights.partition(" ")
    schedule = Schedule(precision=precision)
    model = engines.open_completes(named, "openvino", form, schedule=schedule)
    completions = model.complete(requests)
    return [tokens.target_ids(completion.text, end=False) for completion in completions]


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, greedy_by_peft: Greedy
) -> tuple[list[str], list[list[int]]]:
    """The prompts, and what peft answers."""
    prompts = prompts_of(tmp_path_factory.mktemp("prompts"))
    assert len(prompts) == N_PROMPTS
    found = shelf.find(shelf.GENERATOR_NAME)
    assert found.adapter is not None
    tokens = engines.open_tokens(engines.find(shelf.GENERATOR_NAME))
    ids = [tokens.prompt_ids(prompt, chat=False) for prompt in prompts]
    return prompts, greedy_by_peft(found.folder, found.adapter, ids, NEW_TOKENS)


@pytest.mark.parametrize("weights", list(LEAST_SAME))
def test_the_merged_form_answers_like_the_adapter(
    reference: tuple[list[str], list[list[int]]], weights: str
) -> None:
    prompts, expected = reference
    found = answers(prompts, weights)
    shares = [common(a, b) / max(1, len(b)) for a, b in zip(found, expected, strict=True)]
    same, mean = sum(share >= 1 for share in shares), sum(shares) / N_PROMPTS
    assert mean >= LEAST_SAME[weights], f"{same} of {N_PROMPTS} identical, mean share {mean:.3f}"


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids the two have in common from the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def test_five_kills_of_the_real_engine_end_in_the_same_bytes(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"ingest: {{paths: [{DOCUMENTS}], max_tokens: 150}}\ngenerate: {{max_tokens: 96}}\n",
        "utf-8",
    )

    def words(name: str) -> list[str]:
        run = str(tmp_path / name / "run")
        return [sys.executable, "-m", "katsuo.cli", "curate", str(recipe), "--run", run]

    subprocess.run(words("unbroken"), check=True, capture_output=True)
    expected = files(tmp_path / "unbroken" / "run")
    chance, died, number = random.Random(5), 0, 0
    while died < N_KILLS:
        number += 1
        name = f"round-{number}"
        while died < N_KILLS and killed(words(name), chance):
            died += 1
        subprocess.run(words(name), check=True, capture_output=True)
        assert files(tmp_path / name / "run") == expected


def killed(words: list[str], chance: random.Random) -> bool:
    """Start the command and kill it at a random moment; whether it was still at work."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=chance.uniform(4, 25))
    if process.poll() is not None:
        return False
    os.kill(process.pid, 9)
    process.wait()
    return True


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}
