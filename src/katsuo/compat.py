"""Drop-in for code written against the Bonito library: change the import line.

from katsuo import Bonito, SamplingParams

bonito = Bonito("smollm2-135m-bonito")
tasks = bonito.generate_tasks(dataset, context_col="text", task_type="nli",
                              sampling_params=SamplingParams(max_tokens=256))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from katsuo import engines, wire
from katsuo.errors import DataError, RecipeError
from katsuo.models.schedule import SCHEDULE, Placement
from katsuo.protocols import Completes, Request, Sampling
from katsuo.seeds import derive
from katsuo.types import Flaw, TaskType

if TYPE_CHECKING:
    from datasets import Dataset

_IDLE: Final[Mapping[str, tuple[object, ...]]] = {
    "top_k": (0, -1),
    "min_p": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "repetition_detection": (None,),
    "min_tokens": (0,),
    "ignore_eos": (False,),
    "stop_token_ids": (None, []),
    "include_stop_str_in_output": (False,),
    "bad_words": (None, []),
    "allowed_token_ids": (None,),
    "logit_bias": (None,),
    "logits_processors": (None, []),
    "structured_outputs": (None,),
    "guided_decoding": (None,),
    "thinking_token_budget": (None,),
    "truncate_prompt_tokens": (None,),
    "watermarking": (None,),
    "best_of": (None, 1),
    "use_beam_search": (False,),
}
"""Attributes of vLLM's class that decide a text and that ours has no counterpart for, and the
values at which they do nothing."""
_PLACED: Final = {
    "tensor_parallel_size": "tensor_parallel",
    "gpu_memory_utilization": "memory_fraction",
    "dtype": "dtype",
}
"""Settings of vLLM's `LLM`, which the Bonito library hands on, and what they are called here."""


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
    """Drafts of each row."""
    seed: int | None = 0
    stop: str | Sequence[str] | None = None
    """Strings that end a draft; they are not part of it."""


class Bonito:
    """A generator of tasks about the rows of a dataset."""

    def __init__(
        self,
        model: str | Completes,
        *,
        engine: str = "auto",
        weights: str = "F16",
        **placed: Any,  # noqa: ANN401 -- numbers and words
    ) -> None:
        """Open the generator called `model`: a bundled name, a folder or a hub id.

        Args:
            model: Its name, or one that is open already.
            engine: As a recipe names it.
            weights: Form of the weights in OpenVINO, `F16` or `Q8_0`.
            placed: vLLM's `tensor_parallel_size`, `gpu_memory_utilization` and `dtype`.

        Raises:
            ModelError: If there is no such model.
            RecipeError: If another setting of vLLM's is asked for.
        """
        for name, value in placed.items():
            if name not in _PLACED:
                raise RecipeError(
                    f"Bonito({name}={value!r}): nothing here answers to {name}; leave it out (of "
                    f"vLLM's settings there are {', '.join(_PLACED)})"
                )
        if not isinstance(model, str):
            self._model = model
            return
        named = engines.find(model)
        placement = Placement(**{_PLACED[name]: value for name, value in placed.items()})
        self._model = engines.open_completes(
            named,
            engines.engine_of(named, engine, drafts=True),
            weights,
            schedule=replace(SCHEDULE, placement=placement),
        )

    def generate_tasks(
        self,
        text_dataset: Dataset,
        context_col: str,
        task_type: str,
        sampling_params: Any = None,  # noqa: ANN401 -- vLLM's class or ours
        *,
        num_proc: int | None = None,
    ) -> Dataset:
        """Unconstrained drafts of every row, no retries; drafts that are no task are left out.

        The columns `input` and `output` come first, the dataset's own after them (a
        column of the same name gives way). The number of drafts left out, by reason, is in
        `dataset.info.description`.

        Args:
            text_dataset: Rows with the passage in `context_col`.
            context_col: Name of that column.
            task_type: Short or long name of one of the sixteen types.
            sampling_params: Ours or vLLM's; the library's defaults where it is None.
            num_proc: Taken for the library's sake; rows are read in one process.

        Raises:
            RecipeError: If the type is unknown, or the sampling asks for what there is not.
            DataError: If the dataset lacks the column, or holds something else than text in it.
        """
        del num_proc
        kind = TaskType.named(task_type)
        params = sampling_params if sampling_params is not None else SamplingParams()
        sampling, stop = _sampling(params), _stop(params)
        contexts = _contexts(text_dataset, context_col)
        requests = [
            Request(
                id=f"{number} {turn}" if turn else str(number),
                prompt=wire.prompt(context, kind),
                sampling=sampling,
                seed=_seed(params, kind, number, turn),
                stop=stop,
            )
            for number, context in enumerate(contexts)
            for turn in range(params.n)
        ]
        kept: list[tuple[int, wire.Draft]] = []
        reasons: dict[str, int] = {}
        for at, completion in enumerate(self._model.complete(requests)):
            number = at // params.n
            parsed = (
                Flaw(reason=completion.failure)
                if completion.failure
                else wire.parse(completion.text, contexts[number])
            )
            if isinstance(parsed, Flaw):
                reasons[parsed.reason] = reasons.get(parsed.reason, 0) + 1
            else:
                kept.append((number, parsed))
        return _dataset(text_dataset, kept, reasons, params.n)


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
    """The sampling, checked: what cannot be followed is refused rather than forgotten."""
    if params.n < 1:
        raise RecipeError(f"sampling_params.n is {params.n}; it must be >= 1")
    if params.max_tokens is None:
        raise RecipeError("sampling_params.max_tokens is None; say how long a draft may be")
    for name, idle in _IDLE.items():
        value = getattr(params, name, idle[0])
        if value not in idle:
            raise RecipeError(
                f"sampling_params.{name} is {value!r}, which has no counterpart here; leave it out"
            )
    return Sampling(
        temperature=params.temperature, top_p=params.top_p, max_tokens=params.max_tokens
    )


def _stop(params: Any) -> tuple[str, ...]:  # noqa: ANN401
    stop = getattr(params, "stop", None) or ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _seed(params: Any, kind: TaskType, number: int, turn: int) -> int:  # noqa: ANN401
    names = ("compat", kind.value, str(number))
    return derive(params.seed or 0, *names, *([str(turn)] if turn else []))


def _dataset(
    source: Dataset, kept: Sequence[tuple[int, wire.Draft]], reasons: Mapping[str, int], n: int
) -> Dataset:
    from datasets import Dataset, Features, Value

    rows = source.select([number for number, _ in kept])
    columns: dict[str, Any] = {
        "input": [draft.instruction for _, draft in kept],
        "output": [draft.response for _, draft in kept],
    }
    theirs = [name for name in rows.column_names if name not in columns]
    columns |= {name: list(rows[name]) for name in theirs}
    # Without features a column would forget that its numbers are class labels.
    text = {"input": Value("string"), "output": Value("string")}
    features = Features(text | {name: source.features[name] for name in theirs})
    made = Dataset.from_dict(columns, features=features)
    said = ", ".join(f"{reason} {n}" for reason, n in sorted(reasons.items())) or "none"
    asked = f"{len(kept)} of {len(source)} rows gave a task"
    if n > 1:
        asked = f"{len(kept)} of {n * len(source)} drafts, {n} a row, are tasks"
    made.info.description = f"katsuo: {asked}; left out: {said}"
    return made
