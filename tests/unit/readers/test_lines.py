"""Lines with their places become headings and paragraphs."""

from __future__ import annotations

import pytest

from katsuo.readers.lines import (
    Line,
    heading_marks,
    markdown,
    mended,
    without_running_lines,
    words_of,
)


def line(
    text: str,
    baseline: float,
    *,
    right: float = 500,
    size: float = 11,
    weight: int = 400,
) -> Line:
    return Line(
        text=text,
        left=70,
        right=right,
        baseline=baseline,
        size=size,
        weight=weight,
        first_word_width=30,
    )


def text_of(*lines: Line) -> str:
    return markdown(lines, heading_marks(lines))


FULL = (line("A line that fills", 700), line("the page to its margin", 686))


@pytest.mark.parametrize(
    ("following", "text"),
    [
        pytest.param(line("and goes on.", 672), " and goes on.", id="the-next-word-had-no-room"),
        pytest.param(line("Afar.", 640), "\n\nAfar.", id="a-wider-gap"),
        pytest.param(line("• Item", 672), "\n• Item", id="a-list-mark"),
        pytest.param(line("(b) Item", 672), "\n(b) Item", id="a-lettered-item"),
        pytest.param(line("Fees", 672, size=16), "\n\n# Fees", id="larger-letters"),
        pytest.param(line("Fees", 672, weight=700), "\n\n# Fees", id="bold-letters"),
        pytest.param(
            line("bold speech, not", 672, weight=700), "\n\n# bold speech, not", id="any-bold-line"
        ),
        pytest.param(
            line("Ends here.", 672, weight=700), "\n\nEnds here.", id="bold-sentence-is-no-heading"
        ),
    ],
)
def test_a_line_goes_on_unless_the_page_shows_otherwise(following: Line, text: str) -> None:
    assert text_of(*FULL, following) == f"A line that fills the page to its margin{text}"


def test_a_line_with_room_for_the_next_word_ends_there() -> None:
    address = (line("Robin Carr", 700, right=150), line("Quay Street", 686, right=160))
    assert text_of(*FULL, *address[:1]).endswith("margin Robin Carr")
    assert markdown([*address, line("a line that is long", 672)], {}).startswith(
        "Robin Carr\nQuay Street\n"
    )


def test_a_heading_of_two_lines_is_one_heading() -> None:
    title = (line("Rules of the", 760, size=24), line("Harbour", 732, size=24))
    assert text_of(*title, *FULL).startswith("# Rules of the Harbour\n\nA line")


def test_larger_headings_stand_higher() -> None:
    made = text_of(line("Title", 800, size=24), line("Part", 760, size=16), *FULL)
    assert made.startswith("# Title\n\n## Part\n\n")


def test_lines_that_come_back_on_every_page_are_left_out() -> None:
    pages = [
        [line("Harbour rules", 800), line(f"Words {word} alone", 700), line(f"Page {i}", 40)]
        for i, word in enumerate(["stand", "fall", "rise", "rest"], 1)
    ]
    kept = [[each.text for each in page] for page in without_running_lines(pages)]
    assert kept == [[f"Words {word} alone"] for word in ("stand", "fall", "rise", "rest")]


def test_two_pages_show_no_running_title() -> None:
    pages = [[line("Harbour rules", 800)], [line("Harbour rules", 800)]]
    assert without_running_lines(pages) == pages


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        pytest.param("this ver\x02sion", "this version", id="halves-that-are-no-words"),
        pytest.param(
            "a long\x02term lease", "a long-term lease", id="written-with-hyphen-elsewhere"
        ),
        pytest.param("a quay\x02side crane", "a quayside crane", id="written-whole-elsewhere"),
        pytest.param("a harbour\x02master", "a harbour-master", id="two-words-of-their-own"),
        pytest.param("http://a.org/free\x02zing", "http://a.org/free-zing", id="an-address"),
    ],
)
def test_a_word_broken_at_a_line_end_is_whole_again(broken: str, whole: str) -> None:
    words = words_of("a long-term view of the quayside; the quay, a side, a harbour and its master")
    assert mended(broken, words) == whole


def test_a_page_without_lines_is_empty() -> None:
    assert text_of() == ""
