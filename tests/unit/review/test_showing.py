"""Texts are shown so that they neither act nor mislead."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.review.showing import MOST_CHARS, asking, marked, plain, signs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a<b & c", "a&lt;b &amp; c", id="markup"),
        pytest.param("\u202e", '<span class="sign">RLO</span>', id="override"),
        pytest.param("\x07", '<span class="sign">U+0007</span>', id="control"),
        pytest.param("a\tb\nc", "a\tb\nc", id="white-space-stays"),
        pytest.param("\ud800", "\N{REPLACEMENT CHARACTER}", id="lone-surrogate"),
        pytest.param("\u05d0\u05d1", "\u05d0\u05d1", id="hebrew-stays"),
    ],
)
def test_a_text_is_escaped_and_its_unseen_signs_named(text: str, shown: str) -> None:
    assert signs(text) == shown


@given(st.text(alphabet="ab<>&\"'é"), st.tuples(st.integers(-3, 9), st.integers(-3, 9)))
def test_a_marked_text_is_the_text(text: str, span: tuple[int, int]) -> None:
    found = marked(text, [span])
    assert html.unescape(re.sub("</?mark>", "", str(found.markup))) == text


def test_evidence_behind_the_cut_is_no_error() -> None:
    found = marked("x" * (MOST_CHARS + 5), [(MOST_CHARS + 1, MOST_CHARS + 3)])
    assert found.n_hidden == 5
    assert "<mark>" not in found.markup


def test_an_instruction_shows_a_slot_for_its_passage() -> None:
    assert str(asking("Read: The quay. Why?", "The quay.").markup).startswith(
        'Read: <span class="slot">the passage</span>'
    )


def test_a_short_text_hides_nothing() -> None:
    assert plain("short").n_hidden == 0
