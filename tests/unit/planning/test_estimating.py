"""Estimates: what is counted, which rate is laid to it, and what nobody has measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.planning.estimating import Estimate, Line, estimate
from katsuo.planning.rates import Rates, Spread
from katsuo.recipe import changed
from katsuo.road import travel
from katsuo.sections import Recipe
from katsuo.store.runs import Run


def line(found: Estimate, stage: str, arm: str = "", place: str = "") -> Line:
    (one,) = [
        each for each in found.lines if (each.stage, each.arm, each.place) == (stage, arm, place)
    ]
    return one


def test_every_stage_has_a_line_and_every_arm_one(chosen: Recipe, run: Run, rates: Rates) -> None:
    found = estimate(chosen, run, rates)
    told = [(one.stage, one.arm) for one in found.lines]
    assert told == [
        ("ingest", ""), ("generate", ""), ("curate", ""),
        ("adapt", "tasks"), ("adapt", "tapt"), ("evaluate", ""),
    ]  # fmt: skip
    assert found.is_whole


def test_time_is_the_amount_over_its_rate(chosen: Recipe, run: Run, rates: Rates) -> None:
    found = estimate(chosen, run, rates)
    assert line(found, "ingest").seconds == 36 / 4
    assert line(found, "curate").seconds == pytest.approx(3 * 108 / 8)
    generated = line(found, "generate")
    assert generated.tokens is not None
    assert generated.seconds == pytest.approx((generated.tokens - 1080) / 100 + 1080 / 10)
    assert generated.mib == 700
    assert generated.disk_mib == 108


def test_what_is_estimated_of_a_run_on_fakes_is_what_it_does(
    chosen: Recipe, rates: Rates, travelled: Callable[[str], Run]
) -> None:
    guess = estimate(chosen, Run.at(Path("nowhere")), rates)
    run = travelled("evaluate")
    assert line(guess, "ingest").what.startswith("36 passages")
    assert run.stage("ingest").manifest["counts"]["passed"] == 36
    assert line(guess, "generate").what.startswith("108 drafts")
    assert run.stage("generate").manifest["counts"]["arrived"] == 108


def test_seeds_types_limits_and_most_tasks_drive_it(chosen: Recipe, run: Run, rates: Rates) -> None:
    more = changed(
        chosen,
        {
            "limit": 10,
            "generate": {"task_types": ["ynqa"], "per_context": 4},
            "adapt": {"seeds": 3, "max_tasks": 7, "arms": ["tasks"]},
        },
        "test",
    )
    found = estimate(more, run, rates)
    assert line(found, "generate").what.startswith("40 drafts")
    assert line(found, "curate").what.startswith("20 tasks")
    assert line(found, "adapt", "tasks").what.startswith("7 pairs")
    assert line(found, "adapt", "tasks").what.endswith("3 seeds")


def test_what_nobody_has_measured_is_called_so(chosen: Recipe, run: Run, rates: Rates) -> None:
    less = [rate for rate in rates.filed if rate.name != "trained_tokens_per_second"]
    found = estimate(chosen, run, replace(rates, filed=less))
    tuned = line(found, "adapt", "tasks")
    assert tuned.seconds is None
    assert tuned.missing[0].startswith("trained_tokens_per_second (weights fake")
    assert not found.is_whole


def test_filters_whose_share_is_not_measured_make_tasks_at_most(
    chosen: Recipe, run: Run, rates: Rates
) -> None:
    other = changed(chosen, {"curate": ["well_formed", "balanced"]}, "test")
    notes = line(estimate(other, run, rates), "curate").notes
    assert any("at most" in note for note in notes)


def test_stages_that_are_done_are_told_and_not_guessed(
    chosen: Recipe, rates: Rates, travelled: Callable[[str], Run]
) -> None:
    run = travelled("curate")
    found = estimate(chosen, run, rates)
    assert [one.done for one in found.lines] == [True, True, True, False, False, False]
    assert line(found, "curate").seconds == run.stage("curate").manifest["seconds"]
    n_tasks = run.stage("curate").manifest["counts"]["passed"]
    assert line(found, "adapt", "tasks").what.startswith(f"{n_tasks} pairs")
    assert found.seconds == sum(one.seconds or 0 for one in found.lines if not one.done)


def test_a_run_of_another_recipe_says_nothing(
    chosen: Recipe, rates: Rates, travelled: Callable[[str], Run]
) -> None:
    run = travelled("generate")
    other = changed(chosen, {"generate": {"per_context": 2}}, "test")
    assert not any(one.done for one in estimate(other, run, rates).lines)


def test_what_a_run_did_so_far_tells_how_fast_the_rest_goes(
    chosen: Recipe, run: Run, rates: Rates
) -> None:
    study = changed(chosen, {"domains": {"one": {}, "two": {}}}, "test")
    one = run.within("one")
    first = recipes.domain(study, "one")
    travel(first, one, until="generate", listen=lambda _: None)
    found = estimate(study, run, replace(rates, here=True))
    assert line(found, "generate", place="one").done
    assert "this run so far" in line(found, "generate", place="two").measured[0]


def test_arms_with_tasks_of_their_own_are_in_it(chosen: Recipe, run: Run, rates: Rates) -> None:
    arms = ["tasks", {"short": {"generate": {"task_types": ["ynqa"]}}}]
    found = estimate(changed(chosen, {"adapt": {"arms": arms}}, "test"), run, rates)
    assert line(found, "generate", place="short").what.startswith("36 drafts")
    assert line(found, "adapt", "short").what.startswith("18 pairs")


def test_earlier_errors_make_a_span(chosen: Recipe, run: Run, rates: Rates) -> None:
    assert estimate(chosen, run, rates).span is None
    spread = Spread(low=0.5, high=2, n=3, measured="somewhere")
    error = dict.fromkeys(("ingest", "generate", "curate", "adapt", "evaluate"), spread)
    found = estimate(chosen, run, replace(rates, error=error))
    assert found.span is not None
    assert list(found.span) == pytest.approx([found.seconds / 2, found.seconds * 2])
    assert found.to_json()["error"]["adapt"]["n"] == 3
