"""A user's own five labels: every answer is one of them, each as often; the real model too."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.models import shelf
from katsuo.road import Event, lineage, travel
from katsuo.road.forgetting import forget
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Task

TOPICS = """
topic:
  like: topic_class
  labels:
    fees: what berths cost
    wind: when a basin is closed
    pilots: how a vessel waits for a pilot
    fuel: who may take fuel on board
    ice:
  instruction: "{{ context }}\\n\\nWhich is it: {{ labels }}?"
  use: 1
"""
CLAIMS = """
stand:
  like: nli
  labels: [stimmt, stimmt nicht, offen]
  means: {stimmt: supported, stimmt nicht: refuted, offen: unknown}
  instruction: "{{ context }}\\n\\n{{ question }}\\nAntworte mit {{ labels }}."
"""
TOPIC_OF = {
    "pilotage-rules.md": "pilotage",
    "bunkering-code.pdf": "fuel",
    "ice-season-rules.txt": "ice",
    "lost-property-procedure.txt": "lost property",
    "quarantine-order.docx": "quarantine",
}
LABELS = {"fees", "wind", "pilots", "fuel", "ice"}
Go = Callable[..., Run]


@pytest.fixture
def go(fake_recipe: Path, tmp_path: Path) -> Go:
    """Travel with the fake recipe and task types of one's own; the run."""

    def gone(
        tasks: str, *changes: str, until: str = "curate", heard: list[Event] | None = None
    ) -> Run:
        file = tmp_path / "tasks.yaml"
        file.write_text(tasks, "utf-8")
        run = Run.at(tmp_path / "runs" / "one")
        chosen = recipes.load(fake_recipe, [f"generate.tasks={file}", *changes])
        travel(chosen, run, until=until, listen=([] if heard is None else heard).append)
        return run

    return gone


def tasks_of(run: Run, verb: str = "curate") -> list[Task]:
    return list(tables.tasks(run.stage(verb).parts()))


def shares(tasks: list[Task]) -> dict[str, float]:
    return {label: n / len(tasks) for label, n in Counter(t.response for t in tasks).items()}


@pytest.mark.parametrize("verb", ["generate", "curate"])
def test_all_answers_are_among_five_labels_of_ones_own_each_about_as_often(
    go: Go, verb: str
) -> None:
    run = go(TOPICS, "curate=[well_formed, grounded, fresh, balanced]")
    found = shares(tasks_of(run, verb))
    assert set(found) == LABELS
    assert all(0.1 <= share <= 0.3 for share in found.values()), found


@pytest.mark.parametrize("held", [True, False])
def test_shares_that_the_user_states_are_kept_by_the_filter_that_balances(
    go: Go, held: bool
) -> None:
    stated = "{fees: 0.4, wind: 0.3, pilots: 0.1, fuel: 0.1, ice: 0.1}"
    own = f"{TOPICS}  shares: {stated}\n  hold_shares: {str(held).lower()}\n"
    run = go(own, "curate=[well_formed, balanced]")
    made, kept = (shares(tasks_of(run, verb)) for verb in ("generate", "curate"))
    assert made["fees"] > 2 * made["ice"]
    assert (kept == pytest.approx(made, abs=0.05)) == held


def test_a_task_has_the_users_words_and_the_users_name(go: Go) -> None:
    for task in tasks_of(go(TOPICS)):
        assert task.name == "topic"
        assert set(task.labels) == LABELS
        assert task.instruction == (
            f"{task.context.strip()}\n\nWhich is it: fees, wind, pilots, fuel, ice?"
        )


def test_every_passage_is_a_task_or_a_line_of_the_ledger(go: Go) -> None:
    run = go(TOPICS)
    counts = run.stage("generate").manifest["counts"]
    assert counts["arrived"] == run.stage("ingest").manifest["counts"]["passed"]
    for step in lineage.funnel(run):
        assert step.arrived == step.passed + sum(sum(by.values()) for by in step.dropped.values())


def test_other_shares_rank_nothing_again_and_another_label_does(go: Go, tmp_path: Path) -> None:
    home = tmp_path / "runs" / ".cells" / "labels"
    go(TOPICS)
    cells = set(home.iterdir())
    few = go(TOPICS.replace("use: 1", "use: 0.4"))
    assert set(home.iterdir()) == cells
    assert len(tasks_of(few)) < 20
    go(TOPICS.replace("    ice:\n", "    frost:\n"))
    assert set(home.iterdir()) > cells


