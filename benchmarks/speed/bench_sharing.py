"""What is it worth to read a passage once for all tasks about it?

Four task types about each passage of about 400 tokens, asked in `bonito-v1` (the type in front, so
nothing can be shared), in `katsuo-v1` without a prefix cache, and in `katsuo-v1` as the product
runs it: one request of a passage is read before its siblings enter. Each format is asked of the
bundled generator that was taught it (one base, one rank), the same seeds, in turn; the drafts are
as long as the generator makes them, at most 64 tokens, and their mean is said.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file, spread

from katsuo import engines, readers
from katsuo.models.schedule import SCHEDULE
from katsuo.protocols import Completes, Request, Sampling
from katsuo.seeds import derive
from katsuo.stages.generate import FORMATS
from katsuo.stages.ingest import IngestSettings, contexts_of
from katsuo.types import Context, Dropped, TaskType
from katsuo.wire import Wish

ROUNDS = 4
PASSAGES = 24
TYPES = (TaskType.YNQA, TaskType.EXQA, TaskType.NLI, TaskType.QG)
SAMPLING = Sampling(max_tokens=64)


def passages() -> list[str]:
    """Texts of 380 to 400 tokens, made of the demo's documents put end to end."""
    tokenizer = engines.tokenizer_of(engines.find("smollm2-135m"))
    found: list[str] = []
    for path in readers.files([Path("examples/harbour/documents")]):
        for document in readers.read(path, text_column=None):
            assert not isinstance(document, Dropped)
            made = contexts_of(document, IngestSettings(max_tokens=120), tokenizer)
            found.extend(item.text for item in made if isinstance(item, Context))
    assert tokenizer is not None
    joined: list[str] = []
    for start in range(PASSAGES):
        # Each begins with another passage, so that no two share anything.
        ids = tokenizer.encode("\n\n".join(found[start:] + found[:start])).ids[:400]
        joined.append(tokenizer.decode(ids))
    return joined


def requests(texts: list[str], form: str) -> list[Request]:
    """One request a passage and type."""
    return [
        Request(
            id=f"{number}-{kind}",
            prompt=FORMATS[form].prompt(text, Wish(type=kind)),
            sampling=SAMPLING,
            seed=derive(0, str(number), kind.value),
        )
        for number, text in enumerate(texts)
        for kind in TYPES
    ]


def rate(model: Completes, asked: list[Request]) -> tuple[float, float]:
    """Drafts per second, and tokens of a draft."""
    began = time.perf_counter()
    found = list(model.complete(asked))
    seconds = time.perf_counter() - began
    assert not any(completion.failure for completion in found)
    return len(asked) / seconds, sum(completion.n_tokens for completion in found) / len(found)


def main() -> None:
    """Measure in turn."""
    texts = passages()
    bonito, katsuo = (requests(texts, form) for form in ("bonito-v1", "katsuo-v1"))
    sides = {
        "bonito-v1": ("smollm2-135m-bonito", bonito, False),
        "katsuo-v1, each prompt read whole": ("smollm2-135m-katsuo", katsuo, False),
        "katsuo-v1, passage read once": ("smollm2-135m-katsuo", katsuo, True),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    lengths: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, (generator, asked, sharing) in sides.items():
            # A new engine each time: an old one would find its cache filled.
            schedule = replace(SCHEDULE, sharing=sharing)
            named = engines.find(generator)
            model = engines.open_completes(named, "openvino", "F16", schedule=schedule)
            per_second, length = rate(model, asked)
            rates[name].append(per_second)
            lengths[name].append(length)
    first, whole, once = rates.values()
    figures: dict[str, object] = {f"{name}, drafts/s": spread(r) for name, r in rates.items()}
    figures |= {f"{name}, tokens a draft": spread(n) for name, n in lengths.items()}
    figures["ratio to bonito-v1"] = spread([b / a for a, b in zip(first, once, strict=True)])
    figures["ratio to katsuo-v1 unshared"] = spread(
        [b / a for a, b in zip(whole, once, strict=True)]
    )
    file(
        "sharing",
        figures,
        f"{PASSAGES} passages of 400 tokens, {len(TYPES)} task types each, the bundled generator "
        "of each format, F16 weights, temperature 0.5. Goal: ratio to bonito-v1 >= 1.8.",
    )


if __name__ == "__main__":
    main()
