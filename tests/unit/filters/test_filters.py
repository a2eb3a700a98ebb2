"""Filters are found by the adjective that a recipe calls them, and set up strictly."""

from __future__ import annotations

from typing import Any

import pytest

from katsuo import filters
from katsuo.errors import RecipeError
from katsuo.filters.grounded import Grounded
from katsuo.filters.unleaked import Unleaked
from katsuo.filters.well_formed import WellFormed


@pytest.mark.parametrize("name", filters.FILTERS)
def test_every_filter_stands_with_its_defaults(name: str) -> None:
    assert filters.build(name, {}) == filters.FILTERS[name]()


def test_settings_reach_the_filter() -> None:
    built = filters.build("grounded", {"max_answer_words": 5, "min_overlap": 1})
    assert built == Grounded(max_answer_words=5, min_overlap=1)
    assert filters.build("unleaked", {"texts": ["Why?"]}) == Unleaked(texts=("Why?",))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        pytest.param(
            "groundd", {}, "curate: there is no filter 'groundd'; did you mean 'grounded'?",
            id="misspelt-filter",
        ),
        pytest.param(
            "zzz", {}, "no filter 'zzz'; known are well_formed, grounded, agreed, needed, likely,",
            id="unknown-filter",
        ),
        pytest.param(
            "grounded", {"max_answer_wrds": 5},
            "curate.grounded.max_answer_wrds: no such setting; did you mean 'max_answer_words'?",
            id="misspelt-setting",
        ),
        pytest.param(
            "unleaked", {"zzz": 5}, "known are against, max_overlap, gram_words", id="recipe-names"
        ),
        pytest.param(
            "grounded", {"max_answer_words": "five"},
            "curate.grounded.max_answer_words is 'five'; it must be a whole number, such as 40",
            id="no-number",
        ),
        pytest.param(
            "grounded", {"max_answer_words": 5.5}, "is 5.5; it must be a whole number", id="part"
        ),
        pytest.param(
            "grounded", {"min_overlap": True}, "is True; it must be a number", id="switch"
        ),
        pytest.param(
            "grounded", {"max_answer_words": 0},
            "curate.grounded.max_answer_words is 0; it must be >= 1", id="out-of-range",
        ),
        pytest.param(
            "unleaked", {"texts": [1]}, "curate.unleaked.texts is [1]; it must be a list of texts",
            id="no-texts",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_set_up_says_what_would_do(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        filters.build(name, settings)
    assert message in str(caught.value)


def test_a_filter_names_the_libraries_that_decide_what_it_finds() -> None:
    assert list(filters.libraries(WellFormed())) == ["py3langid"]
    assert filters.libraries(WellFormed(languages="any")) == {}
    assert filters.libraries(Grounded()) == {}
