from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring.coverage import GAP_SENTENCES, covered, gaps, placed, sentences
from katsuo.types import Span

TEXT = (
    "Of the quay\n\nThe quay opens at dawn each day. Boats of ten metres pay twice. "
    "Nobody may fish from the wall. The master keeps the keys there. "
    "A bell is rung at noon sharp. Gulls are not to be fed."
)


def span(words: str) -> Span:
    at = TEXT.index(words)
    return Span(start=at, end=at + len(words))


def said(found: Span) -> str:
    return TEXT[found.start : found.end]


def test_a_heading_is_no_sentence() -> None:
    assert [said(one) for one in sentences(TEXT)][:2] == [
        "The quay opens at dawn each day.",
        "Boats of ten metres pay twice.",
    ]
    assert len(sentences(TEXT)) == 6


def test_a_sentence_is_covered_when_evidence_touches_it() -> None:
    found = covered(TEXT, [span("ten metres"), span("twice. Nobody")])
    assert found == [False, True, True, False, False, False]


def test_the_longest_stretch_that_is_left_comes_first() -> None:
    left = gaps(TEXT, [span("ten metres")])
    assert [TEXT[gap.start : gap.end].split(".")[0] for gap in left] == [
        "Nobody may fish from the wall",
        "The quay opens at dawn each day",
    ]


def test_a_gap_is_shown_with_its_neighbours() -> None:
    (_, gap) = gaps(TEXT, [span("ten metres")])
    assert said(gap.window) == "The quay opens at dawn each day. Boats of ten metres pay twice."


def test_a_short_passage_of_which_nothing_is_covered_is_left_as_a_whole() -> None:
    text = "Of the quay\n\nThe quay opens at dawn each day. Boats pay twice on Sundays."
    (gap,) = gaps(text, [])
    assert gap.window == Span(start=0, end=len(text))


def test_where_all_is_covered_nothing_is_left() -> None:
    assert gaps(TEXT, [Span(start=0, end=len(TEXT))]) == []
    assert gaps("", []) == []


pieces = st.sampled_from(
    ["The boat has a blue flag. ", "Go! ", "\n\n", "It pays the fee at once. "]
)
texts = st.lists(pieces, max_size=14).map("".join)


@given(texts, st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=4))
def test_gaps_are_the_sentences_that_are_not_covered(
    text: str, drawn: list[tuple[int, int]]
) -> None:
    evidence = [Span(start=start, end=start + length) for start, length in drawn]
    left = gaps(text, evidence)
    for one, is_covered in zip(sentences(text), covered(text, evidence), strict=True):
        holding = [gap for gap in left if gap.start <= one.start and one.end <= gap.end]
        assert len(holding) == (0 if is_covered else 1)
    for gap in left:
        assert 0 <= gap.window.start <= gap.start < gap.end <= gap.window.end <= len(text)
        inside = [one for one in sentences(text) if gap.start <= one.start < gap.end]
        assert 1 <= len(inside) <= GAP_SENTENCES


def test_evidence_of_a_part_is_found_in_the_whole() -> None:
    part = "Boats of ten metres pay twice."
    (found,) = placed(TEXT, part, [Span(start=9, end=19)])
    assert said(found) == "ten metres"


def test_evidence_of_a_part_with_surrogates_is_found_in_the_whole() -> None:
    part = "Boats of ten fathom pay twice. Nobody may fish from the pier."
    (found,) = placed(TEXT, part, [Span(start=20, end=29)])
    assert said(found) == "pay twice"


def test_evidence_of_a_whole_with_surrogates_stays_where_it_is() -> None:
    (found,) = placed(TEXT, TEXT.replace("quay", "pier"), [span("fish from")])
    assert said(found) == "fish from"
