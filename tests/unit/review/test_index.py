"""The index says what the Parquet files say, and is made once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from katsuo.review import index
from katsuo.review.listing import Wanted, neighbours, page, row
from katsuo.store import tables
from katsuo.store.runs import Run


def test_every_draft_has_one_row_in_the_order_of_the_road(run: Run) -> None:
    drafts = list(tables.tasks(run.stage("generate").parts()))
    n_unread = sum(len(list(tables.read(path))) for path in run.stage("generate").dropped_parts())
    with index.opened(index.built(run), run.folder / "none") as database:
        rows = list(database.execute("SELECT id, fate FROM rows ORDER BY place"))
    assert [found["id"] for found in rows[: len(drafts)]] == [task.id for task in drafts]
    assert [found["fate"] for found in rows[len(drafts) :]] == ["no task"] * n_unread


def test_an_index_is_made_once(run: Run) -> None:
    path = index.built(run)
    before = path.stat().st_ino
    assert index.built(run).stat().st_ino == before


def test_an_index_of_another_stage_or_a_broken_one_is_made_anew(run: Run) -> None:
    path = index.built(run)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE facts SET value = 'other' WHERE name = 'key'")
        database.commit()
    before = path.stat().st_ino
    assert index.built(run).stat().st_ino != before
    path.write_bytes(b"no database, but long enough to be taken for one" * 30)
    with index.opened(index.built(run), run.folder / "none") as database:
        assert page(database, Wanted(), 1).total > 0


def test_those_who_ask_at_once_get_one_whole_index(run: Run) -> None:
    path = index.built(run)
    n_rows = _n_rows(path)
    for _ in range(5):
        path.unlink()
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: _n_rows(index.built(run)), range(4)))
        assert found == [n_rows] * 4


def _n_rows(path: Path) -> int:
    with index.opened(path, path.with_name("none")) as database:
        return page(database, Wanted(), 1).total


def test_neighbours_lead_through_a_whole_list(run: Run) -> None:
    wanted = Wanted(fate="dropped")
    with index.opened(index.built(run), run.folder / "none") as database:
        rows = page(database, wanted, 1).rows
        at, seen = rows[0]["id"], [rows[0]["id"]]
        while True:
            found = row(database, at)
            assert found is not None
            around = neighbours(database, wanted, found["place"])
            assert around.number == len(seen)
            if around.behind is None:
                break
            at = around.behind
            seen.append(at)
    assert seen == [found["id"] for found in rows]
    assert around.total == len(seen)


def test_a_page_behind_the_last_one_is_the_last_one(run: Run) -> None:
    with index.opened(index.built(run), run.folder / "none") as database:
        last = page(database, Wanted(), 10**6)
    assert last.number == last.n_pages
    assert last.rows
