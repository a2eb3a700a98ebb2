# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from transformers import BertConfig, BertModel

from katsuo.errors import ModelError
from katsuo.models.embedding import BATCH, HfEmbedder
from katsuo.models.tune import quiet

pytestmark = pytest.mark.train

TEXTS = ["Who steers the vessel?", "No", "The pilot holds the wheel until the berth is reached."]


def pooled(folder: Path, mode: str) -> Path:
    """The model in `folder` as a sentence encoder whose pooling is `mode`."""
    steps = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(steps), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({mode: True}), "utf-8")
    return folder


def states(embedder: HfEmbedder, text: str) -> np.ndarray:
    """The last layer's vectors of `text`, read alone."""
    ids = torch.tensor([embedder.tokenizer.encode(text).ids])
    with torch.inference_mode():
        return np.asarray(embedder.model(input_ids=ids).last_hidden_state[0])


def test_a_text_is_the_mean_of_its_tokens_in_whatever_batch(tiny_llama: Path) -> None:
    embedder = HfEmbedder.load(tiny_llama)
    for text, found in zip(TEXTS, embedder.embed(TEXTS), strict=True):
        mean = states(embedder, text).mean(axis=0)
        np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_an_encoder_that_says_so_is_read_by_its_first_token(tiny_llama: Path) -> None:
    embedder = HfEmbedder.load(pooled(tiny_llama, "pooling_mode_cls_token"))
    for text, found in zip(TEXTS, embedder.embed(TEXTS), strict=True):
        first = states(embedder, text)[0]
        np.testing.assert_allclose(found, first / np.linalg.norm(first), atol=1e-5)


def test_rows_stand_in_the_order_of_their_texts(tiny_llama: Path) -> None:
    embedder = HfEmbedder.load(tiny_llama)
    many = [f"{'x' * (number * 7 % 50)}{number}" for number in range(2 * BATCH + 3)]
    forth, back = embedder.embed(many), embedder.embed(many[::-1])
    np.testing.assert_allclose(forth, back[::-1], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(forth, axis=1), 1, atol=1e-5)


def test_the_same_texts_give_the_same_bits(tiny_llama: Path) -> None:
    embedder = HfEmbedder.load(tiny_llama)
    assert np.array_equal(embedder.embed(TEXTS), embedder.embed(TEXTS))


@pytest.mark.parametrize("mode", ["pooling_mode_mean_tokens", "pooling_mode_cls_token"])
def test_a_text_without_a_token_lies_nowhere(tiny_llama: Path, mode: str) -> None:
    embedder = HfEmbedder.load(pooled(tiny_llama, mode))
    found = embedder.embed(["", "No"])
    assert not found[0].any()
    assert found[1].any()


def test_no_texts_give_no_rows(tiny_llama: Path) -> None:
    assert HfEmbedder.load(tiny_llama).embed([]).shape == (0, 64)


def test_a_text_longer_than_the_window_is_cut(tiny_llama: Path) -> None:
    embedder = HfEmbedder.load(tiny_llama)
    cut, longer = embedder.embed(["a " * 128, "a " * 400])
    np.testing.assert_allclose(cut, longer, atol=1e-5)


def test_an_encoder_without_a_pooler_is_taken(tiny_llama: Path) -> None:
    config = BertConfig(
        vocab_size=288, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), quiet():
        BertModel(config, add_pooling_layer=False).save_pretrained(tiny_llama)
    assert HfEmbedder.load(tiny_llama).embed(TEXTS).shape == (3, 32)


def test_a_model_of_two_halves_is_refused(tiny_llama: Path) -> None:
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    config = {"model_type": "bart", "vocab_size": 288, "decoder_attention_heads": 2,
              "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, **sizes}  # fmt: skip
    from transformers import BartConfig, BartModel

    with quiet():
        BartModel(BartConfig(**config)).save_pretrained(tiny_llama)
    with pytest.raises(ModelError, match="name an encoder"):
        HfEmbedder.load(tiny_llama)
