"""The product: a shard of passages to a finished cell, as `katsuo generate` makes it.

settings: `ends`, whether drafts end where the generator ends them, else all have one length; the
others are those of `GenerateSettings`.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from serving import Job, Written, serve

from katsuo import engines
from katsuo.models.openvino import OpenVinoModel
from katsuo.protocols import Completion, Request, Sampling
from katsuo.road.generating import write_cell
from katsuo.stages.generate import GenerateSettings
from katsuo.store import tables
from katsuo.store.runs import Cell
from katsuo.types import TaskType

NEVER = "<jupyter_output>"
"""A token that the generator does not write: as the end token it lets drafts run to the limit."""
LONGEST_TOKENS = 128
"""Of drafts that end by themselves."""


class _Noting:
    """The model, with what it writes noted."""

    def __init__(self, model: OpenVinoModel) -> None:
        self.model, self.n_tokens = model, 0
        self.texts: list[str] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for completion in self.model.complete(requests):
            self.n_tokens += completion.n_tokens
            self.texts.append(completion.text)
            yield completion


def load(job: Job) -> Callable[[int], Written]:
    """The product on OpenVINO, at its defaults."""
    told = dict(job["settings"])
    ends = told.pop("ends", False)
    named = engines.find(job["generator"])
    model = engines.open_completes(named, "openvino", "F16")
    assert isinstance(model, OpenVinoModel)
    if not ends:
        model = replace(model, tokens=replace(model.tokens, end=NEVER))
    settings = GenerateSettings(
        generator="bench",
        format=named.format,
        task_types=(TaskType(job["task_type"]),),
        seed=0,
        sampling=Sampling(
            temperature=0, top_p=1, max_tokens=LONGEST_TOKENS if ends else job["new_tokens"]
        ),
        **told,
    )
    rows = list(tables.read(Path(job["part"])))
    scratch = Path(tempfile.mkdtemp(dir=job["scratch"]))

    def run(number: int) -> Written:
        noting = _Noting(model)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            part = Path(folder) / "part.parquet"
            tables.write(part, tables.CONTEXTS, rows[:number])  # a few milliseconds
            write_cell((part, Cell(folder=Path(folder) / "cell")), noting, settings)
        return {"n_tokens": noting.n_tokens, "texts": noting.texts}

    return run


if __name__ == "__main__":
    serve(load, ("openvino-genai", "tokenizers"))
