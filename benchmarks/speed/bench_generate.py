"""Does the product keep the engine busy? Drafts per second, the bare engine beside it.

Both sides get the same prompts, samplings and seeds. Bare: the engine's pipeline, all
requests added at once, token ids ready. Product: a shard of contexts to a finished cell.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import openvino
import openvino_genai
from filing import file, spread

from katsuo import engines, readers
from katsuo.models.openvino import OpenVinoModel
from katsuo.protocols import Completion, Request, Sampling
from katsuo.road.generating import Asking, write_cell
from katsuo.road.narrowing import Shard
from katsuo.stages.generate import FORMATS, GenerateSettings
from katsuo.stages.ingest import IngestSettings, contexts_of
from katsuo.store import tables
from katsuo.store.runs import Cell
from katsuo.types import Context, TaskType
from katsuo.wire import Wish

ROUNDS = 4
SHARDS = (16, 32, 64)
SETTINGS = GenerateSettings(
    generator="bench",
    format="bonito-v1",
    task_types=(TaskType.YNQA, TaskType.EXQA, TaskType.NLI),
    seed=0,
    sampling=Sampling(max_tokens=128),
)


def contexts(number: int) -> list[Context]:
    """Passages of the demo's documents, in order."""
    tokenizer = engines.tokenizer_of(engines.find("smollm2-135m"))
    found: list[Context] = []
    for path in readers.files([Path("examples/harbour/documents")]):
        for document in readers.read(path, text_column=None):
            made = contexts_of(document, IngestSettings(max_tokens=150), tokenizer)
            found.extend(item for item in made if isinstance(item, Context))
    return found[:number]


def bare(model: OpenVinoModel, passages: list[Context]) -> float:
    """Drafts per second of the pipeline itself."""
    form = FORMATS[SETTINGS.format]
    prompts = [
        form.prompt(p.text, Wish(type=kind)) for p in passages for kind in SETTINGS.task_types
    ]
    ids = [model.tokens.prompt_ids(prompt, chat=False) for prompt in prompts]
    began = time.perf_counter()
    handles = []
    for number, row in enumerate(ids):
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = SETTINGS.sampling.max_tokens
        config.do_sample = True
        config.temperature = SETTINGS.sampling.temperature
        config.top_p = SETTINGS.sampling.top_p
        config.rng_seed = number
        config.eos_token_id = model.tokens.end_id
        config.stop_token_ids = {model.tokens.end_id}
        tensor = openvino.Tensor(np.array([row], dtype=np.int64))
        handles.append(model.pipeline.add_request(number, tensor, config))
    while model.pipeline.has_non_finished_requests():
        model.pipeline.step()
    n_tokens = sum(len(handle.read_all()[0].generated_ids) for handle in handles)
    return n_tokens / (time.perf_counter() - began)


def product(model: OpenVinoModel, passages: list[Context]) -> tuple[float, float]:
    """New tokens per second and drafts per second of a shard's whole way into its cell."""
    counted = _Counting(model)
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / "part.parquet"
        tables.write(part, tables.CONTEXTS, [tables.context_row(p, "") for p in passages])
        began = time.perf_counter()
        cell = Cell(folder=Path(scratch) / "cell")
        write_cell(Shard(part=part, first=cell), cell, Asking(model=counted, settings=SETTINGS))
        seconds = time.perf_counter() - began
    n_drafts = len(passages) * len(SETTINGS.task_types)
    return counted.n_tokens / seconds, n_drafts / seconds


class _Counting:
    """The model, with its new tokens counted."""

    def __init__(self, model: OpenVinoModel) -> None:
        self.model, self.n_tokens = model, 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for completion in self.model.complete(requests):
            self.n_tokens += completion.n_tokens
            yield completion


def main() -> None:
    """Measure in turn, per shard size."""
    named = engines.find("smollm2-135m-bonito")
    model = engines.open_completes(named, "openvino", "F16")
    assert isinstance(model, OpenVinoModel)
    figures: dict[str, object] = {}
    bare(model, contexts(8))
    for size in SHARDS:
        passages = contexts(size)
        rates: dict[str, list[float]] = {"bare": [], "product": [], "drafts": [], "ratio": []}
        for _ in range(ROUNDS):
            rates["bare"].append(bare(model, passages))
            tokens_per_second, drafts_per_second = product(model, passages)
            rates["product"].append(tokens_per_second)
            rates["drafts"].append(drafts_per_second)
            rates["ratio"].append(tokens_per_second / rates["bare"][-1])
        for name, values in rates.items():
            unit = {"drafts": "drafts/s", "ratio": "product/bare"}.get(name, "new tokens/s")
            figures[f"{size} passages: {name}, {unit}"] = spread(values)
    file(
        "generate",
        figures,
        "New tokens per second, since other seeds give drafts of other lengths. Tokenising, "
        "parsing, ids and writing Parquet are the product's; the bare side gets token ids ready "
        "made. Goal: ratio >= 0.85.",
    )


if __name__ == "__main__":
    main()
