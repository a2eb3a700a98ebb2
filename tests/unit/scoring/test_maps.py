from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from katsuo.scoring.maps import DRAWN, STRETCHES, Document, Stretch, grouped, summary

stretches = st.builds(
    lambda n, k, t: Stretch(n_sentences=n, n_covered=min(n, k), n_tasks=t),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
)


def document(number: int, n_sentences: int, n_covered: int) -> Document:
    part = Stretch(n_sentences=n_sentences, n_covered=n_covered, n_tasks=n_covered)
    return Document(name=f"{number:04d}.md", stretches=(part,))


@given(st.lists(stretches, max_size=400))
def test_neighbours_are_joined_and_nothing_is_lost(parts: list[Stretch]) -> None:
    found = grouped(parts)
    assert len(found) <= STRETCHES
    assert Stretch.joined(found) == Stretch.joined(parts)


def test_of_a_thousand_documents_the_largest_and_the_least_covered_are_drawn() -> None:
    documents = [document(n, 1000 - n, 0 if n > 990 else 5) for n in range(1000)]
    found = summary(documents)
    names = [row["name"] for row in found["map"]]
    assert names[:DRAWN] == [f"{n:04d}.md" for n in range(DRAWN)]
    assert names[DRAWN:] == [f"{n:04d}.md" for n in range(991, 991 + DRAWN)]
    assert (found["n_documents"], len(found["documents"])) == (1000, 1000)


def test_one_document_is_drawn_once() -> None:
    found = summary([document(1, 4, 3)])
    (row,) = found["map"]
    assert row["passages"] == [[4, 3, 3]]
    assert (found["sentences"], found["covered"]) == (4, 3)


def test_nothing_is_a_map_too() -> None:
    assert summary([])["map"] == []
