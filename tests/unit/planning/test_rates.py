"""Rates: every one was measured somewhere, and holds for what it was measured of."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from katsuo.errors import RecipeError
from katsuo.planning.rates import Fact, Rate, Rates, load

ROOT = Path(__file__).parents[3]
HARDWARE = ("cpu2", "h100")


@pytest.mark.parametrize("name", HARDWARE)
def test_every_filed_rate_names_a_page_of_results_or_the_log(name: str) -> None:
    log = (ROOT / "docs" / "log.md").read_text("utf-8")
    for rate in load(name).filed:
        page = re.match(r"(benchmarks/results/\S+\.md|docs/log\.md \d{4}-\d\d-\d\d)", rate.measured)
        assert page is not None, rate.measured
        if page[1].startswith("docs"):
            assert f"## {page[1].split()[1]}" in log
        else:
            assert (ROOT / page[1]).is_file()


def test_rates_that_stand_in_a_table_of_results_are_those_of_the_table() -> None:
    cpu = load("cpu2")
    figures = {
        "draft_tokens": ("sharing", "bonito-v1, tokens a draft"),
        "trained_tokens_per_second": ("training", "ours, tokens/s"),
        "bytes_per_adapter": ("estimate", "bytes on disk of each adapter"),
    }
    facts: dict[str, Fact] = {
        "format": "bonito-v1", "weights": "smollm2-135m", "method": "lora",
        "precision": "bfloat16", "device": "cpu", "rank": 16,
    }  # fmt: skip
    for name, (theme, row) in figures.items():
        path = ROOT / "benchmarks" / "results" / f"{theme}_cpu2_2026-11.json"
        median = json.loads(path.read_text("utf-8"))["figures"][row]["median"]
        found = cpu.find(name, facts)
        assert found is not None
        assert found.value == pytest.approx(median, rel=0.01)


def test_the_error_of_estimates_is_that_of_the_finished_runs() -> None:
    path = ROOT / "benchmarks" / "results" / "estimate_cpu2_2026-11.json"
    figures = json.loads(path.read_text("utf-8"))["figures"]
    error = load("cpu2").error
    assert set(error) == {"ingest", "generate", "curate", "adapt", "evaluate"}
    for stage, spread in error.items():
        found = figures[f"{stage}: measured / estimated"]
        assert [spread.low, spread.high] == pytest.approx([found["min"], found["max"]], abs=0.01)
        assert spread.n == found["n"]


def test_a_rate_holds_for_what_it_was_measured_of_alone() -> None:
    facts = {"weights": "smollm2-135m", "method": "lora", "precision": "bfloat16", "device": "cpu"}
    cpu = load("cpu2")
    assert cpu.find("trained_tokens_per_second", facts) is not None
    assert cpu.find("trained_tokens_per_second", {**facts, "method": "full"}) is None
    assert cpu.find("trained_tokens_per_second", {**facts, "weights": "another"}) is None


def test_what_a_run_measured_itself_goes_first(rates: Rates) -> None:
    own = Rate(name="passages_per_second", value=9, measured="this run")
    found = replace(rates, own=(own,)).find("passages_per_second", {})
    assert found is own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{}", "holds no hardware", id="empty"),
        pytest.param("a: {machine: b}", "rates", id="no-rates"),
        pytest.param(
            "a: {machine: b, rates: [{name: c, value: 0, measured: d}]}",
            "greater than 0",
            id="zero",
        ),
        pytest.param(
            "a: {machine: b, rates: [{name: c, value: 1}]}", "measured", id="from-nowhere"
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(RecipeError, match=said):
        load(None, path)


def test_hardware_without_rates_is_refused_with_what_there_is() -> None:
    with pytest.raises(RecipeError, match="it has cpu2, h100"):
        load("abacus")
