# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from katsuo.models import batches, joined, sharing, tune
from katsuo.models.batches import Branch, Example

pytestmark = pytest.mark.train

PASSAGE = tuple(range(1, 25))
OTHER = tuple(range(40, 50))
EXAMPLES = [
    Example(ids=(*PASSAGE, 30, 31, 32, 33), n_prompt=26),
    Example(ids=(*OTHER, 30, 31), n_prompt=11),
    Example(ids=(*PASSAGE, 34, 35), n_prompt=25),
    Example(ids=(*PASSAGE, 30, 36, 37), n_prompt=25),
]
LAYERS = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
}


def model() -> Any:  # noqa: ANN401
    with torch.random.fork_rng(devices=[]), tune.quiet():
        torch.manual_seed(1)
        return LlamaForCausalLM(LlamaConfig(**LAYERS)).train()


def texts(example: Example) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Prompt and target of each text of `example`."""
    if not example.branches:
        return [(example.ids[: example.n_prompt], example.ids[example.n_prompt :])]
    shared = example.ids[: example.branches[0].start]
    return [
        (shared + example.ids[one.start : one.first], example.ids[one.first : one.end])
        for one in example.branches
    ]


def test_tasks_about_one_passage_become_branches_behind_it() -> None:
    found = sharing.gathered(EXAMPLES, longest=640)
    assert found == [
        Example(
            ids=(*PASSAGE, 30, 31, 32, 33, 34, 35, 30, 36, 37),
            n_prompt=26,
            branches=(
                Branch(start=24, first=26, end=28),
                Branch(start=28, first=29, end=30),
                Branch(start=30, first=31, end=33),
            ),
        ),
        EXAMPLES[1],
    ]


def test_a_joined_example_is_no_longer_than_asked() -> None:
    found = sharing.gathered(EXAMPLES, longest=30)
    assert [len(example.ids) for example in found] == [28, 12, 29]


def test_texts_that_share_a_mark_alone_stay_apart() -> None:
    apart = [Example(ids=(1, 2, 3, i, i, i), n_prompt=4) for i in range(10, 20)]
    assert sharing.gathered(apart, longest=640) == apart


def test_each_branch_has_a_token_of_its_own_in_front_of_its_target() -> None:
    same = [Example(ids=(*PASSAGE, 30 + i), n_prompt=24) for i in range(3)]
    (found,) = sharing.gathered(same, longest=640)
    assert [one.first - one.start for one in found.branches] == [1, 1, 1]
    assert found.n_learned == 3


@given(
    st.lists(
        st.tuples(st.sampled_from((PASSAGE, OTHER, PASSAGE[:20])), st.integers(1, 30)), max_size=9
    ),
    st.sampled_from((25, 40, 640)),
)
def test_nothing_is_lost_and_nothing_doubled(
    told: list[tuple[tuple[int, ...], int]], longest: int
) -> None:
    made = [
        Example(
            ids=(*passage, 50, number, *range(51, 51 + size % 4 + 1)), n_prompt=len(passage) + 2
        )
        for number, (passage, size) in enumerate(told)
    ]
    found = sharing.gathered(made, longest=longest)
    assert sorted(text for one in found for text in texts(one)) == sorted(
        text for one in made for text in texts(one)
    )
    assert sum(len(one.ids) for one in found) <= sum(len(one.ids) for one in made)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("join", [False, True])
def test_branches_give_the_loss_and_the_gradients_of_texts_alone(
    half: bool, join: bool, check_alike: Callable[..., None]
) -> None:
    alone = batches.collate(EXAMPLES, join=join)
    shared = batches.collate(sharing.gathered(EXAMPLES, longest=640), join=join)
    check_alike(model(), alone, shared, half=half)


def test_the_gradients_of_branched_attention_are_those_of_the_formula() -> None:
    chance = torch.Generator().manual_seed(3)
    q, k, v = (
        torch.randn((1, n, 48, 4), dtype=torch.float64, generator=chance).requires_grad_()
        for n in (4, 2, 2)
    )
    rows = ([0, 20, 26], ((5, 11), ()))
    assert torch.autograd.gradcheck(
        lambda q, k, v: joined.Attention.apply(q, k, v, rows, 0.7), (q, k, v)
    )
