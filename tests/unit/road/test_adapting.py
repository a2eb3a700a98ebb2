from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from katsuo import engines
from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.exporting import export_model
from katsuo.road import Event, travel
from katsuo.road.adapters import adapted, is_whole, tuned_with, without
from katsuo.sections import Adapt
from katsuo.store.runs import Run
from katsuo.training import TuneSettings

Go = Callable[..., Run]
LONGEST = 182
"""Tokens; some of the tasks are longer for the tiny model."""


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def go(tmp_path: Path, heard: list[Event]) -> Go:
    """Travel with a recipe, changed; the run."""

    def travelled(recipe: Path, changes: Mapping[str, Any], *, until: str = "adapt") -> Run:
        chosen = recipes.changed(recipes.load(recipe), changes, "the test")
        run = Run.at(tmp_path / "runs" / "one")
        heard.clear()
        travel(chosen, run, until=until, listen=heard.append)
        return run

    return travelled


def tuning(run: Run, arm: str = "tasks") -> dict[str, Any]:
    rows = run.stage("adapt").manifest["tunings"]
    return dict(next(row for row in rows if row["arm"] == arm))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("method", "full", id="method"),
        pytest.param("device", "cpu", id="device"),
        pytest.param("micro_tokens", 512, id="micro_tokens"),
        pytest.param("dropout", 0.1, id="dropout"),
        pytest.param("warmup_fraction", 0.1, id="warmup_fraction"),
        pytest.param("weight_decay", 0.01, id="weight_decay"),
        pytest.param("grad_clip", 0.3, id="grad_clip"),
        pytest.param("precision", "float32", id="precision"),
        pytest.param("max_steps", 7, id="max_steps"),
        pytest.param("compile", True, id="compile"),
    ],
)
def test_a_setting_reaches_the_trainer_and_makes_a_tuning_another(
    fake_recipe: Path, go: Go, name: str, value: object
) -> None:
    before = go(fake_recipe, {}).stage("adapt").manifest
    run = go(fake_recipe, {"adapt": {name: value}})
    after = run.stage("adapt").manifest
    assert after["settings"][name] == value
    assert after["key"] != before["key"]
    assert len(list((run.home / "4-adapters").glob("[!.]*"))) > len(before["tunings"])


def test_what_was_tuned_before_a_setting_could_be_named_stays_done(
    fake_recipe: Path, go: Go, heard: list[Event]
) -> None:
    go(fake_recipe, {})
    neutral = {
        name: getattr(TuneSettings(), name)
        for name in Adapt.model_fields
        if hasattr(TuneSettings(), name)
    }
    go(fake_recipe, {"adapt": neutral})
    assert {event.note for event in heard if event.finished} == {"done already"}


def test_the_key_of_a_tuning_has_no_setting_that_came_later_and_is_as_it_was() -> None:
    first = {"rank", "alpha", "dropout", "learning_rate", "warmup_fraction", "weight_decay",
             "grad_clip", "batch_tokens", "epochs", "max_steps", "max_tokens", "precision",
             "compile", "checkpoint_seconds", "held_out_steps", "seed"}  # fmt: skip
    assert set(tuned_with(TuneSettings())) == first
    assert set(tuned_with(TuneSettings(method="full", micro_tokens=9))) == {
        *first, "method", "micro_tokens",
    }  # fmt: skip


def test_how_often_a_tuning_is_saved_does_not_make_it_another() -> None:
    settings = TuneSettings(rank=8)
    assert tuned_with(replace(settings, checkpoint_seconds=5)) == tuned_with(settings)


def test_the_defaults_of_the_recipe_are_those_of_the_trainer() -> None:
    settings, asked = asdict(TuneSettings()), Adapt().model_dump()
    assert {name: asked[name] for name in asked if name in settings} == {
        name: settings[name] for name in settings if name in asked
    }
    assert set(settings) - set(asked) == {"seed", "held_out_steps", "share_passages"}


