# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from katsuo import extracts
from katsuo.models.barring import Bars, Plain, paths
from katsuo.models.tokens import Tokens
from katsuo.protocols import Hold

pytestmark = pytest.mark.train

PASSAGE = 'He said: "12,000 €—naïve" (see 4.2)\n日本の港。 It doesn\'t\u200b close 40%.'


@pytest.fixture
def tokens(tiny_llama: Path) -> Tokens:
    return Tokens.load(tiny_llama)


def walked(bars: Bars, tokens: Tokens, chance: random.Random, most: int = 400) -> str | None:
    """A text along words that are not barred, drawn by chance; none where it did not end."""
    n_words = tokens.tokenizer.get_vocab_size()
    drawn: list[int] = []
    while len(drawn) < most:
        allowed = (~bars.barred_V(drawn, n_words)).nonzero().flatten().tolist()
        drawn.append(chance.choice(allowed))
        if drawn[-1] == tokens.end_id:
            return tokens.text(drawn)
    return None


def test_every_way_along_the_paths_is_a_choice(tokens: Tokens) -> None:
    choices = ("Yes", "Yes, but", "No", "naïve")
    bars = paths(Hold(only=choices), tokens)
    chance = random.Random(1)
    assert {walked(bars, tokens, chance) for _ in range(60)} == set(choices)


def test_every_way_along_the_paths_is_an_extract(tokens: Tokens) -> None:
    bars = paths(Hold(only=("not stated",), within=PASSAGE), tokens)
    chance = random.Random(2)
    found = {walked(bars, tokens, chance) for _ in range(200)}
    assert None not in found
    strays = [one for one in found if one != "not stated" and not _is_extract(str(one))]
    assert not strays
    assert len(found) > 20


def _is_extract(text: str) -> bool:
    return bool(text) and extracts.longest(text, PASSAGE) == text


def test_plain_text_begins_with_a_sign_and_has_no_marker(tokens: Tokens) -> None:
    bars = Plain.of(tokens)
    n_words = tokens.tokenizer.get_vocab_size()
    first = bars.barred_V([], n_words)
    later = bars.barred_V([5], n_words)
    assert bool(first[tokens.end_id])
    assert not bool(later[tokens.end_id])
    for word in range(n_words):
        text = tokens.tokenizer.decode([word], skip_special_tokens=False)
        if "<" in text and word != tokens.end_id:
            assert bool(later[word])
        elif text.strip() and not text[0].isspace() and word != tokens.end_id:
            assert not bool(first[word])


def test_rows_of_a_model_for_no_word_are_barred(tokens: Tokens) -> None:
    n_words = tokens.tokenizer.get_vocab_size()
    assert bool(Plain.of(tokens).barred_V([], n_words + 3)[n_words:].all())
