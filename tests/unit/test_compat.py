from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from katsuo import Bonito, SamplingParams
from katsuo.errors import DataError, ModelError, RecipeError
from katsuo.protocols import Completion, Request

if TYPE_CHECKING:
    from datasets import Dataset

N_ROWS = 40


@pytest.fixture
def rows() -> Dataset:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features(
        {"label": ClassLabel(names=["calm", "storm"]), "text": Value("string"), "n": Value("int32")}
    )
    columns = {
        "label": [n % 2 for n in range(N_ROWS)],
        "text": [f"Berth {n} closes when the wind exceeds {n + 7} knots." for n in range(N_ROWS)],
        "n": list(range(N_ROWS)),
    }
    return Dataset.from_dict(columns, features=features)


def made(rows: Dataset, **changes: Any) -> Dataset:  # noqa: ANN401
    return Bonito("fake").generate_tasks(
        rows, **{"context_col": "text", "task_type": "nli"} | changes
    )


def test_tasks_come_first_and_the_columns_of_the_dataset_after_them(rows: Dataset) -> None:
    tasks = made(rows)
    assert tasks.column_names == ["input", "output", "label", "text", "n"]
    assert 0 < len(tasks) < N_ROWS
    for task in tasks:
        assert task["text"] == rows[task["n"]]["text"]
        assert task["text"] in task["input"]
        assert task["output"] == "Yes"


def test_a_column_keeps_its_kind(rows: Dataset) -> None:
    tasks = made(rows)
    assert {name: tasks.features[name] for name in rows.column_names} == dict(rows.features)


def test_rows_left_out_are_counted_by_reason(rows: Dataset) -> None:
    tasks = made(rows)
    n_left = N_ROWS - len(tasks)
    assert tasks.info.description == (
        f"katsuo: {len(tasks)} of {N_ROWS} rows gave a task; left out: pipe-missing {n_left}"
    )


def test_no_row_is_no_task(rows: Dataset) -> None:
    tasks = made(rows.select([]))
    assert tasks.column_names[:2] == ["input", "output"]
    assert tasks.info.description == "katsuo: 0 of 0 rows gave a task; left out: none"


def test_a_column_that_is_called_like_one_of_ours_gives_way(rows: Dataset) -> None:
    tasks = made(rows.rename_columns({"text": "input", "n": "output"}), context_col="input")
    assert tasks.column_names == ["input", "output", "label"]
    assert set(tasks["output"]) == {"Yes"}


def test_a_type_goes_by_its_short_and_its_long_name(rows: Dataset) -> None:
    long = made(rows, task_type="Natural language inference")
    assert long.to_list() == made(rows, task_type="nli").to_list()


def test_the_seed_decides(rows: Dataset) -> None:
    one, same, other = (
        made(rows, task_type="exqa", sampling_params=SamplingParams(seed=seed)).to_list()
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_any_class_with_the_attributes_of_vllm_does(rows: Dataset) -> None:
    @dataclass
    class Theirs:
        n: int = 1
        temperature: float = 0.5
        top_p: float = 0.95
        max_tokens: int = 16
        seed: int | None = None

    assert made(rows, sampling_params=Theirs()).to_list() == made(rows).to_list()


def test_code_for_the_library_may_name_its_arguments_or_not(rows: Dataset) -> None:
    bonito, params = Bonito(model="fake"), SamplingParams(max_tokens=16)
    named = bonito.generate_tasks(
        text_dataset=rows, context_col="text", task_type="nli", sampling_params=params, num_proc=2
    )
    assert named.to_list() == bonito.generate_tasks(rows, "text", "nli", params).to_list()


def test_several_drafts_of_a_row_stand_together_and_the_first_is_that_of_one_alone(
    rows: Dataset,
) -> None:
    one, two = (made(rows, sampling_params=SamplingParams(n=n)) for n in (1, 2))
    numbers = list(two["n"])
    assert numbers == sorted(numbers)
    assert set(one["n"]) <= set(numbers)
    assert len(two) > len(one)
    assert f"{len(two)} of {2 * N_ROWS} drafts, 2 a row, are tasks" in two.info.description


class Recording:
    """A generator that says what it said before; implements `Completes`."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked: list[Request] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        self.asked += requests
        for request, text in zip(requests, self.texts, strict=True):
            yield Completion(id=request.id, text=text, finished=True)


def test_a_model_that_is_open_already_may_be_given(rows: Dataset) -> None:
    recording = Recording("{{context}} Is it?\n<|pipe|>\nyes", "nothing")
    tasks = Bonito(recording).generate_tasks(
        rows.select([3, 4]), "text", "ynqa", SamplingParams(stop="\n\n")
    )
    assert tasks["n"][:] == [3]
    assert [request.stop for request in recording.asked] == [("\n\n",)] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("top_k", 20), ("repetition_penalty", 1.1), ("logit_bias", {5: 1.0}), ("bad_words", ["so"])],
)
def test_what_vllm_can_and_we_cannot_is_refused_rather_than_forgotten(
    rows: Dataset, name: str, value: object
) -> None:
    @dataclass
    class Theirs:
        n: int = 1
        temperature: float = 0.5
        top_p: float = 0.95
        max_tokens: int | None = 16
        seed: int | None = None
        top_k: int = -1

    theirs = Theirs()
    made(rows, sampling_params=theirs)
    setattr(theirs, name, value)
    with pytest.raises(RecipeError, match=f"sampling_params.{name} is "):
        made(rows, sampling_params=theirs)


def test_settings_of_the_librarys_engine_are_taken_or_refused() -> None:
    Bonito("fake", tensor_parallel_size=1, gpu_memory_utilization=0.8, dtype="float16")
    with pytest.raises(RecipeError, match=r"quantization.*leave it out"):
        Bonito("fake", quantization="awq")


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        pytest.param(
            {"sampling_params": SamplingParams(n=0)}, RecipeError, "n is 0", id="no-drafts"
        ),
        pytest.param({"task_type": "poem"}, RecipeError, "'poem' is unknown", id="no-type"),
        pytest.param(
            {"sampling_params": SamplingParams(top_p=0)}, RecipeError, "top_p is 0", id="no-mass"
        ),
        pytest.param(
            {"context_col": "body"}, DataError, "no column 'body'.*label, text, n", id="no-column"
        ),
        pytest.param(
            {"context_col": "n"}, DataError, "row 0, column 'n': holds int, not text", id="numbers"
        ),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    rows: Dataset, changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        made(rows, **changes)


def test_a_generator_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"'\./nowhere'"):
        Bonito("./nowhere")
