from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from katsuo import Bonito, SamplingParams
from katsuo.errors import DataError, ModelError, RecipeError

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


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        pytest.param(
            {"sampling_params": SamplingParams(n=2)}, RecipeError, "n is 2.*n=1", id="two-drafts"
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
