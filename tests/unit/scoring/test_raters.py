from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring.raters import accord

CLASSES = ("valid", "wrong", "trivial")


def test_kappa_is_agreement_beyond_the_readers_habits() -> None:
    # Cohen (1960) by hand: 0.7 agree, and 0.5 * 0.6 + 0.5 * 0.4 = 0.5 would by chance.
    first = ["valid"] * 5 + ["wrong"] * 5
    second = ["valid"] * 4 + ["wrong"] + ["valid"] * 2 + ["wrong"] * 3
    found = accord(first, second, CLASSES)
    assert (found.n, found.raw) == (10, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high <= 1


@pytest.mark.parametrize(
    ("verdicts", "raw"),
    [pytest.param(["valid"] * 4, 1.0, id="one-verdict-throughout"), pytest.param([], 0.0, id="n0")],
)
def test_without_a_second_verdict_there_is_no_kappa(verdicts: list[str], raw: float) -> None:
    found = accord(verdicts, verdicts, CLASSES)
    assert (found.raw, found.kappa, found.low, found.high) == (raw, None, None, None)


PAIRS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=2)


@given(PAIRS)
def test_who_is_first_does_not_matter(pairs: list[tuple[str, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    one, other = accord(first, second, CLASSES), accord(second, first, CLASSES)
    assert one.raw == other.raw
    assert (one.kappa is None) == (other.kappa is None)
    if one.kappa is not None:
        assert one.kappa == pytest.approx(other.kappa)
        assert one.kappa <= 1


def test_two_who_always_agree_have_a_kappa_of_one() -> None:
    verdicts = ["valid", "wrong", "valid", "trivial"]
    found = accord(verdicts, verdicts, CLASSES)
    assert found.kappa == pytest.approx(1.0)
    assert found.high == pytest.approx(1.0)
