from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.store.aside import Aside, ahead

SCHEMA = pa.schema([("n", pa.int64())])


def _table(*numbers: int) -> pa.Table:
    return pa.table({"n": list(numbers)}, schema=SCHEMA)


def test_tables_come_back_in_their_order_and_the_file_goes(tmp_path: Path) -> None:
    path = tmp_path / ".aside.arrow"
    aside, some = Aside(path, SCHEMA), [_table(1, 2), _table(), _table(3)]
    for one in some:
        aside.put(one)
    assert list(aside.taken()) == some
    assert not path.exists()


def test_a_table_in_pieces_comes_back_whole(tmp_path: Path) -> None:
    aside = Aside(tmp_path / ".aside.arrow", SCHEMA)
    aside.put(pa.concat_tables([_table(1), _table(2)]))
    (found,) = aside.taken()
    assert found == _table(1, 2)


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
