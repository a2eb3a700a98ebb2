"""What is printed about hostile inputs is what the page says; no limit is only said."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo.readers.apart import Apart
from katsuo.readers.limits import Limits
from katsuo.types import Dropped
from tests.hostile import making, printing


def test_every_hostile_input_prints_what_the_page_says(tmp_path: Path) -> None:
    shown = printing.page(tmp_path)
    assert shown == printing.PAGE.read_text("utf-8"), "python -m tests.hostile.printing writes it"
    assert making.SECRET not in shown
    assert not list(tmp_path.rglob("ran"))
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        ("docx, 31 MiB of empty paragraphs", {"reader-memory", "reader-timeout"}),
        ("parquet, rows that repeat 50 MiB", {"reader-memory", "reader-timeout"}),
    ],
)
def test_a_limit_is_kept_by_the_process_that_reads(
    tmp_path: Path, what: str, reasons: set[str]
) -> None:
    making.INPUTS[what](tmp_path)
    (path,) = tmp_path.iterdir()
    with Apart(Limits(seconds=1, memory_mib=128)) as reader:
        (found,) = reader.read(path, text_column="text")
    assert isinstance(found, Dropped)
    assert found.reason in reasons
