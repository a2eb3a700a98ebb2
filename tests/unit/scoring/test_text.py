from __future__ import annotations

import statistics

import pytest

from katsuo.scoring.text import exact_match, normalised, token_f1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("The Cat", "cat", id="article-and-case"),
        pytest.param("a  cat\n sat", "cat sat", id="white-space"),
        pytest.param("well-known, e.g.", "wellknown eg", id="punctuation-joins"),
        pytest.param("theatre an anthem", "theatre anthem", id="articles-are-whole-words"),
        pytest.param("a.b", "ab", id="punctuation-goes-before-articles"),
        pytest.param("The.", "", id="nothing-left"),
        pytest.param("Beyoncé", "beyoncé", id="accents-stay"),
    ],
)
def test_texts_are_normalised_as_squad_does(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("prediction", "golds", "f1", "match"),
    [
        pytest.param("the cat sat", ["cat sat"], 1.0, 1.0, id="articles-do-not-count"),
        # 2 shared tokens, 4 predicted, 2 gold: 2 * 2 / (4 + 2)
        pytest.param("cat sat on mat", ["cat sat"], 2 / 3, 0.0, id="by-hand"),
        pytest.param("dog", ["cat", "dog"], 1.0, 1.0, id="any-gold-not-only-the-first"),
        # 'x x' against 'x': one shared, 2 * 1 / (2 + 1)
        pytest.param("x x", ["x"], 2 / 3, 0.0, id="a-token-is-matched-once"),
        pytest.param("dog", ["cat"], 0.0, 0.0, id="nothing-shared"),
        pytest.param("", ["cat"], 0.0, 0.0, id="silence-is-wrong-where-there-is-an-answer"),
        pytest.param("", [], 1.0, 1.0, id="silence-is-right-where-there-is-none"),
        pytest.param("cat", [], 0.0, 0.0, id="an-answer-is-wrong-where-there-is-none"),
        pytest.param("the", [""], 1.0, 1.0, id="an-article-is-silence"),
        pytest.param("", ["the", "cat"], 0.0, 0.0, id="an-empty-gold-beside-others-is-no-gold"),
    ],
)
def test_the_best_gold_answer_counts(
    prediction: str, golds: list[str], f1: float, match: float
) -> None:
    assert token_f1(prediction, golds) == pytest.approx(f1)
    assert exact_match(prediction, golds) == match


def test_the_published_example_of_the_metric_card_comes_out() -> None:
    # The card of the metric "squad" in the library `evaluate`: F1 and EM are 66.67.
    answered = [
        ("1976", ["1976"]),
        ("Beyonce", ["Beyoncé and Bruno Mars"]),
        ("climate change", ["climate change"]),
    ]
    assert 100 * statistics.fmean(token_f1(*pair) for pair in answered) == pytest.approx(66.6667)
    assert 100 * statistics.fmean(exact_match(*pair) for pair in answered) == pytest.approx(66.6667)
