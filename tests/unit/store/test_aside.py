from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from katsuo.store.aside import Aside

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
