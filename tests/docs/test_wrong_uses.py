"""A wrong use is one line that teaches, and exit code 2."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs import wrong_uses


def test_every_wrong_use_prints_what_the_page_says(tmp_path: Path) -> None:
    shown = wrong_uses.page(tmp_path)
    assert shown == wrong_uses.PAGE.read_text("utf-8"), "python -m tests.docs.wrong_uses writes it"
    assert not (tmp_path / "ran").exists()


def test_every_wrong_use_is_one_line_and_exit_code_two() -> None:
    uses = re.findall(r"^```text\n(.*?)^```", wrong_uses.PAGE.read_text("utf-8"), re.DOTALL | re.M)
    assert len(uses) == len(wrong_uses.USES) >= 30
    for use in uses:
        command, *lines = use.splitlines()
        assert len(lines) == 1, command
        assert lines[0].startswith("katsuo: "), command
