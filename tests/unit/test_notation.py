"""YAML says plain values, or in one line why not; it grows no larger than it looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import notation
from katsuo.errors import RecipeError

LINES = st.lists(
    st.sampled_from(
        ["a: &a [x, *a]", "b: *a", "- &a {c: *a}", "? [a]", "<<: *a", "x: 2001-99-99", "'", "\t"]
    )
)


def test_plain_yaml_says_what_it_says() -> None:
    assert notation.values("a: [1, two, null]\nb: {c: .5}\n", "f") == {
        "a": [1, "two", None],
        "b": {"c": 0.5},
    }
    assert notation.values("", "f") is None


def test_an_alias_of_something_small_is_written_out() -> None:
    assert notation.values("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n", "f")["b"] == {
        "x": 1,
        "y": 2,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "a: &a [x, x]\n" + "".join(f"{c}: &{c} [{f'*{b}, ' * 9}]\n" for b, c in zip(
                "abcdefgh", "bcdefghi", strict=True)),
            "more than 100,000 values", id="aliases"),
        pytest.param("a: &a [*a]", "holds itself at line 1", id="circle"),
        pytest.param("[" * 60 + "]" * 60, "more than 50 lists", id="deep"),
        pytest.param("[" * 100_000, "more than 50 lists", id="very-deep"),
        pytest.param("- x\n" * 100_001, "more than 100,000 values", id="long"),
        pytest.param("x" * (notation.MOST_CHARS + 1), "the most is", id="huge"),
        pytest.param("a: 1\na: 2", "'a' stands twice, again at line 2", id="twice"),
        pytest.param("a: 2001-99-99", "none in YAML", id="no-date"),
        pytest.param("a: \udcff", "is not YAML", id="no-text"),
        pytest.param("!!python/object/apply:os.system ['touch ran']", "is not YAML", id="code"),
        pytest.param("? {a: 1}\n: b", "is not YAML", id="key-of-keys"),
    ],
)  # fmt: skip
def test_what_harms_is_one_line(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        notation.values(text, "f.yaml")


@given(LINES)
def test_whatever_stands_there_is_values_or_one_line(lines: list[str]) -> None:
    try:
        notation.values("\n".join(lines), "f")
    except RecipeError as error:
        assert str(error).startswith("f: ")  # noqa: PT017
