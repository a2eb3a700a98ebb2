from __future__ import annotations

import pytest

from katsuo.scoring.phrasing import FEWEST, SAMPLE, Gathered, Phrasing, self_bleu


def phrasing(texts: list[str], seed: int = 0) -> Phrasing | None:
    gathered = Gathered.of(seed, "qa")
    for text in texts:
        gathered.add(text)
    return gathered.phrasing()


def test_one_wording_is_told_by_its_openings_and_its_words() -> None:
    found = phrasing(["Who lit the lamp?"] * 20)
    assert found is not None
    assert found.openings == (("who lit the", 1.0),)
    assert found.commonest_fraction == 1
    assert found.distinct == (4 / 80, 3 / 60, 2 / 40)


def test_many_wordings_share_little() -> None:
    found = phrasing([f"word{n} begins text{n} here{n}" for n in range(40)])
    assert found is not None
    assert found.commonest_fraction == pytest.approx(10 / 40)
    assert found.distinct[2] == 1


def test_a_sample_is_bounded_and_the_same_again() -> None:
    texts = [f"Which word stands at place {n}?" for n in range(2 * SAMPLE)]
    drawn = []
    for _ in range(2):
        gathered = Gathered.of(4, "qa")
        for text in texts:
            gathered.add(text)
        drawn.append(gathered.sample)
    assert (len(drawn[0]), len(set(drawn[0]))) == (SAMPLE, SAMPLE)
    assert drawn[0] == drawn[1]


def test_a_few_instructions_say_nothing_about_a_set() -> None:
    assert phrasing(["Who lit it?"] * (FEWEST - 1)) is None


def test_texts_that_say_the_same_are_made_of_one_another() -> None:
    pytest.importorskip("sacrebleu")
    same = self_bleu(["the lamp is lit at dawn"] * 3)
    other = self_bleu(["the lamp is lit at dawn", "nobody fishes from walls", "gulls eat bread"])
    assert same == pytest.approx(100)
    assert other is not None
    assert other < 1
    assert self_bleu(["alone"]) is None
