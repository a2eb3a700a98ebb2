"""The characters that all offsets count."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.readers.plain import decoded, encoding_of_file, joined, normalised
from katsuo.readers.refusals import RefusedError


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param("a\r\nb\rc\fd\u2028e", "a\nb\nc\nd\ne", id="one-kind-of-line-end"),
        pytest.param("a\x00\x07b\tc\n", "ab\tc\n", id="controls-fall-away"),
        pytest.param("co\u00adoperate\ufeff", "cooperate", id="invisible-marks-fall-away"),
        pytest.param("a\r\nb\rc\nd\n\re\x85f", "a\nb\nc\nd\n\ne\nf", id="mixed-line-ends"),
        pytest.param("pay \u202e001\u202c now", "pay 001 now", id="overridden-direction"),
        pytest.param(
            "\u2067\u05d0\u2069 and \u202b\u05d1\u202c", "\u05d0 and \u05d1", id="embedded"
        ),
        pytest.param("\u05d0\u200f \u200ea", "\u05d0\u200f \u200ea", id="marks-of-direction-stay"),
        pytest.param("e\u202a\u0301", "\u00e9", id="composed-where-a-mark-stood-between"),
        pytest.param("e\u0301", "\u00e9", id="letters-are-composed"),
        pytest.param("\ud83d", "\ufffd", id="lone-surrogate"),
        pytest.param("\u200d\U0001f600", "\u200d\U0001f600", id="joiners-and-emoji-stay"),
    ],
)
def test_only_what_cannot_be_seen_or_written_changes(raw: str, text: str) -> None:
    assert normalised(raw) == text


@given(st.text(st.characters(codec=None)))
def test_normalised_text_can_be_written_and_stays_as_it_is(raw: str) -> None:
    once = normalised(raw)
    assert normalised(once) == once
    assert once.encode("utf-8").decode("utf-8") == once


@given(st.lists(st.text(), min_size=1))
def test_every_page_begins_where_it_says(pages: list[str]) -> None:
    reading = joined(pages)
    assert len(reading.page_starts) == len(pages)
    for page, start in zip(pages, reading.page_starts, strict=True):
        assert reading.text.startswith(normalised(page).strip(), start)


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        pytest.param(
            "本契約".encode("shift_jis"), "shift_jis", "本契約", id="what-a-page-declares"
        ),
        pytest.param("é".encode(), "latin-1", "é", id="bytes-that-show-utf-8-win"),
        pytest.param("é".encode("utf-16"), "latin-1", "é", id="a-mark-wins"),
        pytest.param(b"plain", "no-such-codec", "plain", id="an-unknown-name-is-ignored"),
        pytest.param(b"plain", "utf-16", "plain", id="a-name-that-cannot-be-true-is-ignored"),
        pytest.param(b"plain +ADw-", "utf-7", "plain +ADw-", id="no-encoding-of-pages-is-ignored"),
        pytest.param(b"plain", "idna", "plain", id="no-encoding-of-texts-is-ignored"),
        pytest.param(
            "\u201cIt doesn\u2019t cost \u20ac500\u2026\u201d \u2013 he".encode("cp1252"),
            "iso-8859-1",
            "\u201cIt doesn\u2019t cost \u20ac500\u2026\u201d \u2013 he",
            id="latin-1-is-read-as-browsers-do",
        ),
        pytest.param("①".encode("cp932"), "shift_jis", "①", id="shift-jis-as-browsers-do"),
        pytest.param("镕".encode("gbk"), "gb2312", "镕", id="gb2312-as-browsers-do"),
        pytest.param(
            "été ".encode() * 9 + b"\xc3", None, "été " * 9 + "\ufffd", id="cut-in-a-letter"
        ),
        pytest.param(
            "été ".encode() * 50 + b"\xff.", None, "été " * 50 + "\ufffd.", id="one-bad-byte"
        ),
    ],
)
def test_bytes_are_read_by_their_best_evidence(
    data: bytes, declared: str | None, text: str
) -> None:
    assert decoded(data, declared) == text


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        decoded(bytes(range(256)) * 8)
    assert caught.value.reason == "not-text"


def test_the_encoding_of_a_long_file_is_told_by_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("名前,本文\n".encode("shift_jis") * 150_000)
    assert "本文" in (tmp_path / "a.csv").read_bytes().decode(encoding_of_file(tmp_path / "a.csv"))


@pytest.mark.parametrize("codec", ["cp1252", "utf-8"])
def test_the_encoding_is_told_by_the_first_letters_that_show_it(tmp_path: Path, codec: str) -> None:
    path, said = tmp_path / "a.csv", "Das Café kostet 500 € für größere Räume.\n"
    path.write_bytes(b"A row of plain letters.\n" * 100_000 + (said * 9).encode(codec))
    assert path.read_bytes().decode(encoding_of_file(path)).endswith(said)
