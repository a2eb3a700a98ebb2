from __future__ import annotations

import pytest

from katsuo import extracts

PASSAGE = "The Wattle Sledge (built in 1,904) costs €40 — “don't” pay 50%, says Ann."


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param("Wattle Sledge", "Wattle Sledge", id="verbatim"),
        pytest.param("wattle  sledge.", "Wattle Sledge", id="case-spacing-punctuation"),
        pytest.param("“Don't”", "don't", id="typesetting"),
        pytest.param("pay 50%,", "pay 50%,", id="verbatim-with-its-comma"),
        pytest.param("Sled", "", id="half-a-word"),
        pytest.param("the harbour", "", id="not-there"),
        pytest.param("...", "", id="signs-alone"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_an_answer_is_spelled_as_its_passage_has_it(answer: str, found: str) -> None:
    assert extracts.extract(answer, PASSAGE) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("Wattle Sledge (bui", "Wattle Sledge", id="cut-inside-a-word"),
        pytest.param(" costs €40 — ", "costs €40", id="spaces-around"),
        pytest.param("Wattle fence", "Wattle", id="goes-astray"),
        pytest.param("fence", "", id="nothing-of-it"),
    ],
)
def test_the_longest_beginning_that_stands_in_a_passage(text: str, found: str) -> None:
    assert extracts.longest(text, PASSAGE) == found


def test_a_text_falls_into_words_and_signs() -> None:
    said = [
        (PASSAGE[piece.span.start : piece.span.end], piece.begins, piece.ends)
        for piece in extracts.pieces(PASSAGE)
    ]
    assert said[3:8] == [
        ("(", False, False),
        ("built", True, True),
        ("in", True, True),
        ("1,904", True, True),
        (")", False, False),
    ]
    assert ("€", True, False) in said
    assert ("don't", True, True) in said
    assert ("%,", False, False) in said


def test_every_character_of_a_script_without_spaces_is_a_word() -> None:
    found = extracts.pieces("日本 port")
    assert [piece.span.end - piece.span.start for piece in found] == [1, 1, 4]
