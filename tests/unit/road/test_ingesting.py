from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import travel
from katsuo.road.ingesting import shards
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import digest

MOST = 64
"""Passages of a shard."""
Row = dict[str, Any]
Sizes = list[tuple[int, int]]
"""Documents: a number that stands for the text, and how many passages it has."""

SIZES = st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 90)), max_size=40)


def rows_of(documents: Sizes) -> list[Row]:
    return [
        {"document_id": digest(str(place), str(text)), "id": f"{place}.{text}.{part}"}
        for place, (text, n_passages) in enumerate(documents)
        for part in range(n_passages)
    ]


def cut(documents: Sizes) -> list[list[str]]:
    return [[row["id"] for row in shard] for shard in shards(iter(rows_of(documents)), MOST)]


@given(documents=SIZES)
def test_shards_are_all_rows_in_their_order_and_none_is_empty_or_too_large(
    documents: Sizes,
) -> None:
    found = cut(documents)
    assert [name for shard in found for name in shard] == [row["id"] for row in rows_of(documents)]
    assert all(0 < len(shard) <= MOST for shard in found)


@given(documents=SIZES, more=SIZES)
def test_what_comes_later_moves_no_border_before_it(documents: Sizes, more: Sizes) -> None:
    before, after = cut(documents), cut(documents + more)
    assert after[: len(before[:-1])] == before[:-1]


@given(documents=SIZES.filter(bool), place=st.integers(0, 39), size=st.integers(1, 90))
def test_behind_an_edit_borders_are_the_same_from_the_first_common_one_on(
    documents: Sizes, place: int, size: int
) -> None:
    place %= len(documents)
    edited = [*documents[:place], (-1, size), *documents[place + 1 :]]
    before, after = cut(documents), cut(edited)
    starts = [{shard[0]: n for n, shard in enumerate(found)} for found in (before, after)]
    later = {row["id"] for row in rows_of(edited)[sum(n for _, n in edited[: place + 1]) :]}
    # A border inside a document is no common one yet: the next may fall elsewhere.
    common = [name for name in starts[0] if name in starts[1] and name in later]
    if whole := [name for name in common if name.endswith(".0")]:
        assert before[starts[0][whole[0]] :] == after[starts[1][whole[0]] :]


def test_an_edited_document_moves_neighbouring_borders_only() -> None:
    documents = [(number, 1 + number % 5) for number in range(600)]
    before = {tuple(shard) for shard in cut(documents)}
    moved = []
    for place in range(0, 600, 30):
        edited = [*documents[:place], (-1, 3), *documents[place + 1 :]]
        moved.append(sum(tuple(shard) not in before for shard in cut(edited)))
    assert len(before) > 40
    assert sum(moved) / len(moved) < 4
    assert max(moved) < 12


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Callable[..., Run]:
    """Ingest with the fake recipe; the run."""

    def gone(*changes: str) -> Run:
        run = Run.at(tmp_path / "runs" / "one")
        travel(recipes.load(fake_recipe, changes), run, until="ingest", listen=lambda _: None)
        return run

    return gone


def dropped(run: Run) -> list[str]:
    parts = run.stage("ingest").dropped_parts()
    return [row["reason"] for part in parts for row in tables.read(part)]


def test_a_repeated_passage_stays_once(go: Callable[..., Run], corpus: Path) -> None:
    n_before = go().stage("ingest").manifest["counts"]["passed"]
    text = (corpus / "order-00.md").read_text("utf-8")
    (corpus / "twin.md").write_text(text.replace(" ", "  ").upper(), "utf-8")
    run = go()
    counts = run.stage("ingest").manifest["counts"]
    assert counts["passed"] == n_before
    assert set(dropped(run)) == {"passage-repeated"}
    assert counts["dropped"] == {"passage-repeated": len(dropped(run))}


