from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.road import Event, harming, travel
from katsuo.road.harming import N_THINKING, thinking_questions
from katsuo.scoring.harmless import GENERAL_SETS
from katsuo.store.runs import Run


def test_the_questions_to_think_about_come_alike_from_every_general_set() -> None:
    suites = list(harming.general_suites())
    found = thinking_questions(suites)
    assert len(set(found)) == len(found) == N_THINKING
    by_set = [
        {suite.prompts[0].text(probe.context, probe.question) for probe in suite.probes}
        for suite in suites
    ]
    each = N_THINKING // len(GENERAL_SETS)
    assert [len(asked & set(found)) for asked in by_set] == [each] * len(GENERAL_SETS)


@pytest.fixture
def harm_of(tiny_recipe: Path, tmp_path: Path) -> Callable[[], Mapping[str, Any]]:
    """The verdict on the tiny model's tasks after a whole journey."""

    def travelled() -> Mapping[str, Any]:
        changes = {
            "generate": {"engine": "hf"},
            "adapt": {"max_steps": 1},
            "evaluate": {"harm": {"check": True, "max_fall": 100, "max_perplexity": 1000}},
        }
        run = Run.at(tmp_path / "runs" / "one")
        heard: list[Event] = []
        chosen = recipes.changed(recipes.load(tiny_recipe), changes, "the test")
        travel(chosen, run, until="report", listen=heard.append)
        report = json.loads((run.stage("report").folder / "report.json").read_text("utf-8"))
        return dict(report["harm"]["tasks"])

    return travelled


@pytest.mark.train
def test_a_model_whose_template_speaks_of_thinking_is_asked_freely_before_and_after(
    harm_of: Callable[[], Mapping[str, Any]], tiny: Path
) -> None:
    pytest.importorskip("peft")
    path = tiny / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8"))
    switch = "{# the switch is called enable_thinking #}"
    settings["chat_template"] = switch + settings["chat_template"]
    path.write_text(json.dumps(settings), "utf-8")
    verdict = harm_of()
    # Random weights close no block: there is nothing to lose, and the verdict says so.
    assert verdict["thinking"] == {"before": 0, "after": 0, "n": N_THINKING}
    assert (verdict["thinking_kept"], verdict["rejected"]) == (None, False)
    assert "cannot be seen" in " ".join(verdict["notes"])


@pytest.mark.train
def test_a_model_that_has_no_such_mode_is_not_asked(
    harm_of: Callable[[], Mapping[str, Any]],
) -> None:
    pytest.importorskip("peft")
    verdict = harm_of()
    assert (verdict["thinking"], verdict["thinking_kept"]) == (None, None)
    assert not any("think" in note for note in verdict["notes"])
