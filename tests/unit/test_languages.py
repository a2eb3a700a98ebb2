"""A text has a language where the identifier is sure of one, and none elsewhere."""

from __future__ import annotations

from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import languages

TEXTS = {
    "en": "The tenant pays the rent on the first day of every month.",
    "de": "Der Mieter zahlt die Miete am ersten Tag eines jeden Monats.",
    "fr": "Le locataire paie le loyer le premier jour de chaque mois.",
    "pl": "Najemca płaci czynsz pierwszego dnia każdego miesiąca, a nie później.",
    "ja": "借主は毎月一日に家賃を支払わなければなりません。",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_sentence_tells_its_language(code: str) -> None:
    assert languages.language(TEXTS[code]) == code


@pytest.mark.parametrize("text", ["", "   ", "Amsterdam", "7 8 9 10 11 12", "a b c d"])
def test_what_could_be_of_any_language_has_none(text: str) -> None:
    assert languages.language(text) == ""


def test_a_text_of_no_sure_language_is_still_hardly_in_most() -> None:
    text = "A woman lies on her back doing abs. the woman"
    assert languages.language(text) == ""
    assert {"de", "fr", "ja"} <= languages.hardly(text)
    assert "en" not in languages.hardly(text)


@pytest.mark.parametrize("text", ["", "7 8 9 10 11 12", "ta nu ki"])
def test_where_no_language_is_likely_none_is_ruled_out(text: str) -> None:
    assert languages.hardly(text) == frozenset()


@given(st.text())
def test_no_text_is_hardly_in_its_own_language(text: str) -> None:
    assert languages.language(text) not in languages.hardly(text)


@given(st.text())
def test_any_text_at_all_can_be_asked_about_and_the_answer_stays(text: str) -> None:
    assert languages.language(text) == languages.language(text)


def test_the_version_is_the_one_that_is_installed() -> None:
    assert languages.version() == metadata.version("py3langid")
