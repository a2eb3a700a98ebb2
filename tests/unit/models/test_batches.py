# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer, models, pre_tokenizers

from katsuo.models import batches
from katsuo.models.batches import Example
from katsuo.models.tokens import Tokens
from katsuo.types import Pair

pytestmark = pytest.mark.train

WORDS = ["<end>", "Instruct", ":", "Answer", "a", "b", "c", "d"]


@pytest.fixture
def tokens() -> Tokens:
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<end>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return Tokens(tokenizer=tokenizer, end="<end>")


def shown(ids: tuple[int, ...]) -> str:
    return " ".join(WORDS[i] for i in ids)


@pytest.mark.parametrize(
    ("pair", "text", "n_learned"),
    [
        pytest.param(
            Pair(prompt="a b", target="c", chat=False), "a b c <end>", 2, id="as-it-stands"
        ),
        pytest.param(
            Pair(prompt="a", target="c d"), "Instruct : a Answer : c d <end>", 3, id="a-users-turn"
        ),
        pytest.param(
            Pair(prompt="", target="a b c", chat=False), "a b c", 2, id="a-passage-has-no-end-token"
        ),
        pytest.param(
            Pair(prompt="", target="a", chat=False), "a", 0, id="one-token-is-predicted-by-none"
        ),
    ],
)
def test_a_pair_is_read_whole_and_learned_behind_its_prompt(
    tokens: Tokens, pair: Pair, text: str, n_learned: int
) -> None:
    example = batches.encode(pair, tokens)
    assert shown(example.ids) == text
    assert example.n_learned == n_learned
    assert batches.sizes(pair, tokens) == (len(example.ids) - n_learned, n_learned)


def test_every_label_is_predicted_from_the_token_before_it() -> None:
    batch = batches.collate(
        [Example(ids=(4, 5, 6, 0), n_prompt=2), Example(ids=(7, 6), n_prompt=0)]
    )
    learned = batch.labels_N != batches.NO_LABEL
    assert batch.labels_N[learned].tolist() == [6, 0, 6]
    assert batch.ids_BT.flatten()[batch.sources_N[learned]].tolist() == [5, 6, 7]
    assert batch.ids_BT[1].tolist()[:2] == [7, 6]
    assert batch.n_tokens == 6


def test_shapes_repeat_so_that_memory_stays_bounded() -> None:
    batch = batches.collate([Example(ids=tuple(range(19)), n_prompt=2)])
    assert batch.ids_BT.shape[1] % batches.WIDTH_STEP == 0
    assert len(batch.labels_N) == len(batch.sources_N) == batches.LABELS_STEP


def test_examples_have_another_digest_when_one_token_or_the_prompt_differs() -> None:
    digests = {
        batches.digest([Example(ids=(1, 2), n_prompt=1)]),
        batches.digest([Example(ids=(1, 3), n_prompt=1)]),
        batches.digest([Example(ids=(1, 2), n_prompt=0)]),
        batches.digest([Example(ids=(1,), n_prompt=0), Example(ids=(2,), n_prompt=0)]),
    }
    assert len(digests) == 4
