from __future__ import annotations

from xml.etree import ElementTree

from katsuo.page.coverage import depth, legend, mapped, phrased

ROW = {
    "name": "a <b>.md",
    "n_passages": 3,
    "sentences": 10,
    "covered": 4,
    "tasks": 5,
    "passages": [[5, 4, 5], [5, 0, 0], [0, 0, 0]],
}


def test_a_document_is_drawn_as_blocks_and_told_in_words() -> None:
    (found,) = mapped({"map": [ROW]})
    drawing = ElementTree.fromstring(str(found.drawing))
    title, *blocks = list(drawing)
    assert title.text is not None
    assert title.text.startswith("a <b>.md: tasks cover 4 of 10 sentences in 3 passages")
    assert [block.get("width") for block in blocks] == ["50.000%", "50.000%"]
    assert [block[0].get("class") for block in blocks] == ["depth-3", "depth-0"]
    assert found.share.startswith("40.0")


def test_a_report_without_coverage_draws_nothing() -> None:
    assert mapped(None) == []
    assert phrased({}) == []


def test_the_legend_names_every_depth() -> None:
    assert legend() == [(0, "none"), (1, "1"), (2, "2 to 3"), (3, "4 to 7"), (4, "8 or more")]
    assert [depth(n) for n in (0, 1, 3, 7, 100)] == [0, 1, 2, 3, 4]


def test_what_was_not_measured_is_left_open() -> None:
    found = {
        "n": 1200,
        "commonest_fraction": 0.5,
        "openings": [["who lit the", 0.25]],
        "distinct": [0.5, None, 1.0],
        "self_bleu": None,
    }
    (row,) = phrased({"qa": found})
    assert (row.n, row.self_bleu, row.distinct[1]) == ("1,200", "", "")
    assert row.example.startswith("“who lit the …” 25")
