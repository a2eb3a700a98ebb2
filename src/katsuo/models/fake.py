"""Deterministic stand-ins for every seam: our tests use them, and so may users' tests.

They need no weights and no tensor library. What they say depends on the request
alone, so it is the same in every batch size, process and order. About one draft
in ten cannot be parsed, as with real generators.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from katsuo import extracts, seeds
from katsuo.protocols import Completion, Hold, Question, Ranked, Request, TuneReport
from katsuo.types import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "fake"
"""Name on the shelf: `generator: fake`, `base: fake`."""
POISON = "This passage kills the fake engine."
"""A passage that holds it ends the process at once, as a flaw of an engine can."""

_BROKEN_EVERY = 10
_FAKE_NUMBERS = 32
"""Numbers of an embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeModel:
    """Implements `Completes`, `Ranks` and `Embeds`."""

    seed: int = 0
    """Two seeds stand for two models."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """For a prompt of our formats a task about its passage; for any other its longest word."""
        for request in requests:
            text = self._text(request)
            yield Completion(id=request.id, text=text, finished=True, n_tokens=len(text.split()))

    def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
        """Nats between -8 and 0, by prompt and choice."""
        for question in questions:
            yield Ranked(
                id=question.id,
                nats=tuple(self._nats(question.prompt, choice) for choice in question.choices),
                n_tokens=tuple(len(choice.split()) + 1 for choice in question.choices),
            )

    def perplexity(self, texts: Iterable[str]) -> tuple[float, int]:
        """Between 2 and 3 nats a word, by text; the same for every fake."""
        counted = [(text, len(text.split())) for text in texts]
        nats = (n * (2 + seeds.stream(0, "perplexity", text).random()) for text, n in counted)
        return sum(nats), sum(n for _, n in counted)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """By the words of a text in whatever order: the same words mean the same."""
        import numpy as np

        rows = np.zeros((len(texts), _FAKE_NUMBERS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in sorted(re.findall(r"\w+", text.casefold())):
                chance = seeds.stream(0, "embed", word)
                row += [chance.gauss(0, 1) for _ in range(_FAKE_NUMBERS)]
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def _nats(self, prompt: str, choice: str) -> float:
        """Mostly the same for every fake, as an adapted model mostly answers as its base does."""
        shared = seeds.stream(0, "rank", prompt, choice).random()
        own = seeds.stream(self.seed, "rank", prompt, choice).random()
        return -7 * shared - own

    def _text(self, request: Request) -> str:
        if request.hold is not None:
            chance = seeds.stream(self.seed, "held", str(request.seed), request.prompt)
            return _held(request.hold, chance)
        asked = _asked(request.prompt)
        if asked is None:
            return max(re.findall(r"\w+", request.prompt), key=len, default="")
        kind, passage, wishes = asked
        if POISON in passage:
            os.kill(os.getpid(), signal.SIGKILL)
        chance = seeds.stream(self.seed, str(request.seed), request.prompt)
        if chance.randrange(_BROKEN_EVERY) == 0:
            return "a draft without its marker"
        words = re.findall(r"\w+", passage) or ["nothing"]
        word = chance.choice(words)
        told = _told(wishes, chance)
        if kind.startswith("yes-no"):
            return _draft(f"Does the passage say {word}? Answer yes or no.", told or "yes")
        if kind in ("natural language inference", "textual entailment"):
            question = f"Does this follow: it speaks of {word}? Answer Yes, No or Maybe."
            return _draft(question, told or "Yes")
        return _draft(f"Which word follows {word} in the text above?", told or chance.choice(words))


def _held(hold: Hold, chance: random.Random) -> str:
    """Something that `hold` allows."""
    if hold.is_plain:
        return chance.choice(("What is said here?", "Something is said. And more.", "Nothing"))
    pieces = extracts.pieces(hold.within)
    starts = [n for n, piece in enumerate(pieces) if piece.begins]
    if not starts or (hold.only and chance.random() < 1 / 2):
        return chance.choice(hold.only or ("",))
    first = chance.choice(starts)
    ends = [piece.span.end for piece in pieces[first : first + 4] if piece.ends]
    start = pieces[first].span.start
    return hold.within[start : chance.choice(ends)] if ends else ""


def _asked(prompt: str) -> tuple[str, str, str] | None:
    """Type, passage and wishes of a prompt of either format; none of any other prompt."""
    bonito = re.search(r"<\|tasktype\|>\n(.*)\n<\|context\|>\n(.*)\n<\|task\|>", prompt, re.DOTALL)
    if bonito is not None:
        return bonito[1], bonito[2], ""
    katsuo = re.search(
        r"<\|context\|>\n(.*)\n<\|tasktype\|>\n([^\n]*)\n(.*)<\|task\|>", prompt, re.DOTALL
    )
    return None if katsuo is None else (katsuo[2], katsuo[1], katsuo[3])


def _told(wishes: str, chance: random.Random) -> str:
    """The answer that wishes ask for: the one they tell, or now and then one that is no label."""
    answer = re.search(r"<\|answer\|>\n([^\n]*)\n", wishes)
    if answer is not None:
        return answer[1]
    listed = re.search(r"<\|labels\|>\n((?:[^<\n][^\n]*\n)+)", wishes)
    if listed is None:
        return ""
    labels = [line.split(":")[0] for line in listed[1].splitlines()]
    return chance.choice([*labels * 4, "something else"])


def _draft(question: str, response: str) -> str:
    return f"{{{{context}}}}\n{question}\n<|pipe|>\n{response}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeTuner:
    """Implements `Tunes`: an adapter folder of the right shape that says what it saw."""

    max_steps: int | None = None

    def tune(self, pairs: Sequence[Pair], into: Path) -> TuneReport:
        """Write the folder; the losses fall by half from the first step to the last."""
        into.mkdir(parents=True, exist_ok=True)
        n_steps = self.max_steps or max(1, len(pairs) // 8)
        losses = [2.0 - step / n_steps for step in range(n_steps)]
        rows = [{"step": i + 1, "loss": loss} for i, loss in enumerate(losses)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (into / "losses.jsonl").write_text(lines, "utf-8")
        config = {"peft_type": "LORA", "base_model_name_or_path": NAME, "r": 1, "lora_alpha": 1}
        (into / "adapter_config.json").write_text(json.dumps(config), "utf-8")
        (into / "adapter_model.safetensors").write_bytes(_empty_safetensors(pairs))
        n_tokens = sum(len(f"{pair.prompt} {pair.target}".split()) for pair in pairs)
        return TuneReport(
            steps=n_steps,
            epochs=1.0,
            target_tokens=sum(len(pair.target.split()) for pair in pairs),
            trained_tokens=n_tokens,
            first_loss=losses[0],
            last_loss=losses[-1],
            seconds=0.0,
        )


def _empty_safetensors(pairs: Sequence[Pair]) -> bytes:
    """A safetensors file without tensors whose metadata name the pairs, so that they decide it."""
    seen = str(seeds.derive(0, *(f"{pair.prompt}\n{pair.target}" for pair in pairs)))
    header = json.dumps({"__metadata__": {"seen": seen}}).encode()
    return struct.pack("<Q", len(header)) + header
