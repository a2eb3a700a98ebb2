from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from katsuo.page.teaching import NEW_SOURCE, render_teaching, smoothed

N_STEPS = 50


def report(**changes: object) -> dict[str, Any]:
    """The report of a short teaching run."""
    steps = range(1, N_STEPS + 1)
    return {
        "name": "school",
        "version": "0.1.0",
        "made_at": "2026-01-01 10:00 UTC",
        "format": "katsuo-v1",
        "base": {"name": "tiny", "sha256": "ab12", "note": ""},
        "settings": {"seed": 3},
        "report": {
            "steps": N_STEPS,
            "epochs": 1.0,
            "trained_tokens": 90_000,
            "target_tokens": 20_000,
            "seconds": 60.0,
        },
        "pairs": 700,
        "by_type": {"nli": 400, "ynqa": 400},
        "pairs_by_type": {"nli": 300, "ynqa": 400},
        "n_held_out": {"nli": 40, "ynqa": 40, f"nli{NEW_SOURCE}": 40},
        "licences": {"<boolq>": "CC BY-SA 3.0"},
        "machine": None,
        "losses": [[step, 2 / step] for step in steps],
        "rates": [[step, 5e-4] for step in steps],
        "held_out": [
            {"step": step, "nats": {"nli": 3 - step / 50, "ynqa": 1.0, f"nli{NEW_SOURCE}": 2.5}}
            for step in (25, 50)
        ],
        "recipe": "seed: 3\n",
        **changes,
    }


def text(page: str) -> str:
    """What a person reads, drawings left out."""
    words = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]*>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", words)


def test_the_page_says_what_was_learned_how_fast_and_under_which_licences() -> None:
    said = text(render_teaching(report()))
    assert "tiny learned to write tasks from 700 pairs in 50 steps." in said
    assert "Tokens read 90,000" in said
    assert "Tokens a second 1,500" in said
    assert "&lt;boolq&gt; CC BY-SA 3.0" in said


def test_each_type_has_its_pairs_and_its_first_and_last_loss_by_passage_and_by_source() -> None:
    said = text(render_teaching(report()))
    assert "300 40 2.50 → 2.00 40 2.50 → 2.50" in said
    assert "400 40 1.00 → 1.00 0 \N{EM DASH}" in said


def test_losses_rates_and_every_type_are_drawn() -> None:
    titles = re.findall(r"<title>([^<]*)</title>", render_teaching(report()))
    assert titles[1].startswith("Losses by optimizer step. learned from 2.00 to 0.04; held-out")
    assert titles[2].startswith("Learning rate by optimizer step; at most 5.00e-4")
    assert titles[3:] == [
        "yes-no question answering. held-out passages from 1.00 to 1.00",
        "natural language inference. held-out passages from 2.50 to 2.00; "
        "new source from 2.50 to 2.50",
    ]


def test_a_run_that_measured_once_or_nothing_has_a_page_too() -> None:
    once = report(held_out=report()["held_out"][-1:])
    assert "Held-out losses by task type" not in render_teaching(once)
    none = report(held_out=[], rates=[], n_held_out={}, licences={}, pairs_by_type=None)
    assert "Remixed" in render_teaching(none)


def test_a_loss_that_is_no_number_leaves_a_gap() -> None:
    lost = report(losses=[[1, None], [2, 1.0], [3, 0.5]])
    assert "learned from 1.00 to 0.50" in render_teaching(lost)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=300))
def test_smoothing_keeps_the_steps_and_stays_within_the_losses(losses: list[float]) -> None:
    found = smoothed(list(enumerate(losses)))
    assert [step for step, _ in found] == list(range(len(losses)))
    assert all(min(losses) - 1e-9 <= loss <= max(losses) + 1e-9 for _, loss in found)
