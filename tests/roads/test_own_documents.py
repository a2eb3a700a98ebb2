"""A user's own documents as the exam: nothing is learned from what is asked about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from katsuo import recipe as recipes
from katsuo.errors import DataError, RecipeError
from katsuo.road import Event, holding, travel
from katsuo.road.sources import Sources, contexts
from katsuo.road.trip import Trip
from katsuo.sections import Recipe
from katsuo.stages.tuning import tapt_pairs, task_pairs
from katsuo.store import tables
from katsuo.store.runs import Run

Go = Callable[..., tuple[Trip, list[Event]]]


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Go:
    """Travel with the fake recipe, no sets named; the trip and the events heard."""

    def travelled(*changes: str, run: str = "one") -> tuple[Trip, list[Event]]:
        heard: list[Event] = []
        chosen = recipes.load(fake_recipe, ["evaluate.sets=[]", *changes])
        at = Run.at(tmp_path / "runs" / run)
        travel(chosen, at, until="report", listen=heard.append)
        return Trip(recipe=chosen, run=at, listen=heard.append), heard

    return travelled


@pytest.fixture
def questions(tmp_path: Path, corpus: Path) -> Callable[..., Path]:
    """A file of questions about the first document, with changes to its first row."""

    def written(**changes: Any) -> Path:  # noqa: ANN401
        name = sorted(path.name for path in corpus.iterdir())[0]
        text = (corpus / name).read_text("utf-8")
        rows = [
            {"question": f"What stands at {n}?", "document": name, "answers": [text.split()[n]]}
            for n in range(4)
        ]
        rows[0].update(changes)
        path = tmp_path / "mine.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return path

    return written


def report_of(trip: Trip) -> dict[str, Any]:
    return dict(json.loads((trip.run.folder / "6-report" / "report.json").read_text("utf-8")))


def learned_documents(trip: Trip) -> set[str]:
    """Ids of the documents that any arm of the trip learns from."""
    sources = Sources(trip)
    tasks = {task.document_id for task in sources.tasks("tasks")}
    return tasks | {context.document_id for context in contexts(trip)}


def test_nothing_is_learned_from_a_document_that_is_held_out(go: Go) -> None:
    trip, _ = go("evaluate.held_out=0.4")
    held = holding.held_out(trip)
    everything = {row["document_id"] for part in trip.run.stage("ingest").parts()
                  for row in tables.read(part)}  # fmt: skip
    assert held
    assert held < everything
    assert learned_documents(trip) == everything - held
    asked = {row["document_id"] for row in tables.read(
        trip.run.stage("evaluate").folder / "predictions.parquet")}  # fmt: skip
    assert asked <= held


def test_generated_questions_are_called_so_wherever_their_figures_stand(go: Go) -> None:
    trip, _ = go("evaluate.held_out=0.4")
    report = report_of(trip)
    sets = [name for name in report["arms"]["tasks"] if name != "mean"]
    assert sets
    assert all(name.endswith("(generated)") for name in sets)
    assert report["headline"]["sentence"].startswith("On questions that the generator itself made")
    page = (trip.run.folder / "6-report" / "report.html").read_text("utf-8")
    assert "(generated)" in page
    said = trip.manifest("evaluate")["held_out"]
    assert said["documents"] == len(holding.held_out(trip))
    assert 0 <= said["passages_that_share_13_words"] <= said["passages"]


def test_a_generated_question_is_asked_as_it_stands(go: Go) -> None:
    trip, _ = go("evaluate.held_out=0.4")
    curated = {task.id: task for task in tables.tasks(trip.run.stage("curate").parts())}
    for row in tables.read(trip.run.stage("evaluate").folder / "predictions.parquet"):
        assert row["prompt"] == curated[row["probe_id"]].instruction.strip()
        assert row["gold"] == [curated[row["probe_id"]].response]


def test_a_second_journey_finds_all_done(go: Go) -> None:
    go("evaluate.held_out=0.4")
    _, heard = go("evaluate.held_out=0.4")
    assert all(event.note == "done already" for event in heard if event.finished)


def test_the_split_decides_what_is_adapted_and_its_absence_changes_no_key(go: Go) -> None:
    without, _ = go(run="without")
    held, _ = go("evaluate.held_out=0.4", run="held")
    assert held.manifest("curate")["key"] == without.manifest("curate")["key"]
    assert held.manifest("adapt")["key"] != without.manifest("adapt")["key"]


def test_a_document_stays_on_its_side_when_others_come(go: Go, corpus: Path) -> None:
    before = holding.held_out(go("evaluate.held_out=0.5", run="before")[0])
    text = "The mast of the Elster stands on the quay until spring comes again, and no longer."
    (corpus / "zz_later.txt").write_text(f"{text} {text}", "utf-8")
    after = holding.held_out(go("evaluate.held_out=0.5", run="after")[0])
    assert len(before - after) <= 1  # the last of the ranking, where rounding falls


def test_questions_of_your_own_hold_their_document_out(
    go: Go, questions: Callable[..., Path], corpus: Path
) -> None:
    path = questions()
    trip, _ = go("evaluate.held_out=0.1", f"evaluate.questions=[{path}]")
    held = holding.held_out(trip)
    names = {row["document_id"]: Path(row["source"]).name
             for part in trip.run.stage("ingest").parts() for row in tables.read(part)}  # fmt: skip
    assert {names[id_] for id_ in held} == {sorted(p.name for p in corpus.iterdir())[0]}
    report = report_of(trip)
    assert [name for name in report["arms"]["tasks"] if name != "mean"] == ["mine"]
    assert "generator itself" not in report["headline"]["sentence"]


def test_questions_alone_hold_out_the_documents_that_they_name(
    go: Go, questions: Callable[..., Path]
) -> None:
    trip, _ = go(f"evaluate.questions=[{questions()}]")
    (suite,) = holding.suites_for(trip)
    asked = {probe.document_id for probe in suite.probes}
    assert holding.held_out(trip) == asked
    assert not learned_documents(trip) & asked


@pytest.mark.parametrize("spelled", ["documents", "./documents", "{corpus}"])
def test_no_arm_learns_a_pair_that_holds_a_passage_of_a_held_out_document(
    go: Go, corpus: Path, spelled: str
) -> None:
    elsewhere = spelled.format(corpus=corpus)
    arms = "adapt.arms=[tapt, tasks, tasks_elsewhere, {raw: {curate: []}}]"
    trip, _ = go("evaluate.held_out=0.4", arms, f"adapt.elsewhere=['{elsewhere}']")
    held = holding.held_out(trip)
    rows = [row for part in trip.run.stage("ingest").parts() for row in tables.read(part)]
    passages = [row["text"] for row in rows if row["document_id"] in held]
    sources = Sources(trip)
    names = ("tasks", "tasks_elsewhere", "raw")
    pairs = [pair for name in names for pair in task_pairs(sources.tasks(name))]
    pairs += tapt_pairs(contexts(trip))
    said = [f"{pair.prompt} {pair.target}" for pair in pairs]
    assert said
    assert not [text for text in said if any(passage in text for passage in passages)]


def test_questions_about_every_document_leave_nothing_to_learn_from(
    go: Go, tmp_path: Path, corpus: Path
) -> None:
    path = tmp_path / "all.jsonl"
    names = sorted(each.name for each in corpus.iterdir())
    rows = [{"question": "Which?", "document": name, "answers": ["fee"]} for name in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(RecipeError, match="ask about each of the 12 documents, so nothing is left"):
        go(f"evaluate.questions=[{path}]")


def test_the_report_says_what_was_held_out_and_whose_passages_were_found(
    go: Go, questions: Callable[..., Path]
) -> None:
    trip, _ = go(f"evaluate.questions=[{questions(context='It stands here.')}]")
    report = report_of(trip)
    said = report["held_out"][""]
    assert (said["documents"], said["of"], said["names"]) == (1, 12, ["order-00.md"])
    assert said["contexts"] == {"mine": {"given": 1, "holds-the-answer": 3}}
    # The sentences of the orders are the same but for their numbers.
    assert said["passages_that_share_13_words"] == said["passages"] > 0
    assert report["headline"]["generated"] is False
    page = (trip.run.folder / "6-report" / "report.html").read_text("utf-8")
    assert "1 of 12 documents were held out" in page
    assert "Context found by katsuo for 3 questions of mine" in page
    assert "share a run of 13 words" in page


def test_figures_made_of_generated_questions_alone_are_marked_in_the_json(go: Go) -> None:
    report = report_of(go("evaluate.held_out=0.4")[0])
    assert report["headline"]["generated"] is True
    assert all(gain["generated"] is True for gain in report["gains"].values())
    assert all(sets["mean"]["generated"] is True for sets in report["arms"].values())


def test_a_run_that_holds_nothing_out_says_nothing_of_it(go: Go) -> None:
    report = report_of(go()[0])
    assert report["held_out"] == {}


def test_the_passage_of_a_question_is_found_or_taken_as_given(
    go: Go, questions: Callable[..., Path]
) -> None:
    trip, _ = go(f"evaluate.questions=[{questions(context='It stands here.')}]")
    (suite,) = holding.suites_for(trip)
    given, *found = suite.probes
    assert given.context == "It stands here."
    for probe in found:
        assert probe.answers[0] in probe.context


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"document": "no-such.md"}, r"row 1: document is 'no-such.md', which none",
                     id="unknown"),
        pytest.param({"document": None}, "row 1: document is None; it must name", id="none"),
    ],
)  # fmt: skip
def test_a_question_about_no_document_is_named(
    go: Go, questions: Callable[..., Path], changes: dict[str, Any], said: str
) -> None:
    path = questions(**changes)
    with pytest.raises(DataError, match=said):
        go("evaluate.held_out=0.1", f"evaluate.questions=[{path}]")


def test_one_document_cannot_be_asked_about_and_learned(go: Go, tmp_path: Path) -> None:
    (tmp_path / "alone.txt").write_text("The bell rings at noon for all who can hear it. " * 9)
    with pytest.raises(RecipeError, match="the run has 1 document"):
        go("evaluate.held_out=0.4", f"ingest.paths=[{tmp_path / 'alone.txt'}]")


def test_neutral_settings_leave_the_stated_ones_as_they_were() -> None:
    stated = Recipe().evaluate.stated
    assert "held_out" not in stated
    assert "questions" not in stated


def test_the_generated_sets_of_a_domain_carry_its_name(go: Go) -> None:
    trip, _ = go("evaluate.held_out=0.4")
    names = {suite.spec.name for suite in holding.suites_for(trip, "leases")}
    assert "ynqa of leases (generated)" in names
    assert all(" of leases (generated)" in name for name in names)


def test_an_arm_whose_tasks_are_all_held_out_says_so(go: Go) -> None:
    sources = Sources(go("evaluate.held_out=0.4")[0])
    sources.held_out |= {task.document_id for task in sources.tasks("tasks")}
    with pytest.raises(RecipeError, match="tasks are all about held-out documents; lower"):
        sources.tasks("tasks")
