from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import DataError
from katsuo.scoring.checks import CHECKS, checked, has_passed

WHERE = "mine.jsonl: row 3"

EXAMPLES = [
    ("equals", "RIVER", "RIVER.", "river"),
    ("one_of", ["cold", "cool"], "Cool", "cold water"),
    ("contains", ["apple", "chair"], "Apples on a chair", "an apple"),
    ("lacks", ["e"], "a dog", "THE dog"),
    ("starts_with", "Dear Anna", "dear Anna, hello", "Hello, dear Anna"),
    ("ends_with", "home", "We went Home.", "home we went"),
    ("n_words", {"min": 2, "max": 3}, "two words -", "one"),
    ("n_lines", {"min": 2, "max": 2}, "one\n\n two \n", "one\ntwo\nthree"),
    ("n_sentences", {"max": 2}, 'It is 3.5 m. "Why?" ', "One. Two! Three"),
    ("lowercase", True, "a 1!", "A 1!"),
    ("uppercase", True, "A 1!", "a 1!"),
    ("is_number", True, " -1,200.50. ", "1e5"),
    ("json_keys", ["a", "b"], '```json\n{"b": 1, "a": {"c": 2}}\n```', '{"a": 1, "b": 2, "c": 3}'),
]


@pytest.mark.parametrize(("name", "wanted", "good", "bad"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_every_check_tells_a_good_answer_from_a_bad_one(
    name: str, wanted: object, good: str, bad: str
) -> None:
    check = checked({name: wanted}, WHERE)
    assert has_passed(good, check)
    assert has_passed(f"\n {good} \t", check)
    assert not has_passed(bad, check)


def test_every_check_has_an_example() -> None:
    assert [name for name, *_ in EXAMPLES] == list(CHECKS)


@pytest.mark.parametrize(
    ("check", "answer", "passed"),
    [
        pytest.param({"equals": "It is so."}, "It is so", True, id="full-stop-is-no-difference"),
        pytest.param({"equals": "so"}, "so!", False, id="another-mark-is-one"),
        pytest.param({"n_words": {"max": 3}}, "...", True, id="dots-are-no-word"),
        pytest.param({"n_words": {"min": 1}}, "...", False, id="nor-enough-for-one"),
        pytest.param({"n_sentences": {"min": 1, "max": 1}}, "No end here", True, id="no-stop"),
        pytest.param({"lowercase": True}, "12", False, id="digits-have-no-case"),
        pytest.param({"uppercase": True}, "12", False, id="neither-case"),
        pytest.param({"is_number": True}, "1,20", False, id="a-comma-parts-thousands"),
        pytest.param({"is_number": True}, "nan", False, id="no-word-is-a-number"),
        pytest.param({"is_number": True}, "12 apples", False, id="nothing-beside-the-number"),
        pytest.param({"json_keys": ["a"]}, "[1]", False, id="a-list-has-no-keys"),
        pytest.param({"json_keys": ["a"]}, "[" * 100_000, False, id="too-deep"),
        pytest.param({"json_keys": ["a"]}, 'Here: {"a": 1}', False, id="words-beside-the-object"),
        pytest.param({"contains": ["a"], "lacks": ["b"]}, "a b", False, id="all-must-hold"),
        pytest.param({"contains": ["a"], "lacks": ["b"]}, "a c", True, id="and-they-may"),
    ],
)
def test_an_answer_is_held_to_the_whole_check(
    check: dict[str, object], answer: str, passed: bool
) -> None:
    assert has_passed(answer, checked(check, WHERE)) is passed


@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_empty_answer_passes_nothing(answer: str) -> None:
    assert not has_passed(answer, checked({"lacks": ["e"], "n_words": {"max": 3}}, WHERE))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(
            {"regex": ".*"},
            r"^mine.jsonl: row 3: check 'regex' is unknown; known are equals, one_of, .*json_keys$",
            id="unknown",
        ),
        pytest.param("RIVER", "check is 'RIVER'; write a mapping, known are equals", id="text"),
        pytest.param({}, "check is empty; write at least one", id="empty"),
        pytest.param({"equals": None}, "check is empty", id="only-absent-ones"),
        pytest.param({"equals": " "}, "check equals is ' '; it must be a text", id="blank"),
        pytest.param({"contains": "a"}, "contains is 'a'; it must be a list of texts", id="list"),
        pytest.param({"lacks": []}, r"lacks is '\[\]'; it must be a list", id="empty-list"),
        pytest.param({"n_words": 5}, "n_words is '5'; it must be {'min': n, 'max': n}", id="int"),
        pytest.param({"n_words": {}}, "n_words is '{}'", id="empty-range"),
        pytest.param({"n_words": {"most": 5}}, "n_words is", id="another-bound"),
        pytest.param({"n_lines": {"max": True}}, "n_lines is", id="truth-is-no-count"),
        pytest.param({"n_lines": {"max": -1}}, "n_lines is", id="negative"),
        pytest.param({"lowercase": False}, "lowercase is 'False'; it must be true", id="false"),
    ],
)
def test_what_is_no_check_is_refused_with_place_and_mend(raw: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked(raw, WHERE)


def test_columns_that_a_table_left_empty_are_absent() -> None:
    raw = {"equals": None, "n_words": {"min": None, "max": 3}}
    assert json.loads(checked(raw, WHERE)) == {"n_words": {"max": 3}}


@given(st.text())
def test_what_begins_a_text_is_contained_in_it_and_not_lacked(answer: str) -> None:
    start = answer.strip()[:3].strip()
    if start:
        assert has_passed(answer, checked({"starts_with": start, "contains": [start]}, WHERE))
        assert not has_passed(answer, checked({"lacks": [start]}, WHERE))


@given(st.text(), st.sampled_from(sorted(CHECKS)))
def test_no_answer_breaks_a_check(answer: str, name: str) -> None:
    wanted = {example[0]: example[1] for example in EXAMPLES}[name]
    assert has_passed(answer, checked({name: wanted}, WHERE)) in (True, False)
