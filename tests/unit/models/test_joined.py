# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from katsuo.models import batches, joined, tune
from katsuo.models.batches import Example

pytestmark = pytest.mark.train

ENDS = [0, 5, 6, 23]
"""Three rows: of 5, 1 and 17 tokens."""
N_PLACES = 39
SIZES = {
    "vocab_size": 31,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
}
EXAMPLES = [
    Example(ids=tuple(range(1, 1 + length)), n_prompt=n_prompt)
    for length, n_prompt in ((5, 2), (2, 0), (17, 9), (16, 4))
]


def heads(n_heads: int, size: int = 4) -> Any:  # noqa: ANN401
    chance = torch.Generator().manual_seed(n_heads)
    shape = (1, n_heads, N_PLACES, size)
    return torch.randn(shape, dtype=torch.float64, generator=chance).requires_grad_()


def built(kind: Callable[[Any], Any], config: Any) -> Any:  # noqa: ANN401
    with torch.random.fork_rng(devices=[]), tune.quiet():
        torch.manual_seed(1)
        return kind(config).train()


def test_each_row_is_read_as_if_it_were_alone() -> None:
    q, k, v = heads(4), heads(2), heads(2, 3)
    out_1THD = joined.Attention.apply(q, k, v, (ENDS, ()), 0.7)
    for start, end in itertools.pairwise(ENDS):
        alone = torch.nn.functional.scaled_dot_product_attention(
            q[:, :, start:end],
            k[:, :, start:end],
            v[:, :, start:end],
            is_causal=True,
            scale=0.7,
            enable_gqa=True,
        )
        torch.testing.assert_close(out_1THD[:, start:end], alone.transpose(1, 2))
    assert not out_1THD[:, ENDS[-1] :].any()


def test_the_gradients_are_those_of_the_formula() -> None:
    found = torch.autograd.gradcheck(
        lambda q, k, v: joined.Attention.apply(q, k, v, (ENDS, ()), 0.7),
        (heads(4), heads(2), heads(2)),
    )
    assert found


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        pytest.param(LlamaForCausalLM, LlamaConfig, id="llama"),
        pytest.param(Qwen3ForCausalLM, Qwen3Config, id="qwen3"),
    ],
)
@pytest.mark.parametrize("half", [False, True])
def test_joined_rows_give_the_loss_and_the_gradients_of_padded_ones(
    kind: Any,  # noqa: ANN401
    config: Any,  # noqa: ANN401
    half: bool,
    check_alike: Callable[..., None],
) -> None:
    padded, whole = (batches.collate(EXAMPLES, join=join) for join in (False, True))
    check_alike(built(kind, config(**SIZES)), padded, whole, half=half)


def test_joined_rows_have_no_padding_but_at_the_end() -> None:
    batch = batches.collate(EXAMPLES, join=True)
    assert batch.ids_BT.shape == (1, 64)
    assert batch.n_tokens == 40
    assert batch.ends is not None
    assert batch.ends.tolist() == [0, 5, 7, 24, 40]
    positions = batch.positions_BT
    assert positions is not None
    assert positions[0, :9].tolist() == [0, 1, 2, 3, 4, 0, 1, 0, 1]
    ids = batch.ids_BT[0]
    learned = batch.labels_N != batches.NO_LABEL
    assert (ids[batch.sources_N[learned] + 1] == batch.labels_N[learned]).all()
    assert int(learned.sum()) == sum(example.n_learned for example in EXAMPLES)


def test_long_rows_are_not_joined() -> None:
    long = Example(ids=tuple([3] * (joined.LONG_TOKENS + 1)), n_prompt=1)
    assert batches.collate([*EXAMPLES, long], join=True).ends is None


@pytest.mark.parametrize(
    ("kind", "config", "joins"),
    [
        pytest.param(LlamaForCausalLM, LlamaConfig(**SIZES), True, id="causal attention alone"),
        pytest.param(
            MistralForCausalLM, MistralConfig(**SIZES, sliding_window=8), False, id="a window"
        ),
        pytest.param(
            LlamaForCausalLM, LlamaConfig(**SIZES, attention_dropout=0.1), False, id="dropout"
        ),
        pytest.param(GemmaForCausalLM, GemmaConfig(**SIZES), False, id="a family not looked at"),
    ],
)
def test_rows_are_joined_only_where_attention_is_known_to_be_plain(
    kind: Any,  # noqa: ANN401
    config: Any,  # noqa: ANN401
    joins: bool,
) -> None:
    assert batches.joins(built(kind, config)) is joins
