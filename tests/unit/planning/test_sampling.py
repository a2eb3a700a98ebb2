"""A sample of the documents: what it tells of all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import recipe as recipes
from katsuo.planning import sampling
from katsuo.planning.sampling import MOST_FILES, Sample, drawn, sample
from katsuo.sections import Recipe
from katsuo.types import Context


def of(paths: str, **more: object) -> Recipe:
    ingest = {"paths": [paths], "max_tokens": 40, "min_words": 4, **more}
    return recipes.of({"ingest": ingest, "adapt": {"base": "fake"}}, "test")


def test_documents_that_are_all_read_are_counted_exactly(corpus: Path) -> None:
    found = sample(of(str(corpus)))
    assert found.is_whole
    assert found.n_files == found.n_read == found.n_documents == 12
    assert found.n_passages == len(found.passages) == 36


def test_files_that_are_not_read_are_weighed(tmp_path: Path) -> None:
    for number in range(4 * MOST_FILES):
        text = f"Rule {number:03d} of the harbour says that boats wait here for the pilot.\n"
        (tmp_path / f"rule-{number:03d}.md").write_text(text, "utf-8")
    found = sample(of(str(tmp_path)))
    assert found.n_read == MOST_FILES
    assert not found.is_whole
    assert found.n_passages == found.n_documents == 4 * MOST_FILES


def test_rows_that_are_not_read_are_counted(tmp_path: Path) -> None:
    n_rows = sampling.MOST_ROWS + 500
    rows = (
        json.dumps({"text": f"Notice {number:05d}: boats wait at the outer buoy for the pilot."})
        for number in range(n_rows)
    )
    (tmp_path / "notices.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    found = sample(of(str(tmp_path), text_column="text"))
    assert len(found.passages) == sampling.MOST_ROWS
    assert found.n_passages == n_rows


def test_forgotten_documents_are_not_sampled(corpus: Path) -> None:
    gone = sample(of(str(corpus))).passages[0].document_id
    again = sample(of(str(corpus)), frozenset({gone}))
    assert gone not in {one.document_id for one in again.passages}


def test_the_limit_of_the_recipe_holds(corpus: Path) -> None:
    recipe = recipes.changed(of(str(corpus)), {"limit": 5}, "test")
    assert sample(recipe).n_passages == 5


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), number=st.integers(1, 40))
def test_passages_are_drawn_from_as_many_documents_as_there_are(
    sizes: list[int], number: int
) -> None:
    passages = tuple(
        Context(id=f"{name}-{place}", document_id=str(name), text="a", start=0, end=1)
        for name, size in enumerate(sizes)
        for place in range(size)
    )
    found = Sample(
        passages=passages, sources={}, n_passages=1, n_cut=1, n_documents=1, n_files=1, n_read=1,
        seconds=1.0,
    )  # fmt: skip
    chosen = drawn(found, number, seed=3)
    assert len({one.id for one in chosen}) == len(chosen) == min(number, len(passages))
    assert len({one.document_id for one in chosen}) == min(number, len(sizes))
    assert chosen == drawn(found, number, seed=3)


def test_an_unknown_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not exist"):
        sample(of(str(tmp_path / "none")))