def test_claims_are_answered_in_the_users_own_words(go: Go) -> None:
    run = go(CLAIMS, "generate.format=katsuo-v1", "generate.per_context=3")
    tasks = tasks_of(run)
    assert {task.response for task in tasks} == {"stimmt", "stimmt nicht", "offen"}
    for task in tasks:
        assert "Answer Yes, No or Maybe" not in task.instruction
        assert task.instruction.endswith("Antworte mit stimmt, stimmt nicht, offen.")


def test_task_types_of_ones_own_stand_beside_others_that_are_named(go: Go) -> None:
    run = go(TOPICS + CLAIMS, "generate.task_types=[exqa]")
    names = {(task.name, task.type.value) for task in tasks_of(run, "generate")}
    assert names == {("topic", "topic_class"), ("stand", "nli"), ("", "exqa")}


def test_checks_of_a_task_type_take_the_place_of_the_recipes(go: Go) -> None:
    strict = "curate=[{well_formed: {min_instruction_words: 300}}]"
    assert not tasks_of(go(TOPICS, strict))
    run = go(TOPICS + "  checks: []\n", strict)
    assert tasks_of(run)
    assert run.stage("curate").manifest["own_checks"] == {"topic": []}


def test_the_whole_road_ends_in_a_report_and_is_not_taken_twice(go: Go) -> None:
    held = ("evaluate.sets=[]", "evaluate.held_out=0.3")
    run = go(TOPICS, *held, until="report")
    page = (run.stage("report").folder / "report.html").read_text("utf-8")
    assert "topic (generated)" in page
    heard: list[Event] = []
    go(TOPICS, *held, until="report", heard=heard)
    assert {event.note for event in heard if event.finished} == {"done already"}


def test_a_run_without_task_types_of_ones_own_has_the_columns_it_had(
    go: Go, tmp_path: Path
) -> None:
    own = go(TOPICS)
    plain = Run.at(tmp_path / "runs" / "two")
    recipe = recipes.changed(recipes.load(tmp_path / "fake.yaml"), {}, "the test")
    travel(recipe, plain, until="curate", listen=lambda _: None)
    columns = [set(next(tables.read(run.stage("curate").part(0)))) for run in (own, plain)]
    assert columns[0] - columns[1] == {"task_name"}
    assert "tasks" not in plain.stage("generate").manifest["settings"]


def test_a_dropped_passage_can_be_explained_and_a_document_forgotten(
    go: Go, tmp_path: Path
) -> None:
    run = go(TOPICS + CLAIMS)
    line = next(line for line in lineage.dropped(run, stage="generate") if line.by == "labels")
    assert lineage.story(run, line.item_id).dropped == line
    forget(run.folder, "order-03.md", lambda _: None)
    again = go(TOPICS + CLAIMS)
    assert {task.name for task in tasks_of(again)} == {"topic", "stand"}
    assert not [task for task in tasks_of(again, "generate") if "Rule 3.1" in task.context]


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(
    not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
    reason="the base model is not in the cache: katsuo models pull smollm2-135m",
)
def test_the_real_model_keeps_to_five_labels_of_ones_own(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "own"
    words = ["curate", "recipes/own-labels.yaml", "--run", str(run)]
    subprocess.run([sys.executable, "-m", "katsuo.cli", *words], check=True, capture_output=True)
    tasks = tasks_of(Run.at(run))
    found = shares(tasks)
    assert set(found) == set(recipes.load(run).generate.tasks["topic"].labels)
    assert all(0.1 <= share <= 0.3 for share in found.values()), found
    right = [task.response == topic for task in tasks if (topic := topic_of(task, Run.at(run)))]
    assert sum(right) >= 0.7 * len(right), f"{sum(right)} of {len(right)}; measured: 34 of 39"


def topic_of(task: Task, run: Run) -> str:
    """The topic that the whole document is about; empty where it is about none of the five."""
    source = Path(lineage.story(run, task.context_id).source).name
    return TOPIC_OF.get(source, "")
