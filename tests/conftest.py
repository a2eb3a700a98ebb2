"""What several test files need: a corpus, a recipe on fakes, a run made from it, a small model."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

# Examples are slow where two tests share a core; how slow is no test's business.
hypothesis.settings.register_profile("katsuo", deadline=None)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("katsuo")

# Tests go to folders of their own; what was named for all of them stays where it is.
for _name in ("KATSUO_DATA", "KATSUO_HOME"):
    if _name in os.environ:
        os.environ[_name] = str(Path(os.environ[_name]).absolute())

SENTENCES = (
    "The harbour master may close the eastern basin when the wind exceeds twelve metres a second.",
    "A vessel that waits for a pilot keeps a listening watch and shows one white light.",
    "Nobody may take fuel on board between sunset and sunrise without a written permit.",
)


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Tests reach no other machine; a socket to this one may be opened."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401 -- as the library has it
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refuse(address)
        real(self, address)

    def refuse(address: object) -> NoReturn:
        raise AssertionError(f"a test wanted to reach {address}")

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]  # the guard
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder of twelve short documents, no two alike."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(12):
        paragraphs = [
            f"Rule {number}.{part}. {SENTENCES[part]} Fee number {number * 3 + part} applies."
            for part in range(3)
        ]
        text = f"# Order {number}\n\n" + "\n\n".join(paragraphs) + "\n"
        (folder / f"order-{number:02d}.md").write_text(text, "utf-8")
    return folder


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    """A small evaluation set of closed questions, one per document."""
    path = tmp_path / "pilots.jsonl"
    rows = [
        {
            "id": f"p{number}",
            "source_document": f"order-{number:02d}.md",
            "context": SENTENCES[1],
            "question": f"Does order {number} ask a waiting vessel to show a light?",
            "label": "yes" if number % 2 else "no",
        }
        for number in range(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def fake_recipe(
    tmp_path: Path, corpus: Path, probes: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A recipe for the whole road on fakes; its folder is the one that we are in.

    Ids, and so what the fakes write, go by the path that the recipe names: `corpus` has another
    one each time, its name alone has not.
    """
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fake.yaml"
    path.write_text(
        f"name: fake\ningest: {{paths: ['{corpus.name}'], max_tokens: 40, min_words: 4}}\n"
        "generate: {generator: fake}\nadapt: {base: fake}\n"
        f"evaluate: {{sets: ['{probes}'], prompts: 2}}\n",
        "utf-8",
    )
    return path


@pytest.fixture(scope="session")
def greedy_by_peft() -> Callable[[Path, Path, Sequence[Sequence[int]], int], list[list[int]]]:
    """Greedy ids behind prompts, of an adapter on its base, unmerged, by peft in float32."""

    def greedy(
        base: Path, adapter: Path, prompts: Sequence[Sequence[int]], n_tokens: int
    ) -> list[list[int]]:
        import peft
        import torch
        import transformers

        from katsuo.models.tokens import Tokens
        from katsuo.models.tune import quiet

        end = Tokens.load(base).end_id
        with quiet():
            loaded = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
            model: Any = peft.PeftModel.from_pretrained(loaded, str(adapter)).eval()
        answers = []
        for prompt in prompts:
            ids = torch.tensor([list(prompt)])
            with torch.no_grad(), quiet():
                out = model.generate(
                    input_ids=ids, max_new_tokens=n_tokens, do_sample=False,
                    attention_mask=torch.ones_like(ids), pad_token_id=end,
                )  # fmt: skip
            answers.append([i for i in out[0, ids.shape[1] :].tolist() if i != end])
        return answers

    return greedy
