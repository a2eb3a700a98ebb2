"""Pages of results: drawn from what was filed, and not by hand."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "benchmarks"


def _loaded() -> Any:  # noqa: ANN401 -- a module outside the package
    spec = importlib.util.spec_from_file_location("filed_page", HERE / "filed_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = _loaded().page
FILED = [
    path for path in sorted((HERE / "results").glob("*.json")) if '"reading"' in path.read_text()
]
MACHINE = {"cpu": "a", "cores": 2, "memory_gib": 8, "python": "3", "libraries": {"b": "1"}}


def drawn(figures: Mapping[str, Any], names: Sequence[str] = ("figure",)) -> list[str]:
    stated = {"commit": "c", "date": "d", "command": "e", "machine": MACHINE, "reading": "So."}
    text = page("theme", {**stated, "names": names, "figures": figures})
    assert text.startswith("# theme\n\nCommit c, d. Command: `e`.\nMachine: a, 2 cores, 8 GiB,")
    assert text.endswith("So.\n")
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("path", FILED, ids=lambda path: path.stem)
def test_a_filed_page_is_what_its_figures_say(path: Path) -> None:
    theme = path.name.partition("_cpu")[0]
    assert path.with_suffix(".md").read_text("utf-8") == page(theme, json.loads(path.read_text()))


def test_figures_with_the_same_parts_are_rows_of_one_table() -> None:
    share = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 10}
    figures = {
        "fresh: echo": {"recall": share, "tasks/s": 1234.5},
        "seed": 7,
        "fresh: loop": {"recall": {"n": 0}, "tasks/s": 2, "note": "a|b"},
    }
    assert drawn(figures, names=["filter", "error"]) == [
        "| filter | error | recall | tasks/s | note |",
        "| --- | --- | ---: | ---: | --- |",
        "| fresh | echo | 0.5 (0.25 to 0.75; n 10) | 1234 |  |",
        "| fresh | loop | n 0 | 2 | a\\|b |",
        "| figure | value |",
        "| --- | ---: |",
        "| seed | 7 |",
    ]


def test_a_figure_that_is_like_no_other_fills_a_cell() -> None:
    times = {"min": 1.0, "median": 2.0, "max": 3.25, "n": 3}
    assert drawn({"seconds": times, "dropped": {"a": 1, "b": True}})[1:] == [
        "| --- | --- |",
        "| seconds | 2 (1 to 3.25; n 3) |",
        "| dropped | a 1, b yes |",
    ]


def test_a_wide_table_of_few_figures_is_turned() -> None:
    parts = {f"at {n}": n for n in range(9)}
    rows = drawn({"one": parts, "two": parts})
    assert rows[0] == "| figure | one | two |"
    assert rows[2:] == [f"| at {n} | {n} | {n} |" for n in range(9)]
