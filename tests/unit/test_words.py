"""A word is what stands between spaces, or a character where nobody sets any."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from katsuo.words import STANDS_ALONE, WORD, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("The rent's due: 1 May!", ["the", "rent", "s", "due", "1", "may"]),
        ("家賃は5月1日", ["家", "賃", "は", "5", "月", "1", "日"]),
        ("ราคา 7 บาท", ["ร", "า", "ค", "า", "7", "บ", "า", "ท"]),
        ("snake_case Straße", ["snake_case", "strasse"]),
    ],
)
def test_words_are_found_in_any_script(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text())
@example("\u0345")  # an accent, and a letter in lower case
def test_words_hold_no_white_space_and_signs_between_them_do_not_count(text: str) -> None:
    assert all(word and not word.isspace() for word in words(text))
    assert words(" -- ".join(words(text))) == words(text)
    assert all(len(word) == 1 for word in WORD.findall(text) if STANDS_ALONE.search(word))