def test_only_settings_that_came_later_are_left_out() -> None:
    assert without({"rank": 16, "method": "lora"}, {"method"}) == {"rank": 16}


def test_the_fake_has_no_tokens_to_tell_of(fake_recipe: Path, go: Go, heard: list[Event]) -> None:
    run = go(fake_recipe, {})
    assert "lint" not in tuning(run)
    assert not [event for event in heard if event.total is None and not event.finished]


def test_what_will_be_read_is_told_before_the_first_step_and_stated_afterwards(
    tiny_recipe: Path, go: Go, heard: list[Event]
) -> None:
    pytest.importorskip("peft")
    run = go(tiny_recipe, {"adapt": {"max_tokens": LONGEST, "seeds": 2, "max_steps": 2}})
    row, lint = tuning(run), tuning(run)["lint"]
    counts = run.stage("adapt").manifest["counts"]
    assert lint["n"] - sum(lint["refused"].values()) == row["pairs"]
    assert lint["refused"] == {"too-long": counts["dropped"]["too-long"] // 2}
    assert lint["steps"] == row["steps"] == 2
    assert 0 < lint["target"]["max"] < lint["prompt"]["max"] < LONGEST
    told = [event for event in heard if event.stage == "adapt"]
    assert told[0].note.startswith(f"tasks: {lint['n']} pairs, ")
    assert told[0].note.endswith(f"2 steps, padding {lint['padding_fraction']:.0%}")
    assert sum("padding" in event.note for event in told) == 1


def test_a_tuning_that_nothing_can_be_learned_in_is_one_line(tiny_recipe: Path, go: Go) -> None:
    with pytest.raises(RecipeError, match="the arm tasks has nothing to learn"):
        go(tiny_recipe, {"adapt": {"max_tokens": 16}})


@pytest.mark.train
def test_an_arm_that_learns_every_weight_is_a_model_from_the_first_stage_to_the_last(
    tiny_recipe: Path, tiny: Path, go: Go, heard: list[Event], tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    arms: list[Any] = ["tasks", {"more": {"after": "tasks"}}]
    changes = {"adapt": {"method": "full", "arms": arms, "max_steps": 2}}
    run = go(tiny_recipe, changes, until="report")
    folder = run.stage("adapt").folder / "tasks"
    assert is_whole(folder)
    assert not list(folder.glob("adapter*"))
    base, made = engines.find(str(tiny)), adapted(engines.find(str(tiny)), folder)
    assert made.model is not None
    assert (made.model.folder, made.model.adapter) == (folder, None)
    assert made.identity != base.identity
    report = json.loads((run.stage("report").folder / "report.json").read_text("utf-8"))
    assert set(report["arms"]) == {"zero_shot", "tasks", "more"}
    go(tiny_recipe, changes, until="report")
    assert {event.note for event in heard if event.finished} == {"done already"}

    out = export_model(run, "tasks", "folder", tmp_path / "out")
    assert (out / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert not (out / "losses.jsonl").exists()
    assert "every weight tuned" in (out / "README.md").read_text("utf-8")
    assert export_model(run, "more", "gguf", tmp_path / "gguf").is_file()
    first, second = (
        load_file(folder / "model.safetensors"),
        load_file(run.stage("adapt").folder / "more" / "model.safetensors"),
    )
    assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.train
@pytest.mark.parametrize(
    ("first", "second"), [("full", "lora"), ("lora", "full")], ids=["full-first", "lora-first"]
)
def test_a_lora_and_every_weight_do_not_go_on_from_each_other(
    tiny_recipe: Path, go: Go, first: str, second: str
) -> None:
    pytest.importorskip("peft")
    arms = ["tasks", {"more": {"after": "tasks", "adapt": {"method": second}}}]
    with pytest.raises(RecipeError, match=r"adapt\.arms\.more learns by .* both must be full"):
        go(tiny_recipe, {"adapt": {"method": first, "arms": arms, "max_steps": 1}})
