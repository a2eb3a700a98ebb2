"""An exported model, loaded by an engine that we did not write, answers like the adapter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from katsuo import engines
from katsuo.exporting import export_model
from katsuo.models import shelf
from katsuo.store.runs import Run

PEERS = os.environ.get("KATSUO_PEERS_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS, reason="KATSUO_PEERS_PYTHON is not set: make test-peers"),
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
]

Greedy = Callable[[Path, Path, Sequence[Sequence[int]], int], list[list[int]]]
N_PROMPTS = 50
NEW_TOKENS = 32
PROBES = Path("examples/harbour/probes")
LEAST_IDENTICAL = {"F16": 48, "Q8_0": 30}
"""Of 50 answers, chosen: another engine adds in another order. Measured alike: docs/log.md."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose arm `tasks` is the bundled adapter: a real LoRA on the real base."""
    run = Run.at(tmp_path_factory.mktemp("runs") / "exported")
    found = shelf.find(shelf.GENERATOR_NAME)
    assert found.adapter is not None
    stage = run.stage("adapt")
    stage.begin()
    shutil.copytree(found.adapter, stage.folder / "tasks")
    facts = {"arm": "tasks", "seed": 0, "folder": "tasks", "pairs": 1, "steps": 1}
    stage.finish(
        {
            "tunings": [{**facts, "trained_tokens": 1}],
            "base": {"name": shelf.BASE_NAME, "sha256": found.sha256, "note": found.note},
        }
    )
    (run.folder / "recipe.yaml").write_text("name: exported\n", "utf-8")
    return run


def turns() -> list[str]:
    """User's turns about the harbour: reading, and judging."""
    rows = [
        json.loads(line)
        for name in ("harbour_spans", "harbour_yesno")
        for line in (PROBES / f"{name}.jsonl").read_text("utf-8").splitlines()[:25]
    ]
    return [f"{row['context']}\n\nQuestion: {row['question']}" for row in rows]


@pytest.mark.parametrize("weights", list(LEAST_IDENTICAL))
def test_llama_cpp_answers_like_peft(
    run: Run, tmp_path: Path, weights: str, greedy_by_peft: Greedy
) -> None:
    file = export_model(run, "tasks", "gguf", tmp_path / "out", weights=weights)  # type: ignore[arg-type]
    asked = {"model": str(file), "turns": turns(), "max_tokens": NEW_TOKENS}
    peer = subprocess.run(
        [PEERS, str(Path(__file__).with_name("peer_llama.py"))],
        input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(peer.stdout)
    base = engines.find(shelf.BASE_NAME)
    tokens = engines.open_tokens(base)
    assert base.model is not None
    prompts = [tokens.prompt_ids(turn, chat=True) for turn in turns()]
    adapter = run.stage("adapt").folder / "tasks"
    expected = [
        tokens.text(ids) for ids in greedy_by_peft(base.model.folder, adapter, prompts, NEW_TOKENS)
    ]
    assert len(found) == len(expected) == N_PROMPTS
    same = sum(a.strip() == b.strip() for a, b in zip(found, expected, strict=True))
    differing = [(a, b) for a, b in zip(found, expected, strict=True) if a.strip() != b.strip()]
    assert same >= LEAST_IDENTICAL[weights], f"{same} of {N_PROMPTS}; such as {differing[:2]}"
