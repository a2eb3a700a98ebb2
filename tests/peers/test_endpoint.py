"""A generator behind a server that we did not write answers like the same file in our engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from katsuo import engines, prompted, wire
from katsuo.errors import ModelError
from katsuo.models import shelf
from katsuo.models.endpoint import Endpoint, EndpointModel
from katsuo.models.schedule import Schedule
from katsuo.protocols import Request, Sampling
from katsuo.types import TaskType

PEERS = os.environ.get("KATSUO_PEERS_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS, reason="KATSUO_PEERS_PYTHON is not set: make test-peers"),
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
]

KEY: Final = "a-key-for-loopback"
WINDOW: Final = 2048
LEAST_IDENTICAL: Final = {"chat": 5, "plain": 5}
"""Of 6 greedy answers, chosen: another engine adds in another order (note 0017)."""
PASSAGES: Final = (
    "A vessel that waits for a pilot keeps a listening watch and shows one white light.",
    "The orchard opens in September. Whoever picks more than ten kilos pays half.",
)


@pytest.fixture(scope="module")
def file() -> Path:
    found = engines.find(shelf.BASE_NAME)
    assert found.model is not None
    return shelf.gguf_form(found.model, "F16")


@pytest.fixture(scope="module")
def endpoint(file: Path) -> Iterator[Endpoint]:
    script = str(Path(__file__).with_name("peer_server.py"))
    with subprocess.Popen(
        [PEERS, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as peer:  # fmt: skip
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write(json.dumps({"model": str(file), "window": WINDOW, "key": KEY}) + "\n")
        peer.stdin.flush()
        address = peer.stdout.readline().strip()
        assert address, "llama.cpp's server did not start"
        yield Endpoint(url=f"{address}/v1", model="any", key_env="TEST_KEY", concurrency=4)
        peer.stdin.close()


@pytest.fixture
def model(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> EndpointModel:
    monkeypatch.setenv("TEST_KEY", KEY)
    return EndpointModel(endpoint)


def requests(manner: str, sampling: Sampling) -> list[Request]:
    """Two passages by three types: behind worked examples, or in the published format."""
    kinds = (TaskType.EXQA, TaskType.YNQA, TaskType.NLI)
    return [
        Request(
            id=f"{kind} {passage}",
            prompt=(prompted.prompt if manner == "chat" else wire.prompt)(passage, kind),
            shots=prompted.shots(kind) if manner == "chat" else (),
            sampling=sampling,
            seed=7,
            chat=manner == "chat",
        )
        for passage in PASSAGES
        for kind in kinds
    ]


@pytest.mark.parametrize("manner", list(LEAST_IDENTICAL))
def test_llama_cpps_server_answers_like_our_engine(model: EndpointModel, manner: str) -> None:
    asked = requests(manner, Sampling(temperature=0.0, top_p=1.0, max_tokens=24))
    found = list(model.complete(asked))
    assert [one.id for one in found] == [one.id for one in asked]
    assert not any(one.failure for one in found)
    base = engines.find(shelf.BASE_NAME)
    ours = engines.open_completes(base, "openvino", "F16", schedule=Schedule(precision="f32"))
    pairs = [
        (one.text.strip(), other.text.strip())
        for one, other in zip(found, ours.complete(asked), strict=True)
    ]
    same = sum(one == other for one, other in pairs)
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    assert same >= LEAST_IDENTICAL[manner], f"{same} of {len(pairs)}; such as {differing[:2]}"


def test_a_seed_decides_a_draw(model: EndpointModel) -> None:
    drawn = Sampling(temperature=1.0, top_p=0.95, max_tokens=24)
    one = requests("chat", drawn)[0]
    serial = EndpointModel(replace(model.endpoint, concurrency=1))
    asked = [replace(one, id=str(n), seed=2**40 + n // 2) for n in range(4)]
    texts = [found.text for found in serial.complete(asked)]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert texts[0] != texts[2]


def test_a_prompt_longer_than_the_window_is_one_failure(model: EndpointModel) -> None:
    short = requests("chat", Sampling(max_tokens=4))[0]
    long = replace(short, id="long", prompt="word " * 2 * WINDOW)
    found = list(model.complete([short, long, short]))
    assert [one.failure for one in found] == ["", "endpoint-refused", ""]
    assert "context" in found[1].text


def test_a_wrong_key_is_said_in_one_line(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "another")
    with pytest.raises(ModelError, match="refuses the key; put it into TEST_KEY"):
        list(EndpointModel(endpoint).complete(requests("chat", Sampling())[:1]))
