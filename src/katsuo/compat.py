"""Drop-in for code written against the Bonito library: change the import line.

from katsuo import Bonito, SamplingParams

bonito = Bonito("smollm2-135m-bonito")
tasks = bonito.generate_tasks(dataset, context_col="text", task_type="nli",
                              sampling_params=SamplingParams(max_tokens=256))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from katsuo import engines, wire
from katsuo.errors import DataError, RecipeError
from katsuo.protocols import Completes, Request, Sampling
from katsuo.seeds import derive
from katsuo.types import Flaw, TaskType

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How to draw tokens: the names that vLLM's class of the same name has.

    Defaults are the Bonito library's. Another class with these attributes, vLLM's own among
    them, does as well.
    """

    temperature: float = 0.5
    top_p: float = 0.95
    max_tokens: int = 256
    n: int = 1
    seed: int = 0


class Bonito:
    """A generator of tasks about the rows of a dataset."""

    def __init__(self, model: str, *, engine: str = "auto", weights: str = "F16") -> None:
        """Open the generator called `model`: a bundled name, a folder or a hub id.

        Raises:
            ModelError: If there is no such model.
        """
        self._named = engines.find(model)
        self._model: Completes = engines.open_completes(
            self._named, engines.engine_of(self._named, engine, drafts=True), weights
        )

    def generate_tasks(
        self,
        dataset: Dataset,
        *,
        context_col: str,
        task_type: str,
        sampling_params: Any = None,  # noqa: ANN401 -- vLLM's class or ours
    ) -> Dataset:
        """One unconstrained draft per row, no retries; rows whose draft is no task are left out.

        The columns `input` and `output` come first, the dataset's own after them (a
        column of the same name gives way). The number of rows left out, by reason, is in
        `dataset.info.description`.

        Args:
            dataset: Rows with the passage in `context_col`.
            context_col: Name of that column.
            task_type: Short or long name of one of the sixteen types.
            sampling_params: Ours or vLLM's; the library's defaults where it is None.

        Raises:
            RecipeError: If the type is unknown, or more than one draft a row is asked for.
            DataError: If the dataset lacks the column, or holds something else than text in it.
        """
        kind = TaskType.named(task_type)
        params = sampling_params if sampling_params is not None else SamplingParams()
        if params.n != 1:
            raise RecipeError(f"sampling_params.n is {params.n}; one draft per row is made: n=1")
        contexts = _contexts(dataset, context_col)
        requests = [
            Request(
                id=str(number),
                prompt=wire.prompt(context, kind),
                sampling=_sampling(params),
                seed=derive(params.seed or 0, "compat", kind.value, str(number)),
            )
            for number, context in enumerate(contexts)
        ]
        kept: dict[int, wire.Draft] = {}
        reasons: dict[str, int] = {}
        for number, completion in enumerate(self._model.complete(requests)):
            parsed = (
                Flaw(reason=completion.failure)
                if completion.failure
                else wire.parse(completion.text, contexts[number])
            )
            if isinstance(parsed, Flaw):
                reasons[parsed.reason] = reasons.get(parsed.reason, 0) + 1
            else:
                kept[number] = parsed
        return _dataset(dataset, kept, reasons)


def _contexts(dataset: Dataset, column: str) -> list[str]:
    if column not in dataset.column_names:
        found = ", ".join(dataset.column_names)
        raise DataError(f"the dataset has no column {column!r}; context_col may be one of: {found}")
    contexts = list(dataset[column])
    for number, context in enumerate(contexts):
        if not isinstance(context, str):
            raise DataError(
                f"row {number}, column {column!r}: holds {type(context).__name__}, not text"
            )
    return contexts


def _sampling(params: Any) -> Sampling:  # noqa: ANN401
    return Sampling(
        temperature=params.temperature, top_p=params.top_p, max_tokens=params.max_tokens
    )


def _dataset(source: Dataset, kept: dict[int, wire.Draft], reasons: dict[str, int]) -> Dataset:
    from datasets import Dataset, Features, Value

    rows = source.select(list(kept))
    columns: dict[str, Any] = {
        "input": [draft.instruction for draft in kept.values()],
        "output": [draft.response for draft in kept.values()],
    }
    theirs = [name for name in rows.column_names if name not in columns]
    columns |= {name: list(rows[name]) for name in theirs}
    # Without features a column would forget that its numbers are class labels.
    text = {"input": Value("string"), "output": Value("string")}
    features = Features(text | {name: source.features[name] for name in theirs})
    made = Dataset.from_dict(columns, features=features)
    said = ", ".join(f"{reason} {n}" for reason, n in sorted(reasons.items())) or "none"
    made.info.description = (
        f"katsuo: {len(kept)} of {len(source)} rows gave a task; left out: {said}"
    )
    return made
