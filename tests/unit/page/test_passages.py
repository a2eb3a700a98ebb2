"""Tests of marking: no character is lost, none is added, none is marked that is no evidence."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.page.passages import EXCERPT_CHARS, Piece, excerpt, pieces, slotted, writable

SPANS = st.lists(st.tuples(st.integers(-5, 45), st.integers(-5, 45)), max_size=6)


def shown(cut: tuple[Piece, ...]) -> str:
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in cut)


@pytest.mark.parametrize(
    ("spans", "marked"),
    [
        pytest.param([], "abcdefghij", id="none"),
        pytest.param([(2, 5)], "ab[cde]fghij", id="one"),
        pytest.param([(0, 10)], "[abcdefghij]", id="all"),
        pytest.param([(2, 5), (4, 7)], "ab[cdefg]hij", id="overlapping"),
        pytest.param([(2, 5), (5, 7)], "ab[cdefg]hij", id="adjacent"),
        pytest.param([(2, 8), (3, 4)], "ab[cdefgh]ij", id="one-in-another"),
        pytest.param([(6, 8), (1, 2)], "a[b]cdef[gh]ij", id="out-of-order"),
        pytest.param([(8, 99), (-4, 1)], "[a]bcdefgh[ij]", id="beyond-the-ends"),
        pytest.param([(4, 4), (7, 3)], "abcdefghij", id="empty-and-backwards"),
    ],
)
def test_evidence_is_marked_where_it_stands(spans: list[tuple[int, int]], marked: str) -> None:
    assert shown(pieces("abcdefghij", spans)) == marked


@given(st.text(max_size=40), SPANS)
def test_pieces_are_the_text_and_marks_are_the_spans(
    text: str, spans: list[tuple[int, int]]
) -> None:
    cut = pieces(text, spans)
    assert "".join(piece.text for piece in cut) == text
    marked = [piece.marked for piece in cut for _ in piece.text]
    assert marked == [any(start <= i < end for start, end in spans) for i in range(len(text))]
    assert all(piece.text for piece in cut)
    assert all(one.marked != other.marked for one, other in pairwise(cut))


@given(st.integers(0, 3000), st.integers(0, 2990), st.booleans())
def test_an_excerpt_shows_the_first_evidence(length: int, at: int, spaced: bool) -> None:
    text = ("word " * 600 if spaced else "x" * 3000)[:length]
    start, end = excerpt(text, [(at, at + 10)])
    assert 0 <= start <= end <= len(text)
    assert end - start <= EXCERPT_CHARS
    assert start <= at or at >= length
    assert at + 10 <= end or at + 10 > length


@pytest.mark.parametrize(
    ("instruction", "cut"),
    [
        pytest.param("The fee is $40. What is due?", "[The fee is $40.] What is due?", id="first"),
        pytest.param("What is due? The fee is $40.", "What is due? [The fee is $40.]", id="last"),
        pytest.param("What is due?", "What is due?", id="absent"),
    ],
)
def test_the_repeated_passage_becomes_a_slot(instruction: str, cut: str) -> None:
    assert shown(slotted(instruction, "  The fee is $40.\n")) == cut


def test_an_empty_passage_is_no_slot() -> None:
    assert shown(slotted("What is due?", " ")) == "What is due?"


@given(st.text(st.characters(exclude_categories=())))
def test_writable_text_is_utf_8_of_the_same_length(text: str) -> None:
    assert len(writable(text).encode("utf-8").decode("utf-8")) == len(text)