def test_what_is_over_the_limit_is_in_the_ledger(go: Callable[..., Run]) -> None:
    everything = go().stage("ingest").manifest["counts"]["passed"]
    run = go("limit=5")
    counts = run.stage("ingest").manifest["counts"]
    assert (counts["passed"], counts["arrived"]) == (5, everything)
    assert dropped(run) == ["over-limit"] * (everything - 5)


def test_a_file_that_cannot_be_read_is_in_the_ledger_and_stops_nothing(
    go: Callable[..., Run], corpus: Path
) -> None:
    (corpus / "aaa.pdf").write_bytes(b"no pdf")
    run = go()
    assert len(dropped(run)) == 1
    assert run.stage("ingest").manifest["n_documents"] == 12


def test_a_corpus_of_nothing_gives_no_shard(go: Callable[..., Run], corpus: Path) -> None:
    for path in corpus.iterdir():
        path.write_text("Short.", "utf-8")
    run = go()
    assert run.stage("ingest").parts() == []
    assert dropped(run) == ["passage-too-short"] * 12
    assert run.stage("ingest").manifest["counts"]["passed"] == 0


def test_an_edited_file_is_read_again_and_the_others_are_not(
    go: Callable[..., Run], corpus: Path
) -> None:
    cells = go().home / "1-contexts"
    before = {path.name: path.stat().st_mtime_ns for path in cells.iterdir()}
    path = corpus / "order-03.md"
    path.write_text(path.read_text("utf-8").replace("Rule", "Order"), "utf-8")
    go()
    after = {path.name: path.stat().st_mtime_ns for path in cells.iterdir()}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


def test_a_name_that_is_no_text_travels_as_text(fake_recipe: Path, corpus: Path) -> None:
    text = (corpus / "order-03.md").read_bytes()
    name = os.fsdecode(b"r\xe9gle.md")
    try:
        (corpus / name).write_bytes(text.replace(b"Rule", b"Order"))
        (corpus / name).with_suffix(".pdf").write_bytes(b"no pdf")
    except OSError:
        pytest.skip("this file system takes no names that are not UTF-8")
    run, notes = Run.at(corpus.parent / "runs" / "one"), list[str]()
    travel(recipes.load(fake_recipe), run, until="ingest", listen=lambda e: notes.append(e.note))
    stage = run.stage("ingest")
    shown = f"{corpus.name}/r\\xe9gle.md"
    assert shown in {row["source"] for part in stage.parts() for row in tables.read(part)}
    assert {shown, shown.replace(".md", ".pdf")} <= stage.manifest["inputs"].keys() & {*notes}


def test_what_is_no_file_is_in_the_ledger_and_stops_nothing(
    go: Callable[..., Run], corpus: Path
) -> None:
    os.mkfifo(corpus / "pipe.md")
    (corpus / "link.md").symlink_to("gone.md")
    run = go()
    assert run.stage("ingest").manifest["counts"]["dropped"] == {"file-missing": 1, "not-a-file": 1}
    assert run.stage("ingest").manifest["n_documents"] == 12


def test_a_dataset_is_read_again_when_a_file_in_it_moved(
    go: Callable[..., Run], corpus: Path
) -> None:
    import datasets

    rows = datasets.Dataset.from_dict({"text": [(corpus / "order-00.md").read_text("utf-8")]})
    datasets.DatasetDict({"train": rows}).save_to_disk(str(corpus / "saved"))
    change = f"ingest={{paths: ['{corpus / 'saved'}'], text_column: text, min_words: 4}}"
    assert go(change).stage("ingest").manifest["n_documents"] == 1
    (corpus / "saved" / "train").rename(corpus / "saved" / "other")
    assert go(change).stage("ingest").manifest["n_documents"] == 0


def test_without_paths_there_is_nothing_to_do(go: Callable[..., Run]) -> None:
    with pytest.raises(RecipeError, match=r"ingest\.paths is empty"):
        go("ingest.paths=[]")
