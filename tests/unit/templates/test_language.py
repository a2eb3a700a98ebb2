from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import RecipeError
from katsuo.templates import language
from katsuo.types import Flaw


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("the gas expands", "The gas expands.", id="capital-and-stop"),
        pytest.param("It does!", "It does!", id="end-mark-stays"),
        pytest.param(" two\n lines ", "Two lines.", id="one-line"),
    ],
)
def test_a_sentence_has_a_capital_and_an_end(before: str, after: str) -> None:
    assert language.sentence(before) == after


@pytest.mark.parametrize("before", ["is salt soluble", "Is salt soluble ?", "is salt soluble."])
def test_a_question_has_one_question_mark(before: str) -> None:
    assert language.asked(before) == "Is salt soluble?"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("He ca n't go , she said .", "He can't go, she said.", id="marks-and-n't"),
        pytest.param("Ann 's boat ( the red one )", "Ann's boat (the red one)", id="brackets"),
        pytest.param("already, fine.", "already, fine.", id="plain-text-stays"),
    ],
)
def test_untokenised_text_reads_as_written(before: str, after: str) -> None:
    assert language.untokenised(before) == after


@pytest.mark.parametrize(
    ("answer", "stands"),
    [("party", True), ("art", False), ("", False), ("a (small) party", True)],
)
def test_an_answer_is_quoted_in_whole_words(answer: str, stands: object) -> None:
    assert language.quoted_from(answer, "It was a (small) party.") is stands


@pytest.mark.parametrize(
    ("form", "listed"),
    [("A.", "A. tea\nB. ale"), ("A)", "A) tea\nB) ale"), ("(a)", "(a) tea\n(b) ale")],
)
def test_options_are_lettered_in_a_form(form: str, listed: str) -> None:
    assert language.lettered(["tea", "ale"], form) == listed


@given(
    st.lists(st.text(max_size=4), min_size=1, max_size=8, unique=True), st.integers(0, 2**64 - 1)
)
def test_a_shuffle_keeps_the_options_and_is_the_records_own(items: list[str], seed: int) -> None:
    names = {"items": items, language.SEED_NAME: seed}
    once = language.evaluate("items | shuffled", names)
    assert isinstance(once, list)
    assert sorted(once) == sorted(items)
    assert language.evaluate("items | shuffled", names) == once


@pytest.mark.parametrize(
    "text",
    ["{{ ''.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ items.append('x') }}"],
)
def test_the_sandbox_refuses_to_leave_or_change_the_data(text: str) -> None:
    with pytest.raises(RecipeError, match="does what the sandbox forbids"):
        language.fill(text, {"items": ["a"]})


def test_the_sandbox_holds_for_expressions() -> None:
    with pytest.raises(RecipeError, match="does what the sandbox forbids"):
        language.evaluate("''.__class__", {})


@pytest.mark.parametrize(
    "text",
    ["{{ absent }}", "{{ words[9] }}", "{{ words.index('x') }}", "{{ words + 1 }}"],
    ids=["missing-name", "beyond-the-end", "not-in-the-list", "wrong-kind"],
)
def test_what_cannot_be_rendered_is_a_flaw(text: str) -> None:
    assert language.fill(text, {"words": ["a"]}) == Flaw(reason="render-failed")


def test_a_passage_is_never_read_as_a_template() -> None:
    assert language.fill("{{ context }}", {"context": "{{ 1 + 1 }}"}) == "{{ 1 + 1 }}"
