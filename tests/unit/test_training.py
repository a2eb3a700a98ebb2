from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import RecipeError
from katsuo.training import TuneSettings, grouped, learning_rate, passes, plan, shares

LENGTHS = st.lists(st.integers(1, 200), min_size=1, max_size=60)


@given(lengths=LENGTHS, seed=st.integers(0, 5), epochs=st.integers(1, 3))
def test_each_epoch_sees_every_example_once(lengths: list[int], seed: int, epochs: int) -> None:
    steps = plan(lengths, TuneSettings(seed=seed, epochs=epochs, batch_tokens=256))
    seen = Counter(i for step in steps for i in step)
    assert seen == Counter(dict.fromkeys(range(len(lengths)), epochs))


@given(lengths=LENGTHS, batch_tokens=st.integers(1, 400))
def test_a_step_fits_its_tokens_unless_it_is_one_example(
    lengths: list[int], batch_tokens: int
) -> None:
    for step in plan(lengths, TuneSettings(batch_tokens=batch_tokens)):
        assert len(step) == 1 or len(step) * max(lengths[i] for i in step) <= batch_tokens


@given(lengths=LENGTHS, max_steps=st.integers(1, 100))
def test_a_number_of_steps_is_taken_exactly(lengths: list[int], max_steps: int) -> None:
    settings = TuneSettings(max_steps=max_steps, epochs=0.01, batch_tokens=256)
    assert len(plan(lengths, settings)) == max_steps


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    lengths = [10 + i % 17 for i in range(200)]
    plans = [plan(lengths, TuneSettings(seed=seed, batch_tokens=64)) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_epochs_differ_in_their_order() -> None:
    steps = plan([7] * 40, TuneSettings(epochs=2, batch_tokens=14))
    assert steps[:20] != steps[20:]


def test_half_an_epoch_takes_half_the_steps() -> None:
    assert len(plan([8] * 40, TuneSettings(epochs=0.5, batch_tokens=8))) == 20
    assert len(plan([8] * 40, TuneSettings(epochs=1.5, batch_tokens=8))) == 60


def test_nothing_to_learn_takes_no_step() -> None:
    assert plan([], TuneSettings(max_steps=5)) == []


def test_examples_of_similar_length_share_a_batch() -> None:
    lengths = [10, 100, 11, 99] * 30
    padded = sum(
        len(batch) * max(lengths[i] for i in batch)
        for batch in grouped(range(len(lengths)), lengths, 400)
    )
    assert padded <= 1.05 * sum(lengths)


@given(lengths=LENGTHS, n_processes=st.integers(1, 5))
def test_processes_share_a_step_without_gap_or_overlap(
    lengths: list[int], n_processes: int
) -> None:
    held = shares(range(len(lengths)), lengths, n_processes)
    assert len(held) == n_processes
    assert sorted(i for share in held for i in share) == list(range(len(lengths)))
    n_tokens = [sum(lengths[i] for i in share) for share in held]
    assert max(n_tokens) - min(n_tokens) <= max(lengths)


@given(lengths=LENGTHS, micro_tokens=st.integers(1, 400))
def test_the_passes_of_a_step_hold_each_of_its_examples_and_fit_their_tokens(
    lengths: list[int], micro_tokens: int
) -> None:
    step = range(len(lengths))
    found = passes(step, lengths, TuneSettings(micro_tokens=micro_tokens))
    assert sorted(i for numbers in found for i in numbers) == list(step)
    for numbers in found:
        most = max(lengths[i] for i in numbers)
        assert len(numbers) == 1 or len(numbers) * most <= micro_tokens


def test_a_step_is_one_pass_in_its_own_order_unless_told_otherwise() -> None:
    assert shares([2, 0, 1], [1, 2, 3], 1) == [(2, 0, 1)]
    assert passes([2, 0, 1], [1, 2, 3], TuneSettings()) == [(2, 0, 1)]
    assert passes([], [], TuneSettings()) == []


def test_the_learning_rate_rises_through_the_warm_up_and_falls_to_nothing() -> None:
    settings = TuneSettings(learning_rate=1.0, warmup_fraction=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] < 1.0
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert math.isclose(rates[-1], 1 / 90)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"rank": 0}, "adapt.rank is 0; it must be > 0", id="rank"),
        pytest.param({"learning_rate": -1.0}, "adapt.learning_rate is -1.0", id="rate"),
        pytest.param({"epochs": 0}, "adapt.epochs is 0", id="epochs"),
        pytest.param(
            {"max_steps": 0}, "adapt.max_steps is 0; it must be >= 1, or null", id="steps"
        ),
        pytest.param({"warmup_fraction": 1.0}, "adapt.warmup_fraction is 1.0", id="warm-up"),
        pytest.param({"dropout": 1.0}, "adapt.dropout is 1.0", id="dropout"),
        pytest.param({"weight_decay": -0.1}, "adapt.weight_decay is -0.1", id="decay"),
        pytest.param({"max_tokens": 1}, "adapt.max_tokens is 1; it must be >= 2", id="tokens"),
        pytest.param({"precision": "int8"}, "adapt.precision is int8", id="precision"),
        pytest.param(
            {"method": "dora"},
            "adapt.method is dora; it must be one of lora, full, qlora",
            id="method",
        ),
        pytest.param({"device": "tpu"}, "adapt.device is tpu", id="device"),
        pytest.param({"micro_tokens": 0}, "adapt.micro_tokens is 0", id="micro-tokens"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        TuneSettings(**settings)
