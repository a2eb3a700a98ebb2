"""Arms, seeds and studies on fakes: who learns what, and what the report can compare."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from katsuo import recipe as recipes
from katsuo.errors import RecipeError, RejectedError
from katsuo.road import Event, travel
from katsuo.scoring.harmless import GENERAL_SETS
from katsuo.store import tables
from katsuo.store.runs import Run

Go = Callable[..., Path]


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Go:
    """Travel with the fake recipe, changed; the run folder."""

    def travelled(
        changes: Mapping[str, Any],
        run: str = "one",
        listen: Callable[[Event], None] = lambda _: None,
    ) -> Path:
        chosen = recipes.changed(recipes.load(fake_recipe), changes, "the test")
        folder = tmp_path / "runs" / run
        travel(chosen, Run.at(folder), until="report", listen=listen)
        return folder

    return travelled


def manifest(folder: Path, stage: str) -> dict[str, Any]:
    return dict(json.loads((folder / stage / "manifest.json").read_text("utf-8")))


def report(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "6-report" / "report.json").read_text("utf-8")))


def tunings(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = manifest(folder, "4-adapters")["tunings"]
    return {(row["arm"], row["seed"]): row for row in rows}


def test_every_seed_has_an_adapter_and_answers_of_its_own(go: Go) -> None:
    folder = go({"adapt": {"seeds": 3, "max_tasks": 10}})
    assert set(tunings(folder)) == {(arm, seed) for arm in ("tapt", "tasks") for seed in (0, 1, 2)}
    weights = {
        (folder / "4-adapters" / row["folder"] / "adapter_model.safetensors").read_bytes()
        for (arm, _), row in tunings(folder).items()
        if arm == "tasks"
    }
    assert len(weights) == 3
    rows = list(tables.read(folder / "5-scores" / "predictions.parquet"))
    seeds = {(row["arm"], row["seed"]) for row in rows}
    assert seeds == {("zero_shot", 0), *tunings(folder)}
    assert set(report(folder)["arms"]["tasks"]["pilots"]["by_seed"]) == {"0", "1", "2"}


def test_arms_of_ones_own_change_what_is_made_and_learned(go: Go) -> None:
    arms = [
        "tasks",
        {"few": {"adapt": {"max_tasks": 5}}},
        {"raw": {"curate": []}},
        {"other": {"generate": {"task_types": ["exqa"]}}},
        {"shut": {"book": "closed"}},
        {"twice": {"book": "both"}},
        {"more": {"after": "tasks"}},
    ]
    folder = go({"adapt": {"arms": arms}})
    pairs = {arm: row["pairs"] for (arm, _), row in tunings(folder).items()}
    assert pairs["few"] == 5
    assert pairs["twice"] == 2 * pairs["tasks"] == 2 * pairs["shut"]
    assert pairs["raw"] >= pairs["tasks"] > pairs["other"] > 0
    assert set(report(folder)["arms"]) == {"zero_shot", *(name for name, _ in tunings(folder))}
    assert (folder / "arms" / "other" / "3-curated" / "manifest.json").is_file()


def test_a_recipe_that_learns_every_weight_can_be_rehearsed_on_fakes(go: Go) -> None:
    arms = ["tasks", {"more": {"after": "tasks"}}]
    folder = go({"adapt": {"method": "full", "learning_rate": 2e-5, "arms": arms}})
    assert set(report(folder)["arms"]) == {"zero_shot", "tasks", "more"}


def test_a_second_journey_tunes_and_asks_nothing_again(go: Go) -> None:
    changes = {"adapt": {"arms": ["tasks", {"raw": {"curate": []}}], "seeds": 2}}
    go(changes)
    heard: list[Event] = []
    go(changes, listen=heard.append)
    assert {event.note for event in heard if event.finished} == {"done already"}


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        pytest.param([{"a": {"after": "b"}}], "must name another arm", id="no-such-arm"),
        pytest.param([{"a": {"after": "b"}}, {"b": {"after": "a"}}], "comes later", id="circle"),
        pytest.param([{"a": {"adapt": {"rang": 1}}}], "unknown key 'adapt.rang'", id="setting"),
    ],
)
def test_an_arm_that_cannot_be_made_says_why(go: Go, arms: list[Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        go({"adapt": {"arms": arms}})


def test_the_few_shot_arm_is_asked_in_the_same_words(go: Go) -> None:
    folder = go({"evaluate": {"few_shot": 2}})
    rows = list(tables.read(folder / "5-scores" / "predictions.parquet"))
    asked = {
        arm: [row["prompt"] for row in rows if row["arm"] == arm]
        for arm in ("zero_shot", "few_shot")
    }
    assert asked["few_shot"] == asked["zero_shot"] != []


def test_the_parts_of_a_set_are_asked_apart(go: Go) -> None:
    found = {}
    for part in ("dev", "test", "all"):
        folder = go({"evaluate": {"part": part}}, run=part)
        rows = tables.read(folder / "5-scores" / "predictions.parquet")
        found[part] = {row["probe_id"] for row in rows}
    assert found["dev"] | found["test"] == found["all"]
    assert not found["dev"] & found["test"]


@pytest.fixture
def study(tmp_path: Path, corpus: Path, probes: Path) -> dict[str, Any]:
    """Two domains: even and odd orders, each with probes of its own."""
    rows = [json.loads(line) for line in probes.read_text("utf-8").splitlines()]
    domains = {}
    for name, parity in (("even", 0), ("odd", 1)):
        folder = tmp_path / name
        folder.mkdir()
        for path in sorted(corpus.iterdir())[parity::2]:
            (folder / path.name).write_bytes(path.read_bytes())
        asked = tmp_path / f"{name}_pilots.jsonl"
        half = [{**row, "label": "yes" if n % 2 else "no"} for n, row in enumerate(rows[parity::2])]
        asked.write_text("".join(json.dumps(row) + "\n" for row in half), "utf-8")
        domains[name] = {"ingest": {"paths": [str(folder)]}, "evaluate": {"sets": [str(asked)]}}
    return {"domains": domains}


def test_a_study_scores_all_domains_together(go: Go, study: dict[str, Any]) -> None:
    folder = go(study)
    content = report(folder)
    assert set(content["arms"]["tasks"]) == {"even_pilots", "odd_pilots", "mean"}
    inner = [manifest(folder / name, "2-tasks")["counts"]["arrived"] for name in ("even", "odd")]
    assert content["funnel"][1]["arrived"] == sum(inner) > 0
    assert set(content["gains"]["tasks-zero_shot"]["by_set"]) == {"even_pilots", "odd_pilots"}


def test_a_crossed_study_asks_every_set_of_every_domains_adapter(
    go: Go, study: dict[str, Any]
) -> None:
    folder = go({**study, "evaluate": {"cross": True}})
    arms = report(folder)["arms"]
    assert {"tasks@even", "tasks@odd"} <= set(arms)
    assert set(arms["tasks@even"]) == {"even_pilots", "odd_pilots", "mean"}
    own, crossed = arms["tasks"]["even_pilots"]["f1"], arms["tasks@even"]["even_pilots"]["f1"]
    assert crossed["value"] == own["value"]


def test_a_study_whose_domains_ask_one_set_is_refused(go: Go, study: dict[str, Any]) -> None:
    study["domains"]["odd"]["evaluate"] = study["domains"]["even"]["evaluate"]
    with pytest.raises(RecipeError, match="even_pilots is asked in two domains"):
        go(study)


def test_a_study_ends_in_the_same_bytes_twice(
    go: Go, study: dict[str, Any], tmp_path: Path
) -> None:
    def parquet(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}

    first = parquet(go(study, run="first"))
    (tmp_path / "runs" / ".cells").rename(tmp_path / "gone")
    assert parquet(go(study, run="second")) == first != {}


def test_a_resolved_study_can_be_run_again(go: Go, study: dict[str, Any]) -> None:
    folder = go(study)
    assert recipes.load(folder).domains == study["domains"]
    assert (
        yaml.safe_load((folder / "even" / "recipe.yaml").read_text("utf-8"))["name"] == "fake/even"
    )


def test_a_rejected_model_ends_the_journey_each_time_and_leaves_its_report(go: Go) -> None:
    folder = go({"name": "sound"})
    verdict = report(folder)["harm"]["tasks"]
    assert verdict["rejected"] is False
    assert set(verdict["sets"]) == set(GENERAL_SETS)
    path = folder / "5-scores" / "harm.json"
    ruined = {"tasks": {**verdict, "rejected": True, "reasons": ["It forgot how to read."]}}
    path.write_text(json.dumps(ruined), "utf-8")
    with pytest.raises(RejectedError, match=r"adapted model rejected: tasks: It forgot"):
        go({"name": "sound"})
    assert (folder / "6-report" / "report.html").is_file()


def test_harm_that_nobody_asked_for_is_not_measured(go: Go) -> None:
    assert not report(go({"evaluate": {"harm": {"check": False}}})).get("harm")


NOTHING = {"strict": {"curate": [{"well_formed": {"min_instruction_words": 4000}}]}}


def test_an_arm_with_nothing_to_learn_is_the_model_as_it_was_and_the_others_go_on(go: Go) -> None:
    heard: list[Event] = []
    arms = ["tasks", NOTHING, {"later": {"after": "strict"}}]
    folder = go({"adapt": {"arms": arms, "seeds": 2}}, listen=heard.append)
    assert {arm for arm, _ in tunings(folder)} == {"tasks", "later"}
    told = manifest(folder, "4-adapters")["nothing_learned"]
    assert list(told) == ["strict"]
    assert "the arm strict has nothing to learn: curation kept no task" in told["strict"]
    assert told["strict"] in {event.note for event in heard}
    made = report(folder)
    assert made["nothing_learned"] == told
    rows = list(tables.read(folder / "5-scores" / "predictions.parquet"))
    nats = {
        arm: {
            (row["probe_id"], row["prompt_id"], *row["nats"]) for row in rows if row["arm"] == arm
        }
        for arm in ("zero_shot", "strict", "tasks")
    }
    assert nats["strict"] == nats["zero_shot"] != nats["tasks"]
    page = (folder / "6-report" / "report.html").read_text("utf-8")
    assert "So it was asked as the model was before any training" in page


@pytest.mark.parametrize("arms", [[NOTHING], ["tasks"]])
def test_a_run_in_which_nothing_is_learned_is_refused(go: Go, arms: list[Any]) -> None:
    strict = NOTHING["strict"]["curate"]
    with pytest.raises(RecipeError, match="has nothing to learn"):
        go({"adapt": {"arms": arms}, "curate": strict})


def test_domains_side_by_side_leave_the_study_nothing_but_adding_up(
    go: Go, study: dict[str, Any], fake_recipe: Path, tmp_path: Path
) -> None:
    recipe, run = tmp_path / "study.yaml", tmp_path / "apart" / "one"
    content = {**yaml.safe_load(fake_recipe.read_text("utf-8")), **study}
    recipe.write_text(yaml.safe_dump(content), "utf-8")
    script = Path(__file__).parents[2] / "benchmarks" / "quality" / "side_by_side.py"
    words = [sys.executable, str(script), str(recipe), "--run", str(run)]
    changes = ["--set", "adapt.max_tasks=10"]
    done = subprocess.run([*words, *changes], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    assert "'even': " in done.stdout
    assert (run.with_name("one.odd") / "log.txt").read_text("utf-8")
    cells = run.parent / ".cells"
    adapters = {path.name for path in (cells / "4-adapters").iterdir() if path.is_dir()}
    assert len(adapters) == 2 * len(tunings(run / "even")) == 4
    in_turn = go({**study, "adapt": {"max_tasks": 10}})
    assert report(run)["arms"] == report(in_turn)["arms"]
    study["domains"]["odd"]["ingest"] = {"paths": [str(tmp_path / "nowhere")]}
    recipe.write_text(yaml.safe_dump({**content, **study}), "utf-8")
    refused = subprocess.run([*words, *changes], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
