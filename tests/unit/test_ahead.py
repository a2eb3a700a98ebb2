from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.ahead import ahead


@given(numbers=st.lists(st.integers(), max_size=9))
def test_work_ahead_gives_what_map_gives(numbers: list[int]) -> None:
    assert list(ahead(str, numbers)) == list(map(str, numbers))


def test_no_more_is_made_ahead_than_is_held() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    next(ahead(str, numbers()))
    assert len(asked) == 3


def test_what_fails_ahead_fails_where_it_is_used() -> None:
    found = ahead(lambda n: 6 // n, [3, 2, 0])
    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(found)
