"""Our scores equal those of programs that others wrote: lm-evaluation-harness, torchmetrics."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katsuo import engines
from katsuo.models import shelf
from katsuo.protocols import Question
from katsuo.scoring import text
from katsuo.scoring.probes import probes_of, spec_of
from katsuo.scoring.prompts import prompts_of
from katsuo.store import tables

PEERS = os.environ.get("KATSUO_PEERS_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS, reason="KATSUO_PEERS_PYTHON is not set: make test-peers"),
]

PROBES = Path("examples/harbour/probes")
N_PAIRS = 1000
N_QUESTIONS = 50
CLOSE_NATS = 1e-3
"""float32 sums in another order; measured 2.3e-5 (docs/log.md)."""


def by_peer(script: str, asked: object) -> Any:  # noqa: ANN401 -- JSON
    peer = subprocess.run(
        [PEERS, str(Path(__file__).with_name(script))],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
    )
    return json.loads(peer.stdout)


def sets() -> Iterator[Any]:
    yield pytest.param(PROBES / "harbour_yesno.jsonl", id="yes-no")
    yield pytest.param(PROBES / "harbour_claims.jsonl", id="claims")
    data = os.environ.get("KATSUO_DATA", "")
    yield pytest.param(
        Path(data, "eval", "pubmed_qa.parquet"),
        id="pubmed_qa",
        marks=pytest.mark.skipif(not data, reason="KATSUO_DATA names no data folder"),
    )


@pytest.mark.model
@pytest.mark.skipif(
    not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
    reason="the base model is not in the cache: katsuo models pull smollm2-135m",
)
@pytest.mark.parametrize("path", list(sets()))
def test_choices_are_as_likely_as_lm_eval_finds_them(path: Path) -> None:
    from katsuo.models.hf import HfModel

    base = engines.find(shelf.BASE_NAME)
    assert base.model is not None
    tokens = engines.open_tokens(base)
    spec = spec_of(tables.rows_of(path), name=path.stem, source=str(path))
    probes = list(probes_of(tables.rows_of(path), spec))[:N_QUESTIONS]
    prompt = prompts_of(spec)[0]
    turns = [prompt.text(probe.context, probe.question) for probe in probes]
    choices = [choice + tokens.end for choice in prompt.choices]
    asked = {
        "model": str(base.model.folder),
        "questions": [[tokens.turn(turn), choices] for turn in turns],
    }
    theirs = by_peer("peer_lm_eval.py", asked)
    model = HfModel.load(base.model.folder, tokens, dtype="float32")
    questions = [
        Question(id=str(i), prompt=turn, choices=prompt.choices) for i, turn in enumerate(turns)
    ]
    ours = [ranked.nats for ranked in model.rank(questions)]
    assert len(ours) == len(theirs) >= min(N_QUESTIONS, spec.n_probes) > 40
    furthest = max(
        abs(a - b)
        for mine, other in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other, strict=True)
    )
    assert furthest < CLOSE_NATS, f"{furthest} nats apart"


def pairs() -> list[tuple[str, list[str]]]:
    """Answers and what was said instead: the same, cut, longer, another case, other marks, none."""
    chance = random.Random(3)
    rows = [
        json.loads(line)
        for line in (PROBES / "harbour_spans.jsonl").read_text("utf-8").splitlines()
    ]
    answers = [answer for row in rows for answer in row["answers"]["text"]]
    made = []
    for _ in range(N_PAIRS):
        golds = [
            " ".join(chance.sample(answers, chance.randint(1, 4)))
            for _ in range(chance.randint(1, 3))
        ]
        words = chance.choice(golds).split()
        words = words[chance.randrange(len(words)) :] if chance.random() < 0.3 else words
        words += chance.choice(answers).split() if chance.random() < 0.3 else []
        words = ["The", *words] if chance.random() < 0.2 else words
        said = " ".join(words)
        said = said.upper() if chance.random() < 0.2 else said
        said += chance.choice(["", "", ".", "!", " ,"])
        made.append(("" if chance.random() < 0.05 else said, golds))
    return made


def test_squad_scores_are_those_of_torchmetrics() -> None:
    made = pairs()
    theirs = by_peer("peer_squad.py", made)
    ours = [
        [100 * text.token_f1(said, golds), 100 * text.exact_match(said, golds)]
        for said, golds in made
    ]
    assert len({tuple(row) for row in ours}) > 20, "the pairs show only a few scores"
    for pair, mine, other in zip(made, ours, theirs, strict=True):
        assert mine == pytest.approx(other, abs=1e-3), pair
