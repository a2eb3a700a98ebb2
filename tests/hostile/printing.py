"""What is printed about each hostile input: `python -m tests.hostile.printing` writes the page.

A file that breaks a limit of its reading process may break another one on another machine, so the
three reasons for it are one here.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from katsuo import readers
from katsuo.readers.apart import Apart
from katsuo.readers.limits import Limits
from katsuo.types import Document, Dropped
from tests.hostile import making

PAGE: Final = Path(__file__).parent / "printed.md"
_GIVEN_UP: Final = ("reader-timeout", "reader-memory", "reader-crashed")
_HEAD: Final = """\
# Hostile inputs, and what is printed

Made by `python -m tests.hostile.printing`; `test_printed.py` compares. `FOLDER` is where the input
lies; a text is shown by its first 90 characters, a refusal as its line in the ledger.

| input | what comes of it |
|---|---|
"""
_SHOWN: Final = 90


def page(folder: Path) -> str:
    """The page, of inputs that are made in the empty folder `folder`."""
    rows = []
    with Apart(Limits(seconds=1)) as reader:
        for what, below in making.make_all(folder).items():
            lines = [
                _line(item, below)
                for path in readers.files([below])
                for item in reader.read(path, text_column="text")
            ]
            rows.append(f"| {what} | {'<br>'.join(lines) or 'nothing to read'} |\n")
    return _HEAD + "".join(rows)


def _line(item: Document | Dropped, below: Path) -> str:
    if isinstance(item, Document):
        return f"text: `{_cell(item.text[:_SHOWN])}`"
    if item.reason in _GIVEN_UP:
        return "**reader-timeout**, **reader-memory** or **reader-crashed**"
    said = re.sub(r"0x[0-9a-f]{6,}", "0x…", item.excerpt.replace(str(below), "FOLDER"))
    return f"**{item.reason}** `{_cell(said)}`"


def _cell(text: str) -> str:
    return ascii(text)[1:-1].replace("|", "\\|").replace("`", "'")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(page(Path(scratch)), "utf-8")
