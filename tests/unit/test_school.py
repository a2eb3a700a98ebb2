from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from katsuo import school
from katsuo.errors import DataError, RecipeError
from katsuo.road.trip import Event, key_of
from katsuo.store import tables
from katsuo.store.files import write_json
from katsuo.store.runs import Run
from katsuo.templates import load_sources
from katsuo.types import TaskType

N_ROWS = 60


def put(path: Path, **columns: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "teach.yaml"
    path.write_text(
        "name: school\nseed: 3\nremix: {sources: [boolq, rotten_tomatoes], cap_per_type: 50}\n"
        "teach: {held_out_fraction: 0.2, held_out_per_type: 4}\n",
        "utf-8",
    )
    return path


class School:
    """Goes to school in one run folder, and remembers what it heard."""

    def __init__(self, recipe: Path, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self.heard: list[Event] = []

    def go(self, *changes: str, until: str = "teach") -> dict[str, Any]:
        self.heard.clear()
        lesson = school.load(self.recipe, ["teach.base=fake", *changes])
        return school.go(lesson, Run.at(self.folder), until=until, listen=self.heard.append)

    def go_on_rows(self, *changes: str) -> dict[str, Any]:
        lesson = school.load(self.recipe, ["teach.base=fake", *changes])
        return school.teach_remixed(lesson, Run.at(self.folder), listen=self.heard.append)

    def tasks(self) -> list[Any]:
        return list(tables.tasks([self.folder / "remix" / "rows.parquet"]))


@pytest.fixture
def pupil(recipe: Path, sources: Path, tmp_path: Path) -> School:
    assert sources.is_dir()
    return School(recipe, tmp_path / "runs" / "school")


def test_rows_of_annotated_datasets_become_tasks_with_their_origin(pupil: School) -> None:
    card = pupil.go(until="remix")
    tasks = pupil.tasks()
    by_type = Counter(task.type.value for task in tasks)
    assert card["by_type"] == dict(sorted(by_type.items()))
    assert TaskType.YNQA in by_type
    assert max(by_type.values()) == 50
    assert card["counts"]["passed"] == len(tasks)
    assert {task.context.split()[0] for task in tasks} <= {"Berth", "A"}
    assert set(card["licences"]) == {"super_glue/boolq", "rotten_tomatoes"}
    assert len(card["files"]) == 4
    assert sum(card["by_template"].values()) == len(tasks)


def test_remix_alone_teaches_nothing(pupil: School) -> None:
    pupil.go(until="remix")
    assert not (pupil.folder / "generator").exists()
    assert (pupil.folder / "recipe.yaml").is_file()
    assert [(event.stage, event.finished) for event in pupil.heard] == [("remix", True)]


def test_the_card_of_a_generator_says_what_it_was_made_of(pupil: School) -> None:
    card = pupil.go()
    stored = json.loads((pupil.folder / "generator" / "katsuo.json").read_text("utf-8"))
    assert stored == json.loads(json.dumps(card))
    assert (card["format"], card["base"]["name"]) == ("bonito-v1", "fake")
    assert card["settings"]["seed"] == 3
    n_held_out = sum(card["held_out"].values())
    assert all(0 < number <= 4 for number in card["held_out"].values())
    assert 0 < card["pairs"] < len(pupil.tasks()) - n_held_out + 1
    assert (pupil.folder / "generator" / "adapter_model.safetensors").is_file()


def test_a_generator_has_a_report_and_one_that_lost_it_gets_it_again(pupil: School) -> None:
    card = pupil.go()
    page = pupil.folder / "generator" / "report.html"
    assert f"from {card['pairs']} pairs" in page.read_text("utf-8")
    content = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert content["machine"]["cores"] >= 1
    assert content["pairs_by_type"] == card["pairs_by_type"]
    assert sum(card["pairs_by_type"].values()) == card["pairs"]
    page.unlink()
    pupil.go()
    assert "<dt>Machine</dt>" not in page.read_text("utf-8")  # who knows where it was taught


def test_a_setting_reaches_the_trainer_and_its_default_leaves_what_is_done(pupil: School) -> None:
    card = pupil.go()
    stated = ("teach.method=lora", "teach.grad_clip=1", "teach.alpha=32.0")
    assert pupil.go(*stated)["key"] == card["key"]
    changed = pupil.go("teach.micro_tokens=256", "teach.dropout=0.1")
    assert (changed["settings"]["micro_tokens"], changed["settings"]["dropout"]) == (256, 0.1)
    assert changed["key"] != card["key"]


def test_no_passage_is_both_learned_and_held_out(pupil: School) -> None:
    card = pupil.go("teach.held_out_per_type=1000")
    held_out = [t for t in pupil.tasks() if int(t.document_id, 16) % 1000 < 200]
    assert 0 < len(held_out) == sum(card["held_out"].values())
    assert card["pairs"] == len(pupil.tasks()) - len(held_out)


def test_the_recipe_as_resolved_asks_for_the_same(pupil: School) -> None:
    card = pupil.go()
    lesson = school.load(pupil.folder / "recipe.yaml")
    again = school.go(lesson, Run.at(pupil.folder), until="teach", listen=ignore)
    assert again["key"] == card["key"]


def test_what_is_done_is_not_done_again(pupil: School) -> None:
    first = pupil.go()
    assert pupil.go() == json.loads(json.dumps(first))
    assert [event.note for event in pupil.heard] == ["done already", "done already"]


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        pytest.param("teach.rank=8", {"teach"}, id="teaching"),
        pytest.param("remix.cap_per_type=20", {"remix", "teach"}, id="remixing"),
        pytest.param("seed=4", {"remix", "teach"}, id="seed"),
    ],
)
def test_a_change_redoes_what_it_touches(pupil: School, change: str, redone: set[str]) -> None:
    pupil.go()
    pupil.go(change)
    done = {event.stage for event in pupil.heard if event.finished and event.note != "done already"}
    assert done == redone


def test_changed_data_is_remixed_again(pupil: School, sources: Path) -> None:
    before = pupil.go(until="remix")
    put(sources / "rotten_tomatoes" / "train.parquet", text=["A lone film ."], label=[1])
    after = pupil.go(until="remix")
    assert before["key"] != after["key"]
    assert before["files"] != after["files"]


def test_caps_hold_by_type_under_any_of_its_names(pupil: School) -> None:
    card = pupil.go("remix.caps={yes-no question answering: 3}", until="remix")
    assert card["by_type"]["ynqa"] == 3


def test_tasks_too_long_to_learn_are_in_the_ledger(pupil: School) -> None:
    card = pupil.go("teach.max_tokens=40")
    lines = list(tables.read(pupil.folder / "generator" / "dropped.parquet"))
    assert lines
    assert {line["stage"] for line in lines} == {"teach"}
    assert card["pairs"] + len(lines) == len(
        [task for task in pupil.tasks() if int(task.document_id, 16) % 1000 >= 200]
    )


def test_the_card_can_be_read_by_a_person(pupil: School) -> None:
    text = school.text(pupil.go(until="remix"))
    assert text.startswith("key: ")
    assert "super_glue/boolq: CC BY-SA 3.0" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(["teach.bass=fake"], "unknown key 'teach.bass'; .*'base'", id="unknown-key"),
        pytest.param(["remix.tasks_per_row=0"], "remix.tasks_per_row is 0", id="no-task"),
        pytest.param(["teach.method=full"], "teach.method is 'full'", id="no-adapter"),
        pytest.param(["remix.caps={poem: 3}"], "'poem' is unknown", id="unknown-type"),
        pytest.param(["remix.sources=[novels]"], "no source is called novels", id="no-source"),
    ],
)
def test_a_lesson_that_cannot_be_taught_is_refused(
    pupil: School, changes: list[str], says: str
) -> None:
    with pytest.raises(RecipeError, match=says):
        pupil.go(*changes)


def test_rows_are_taught_on_where_their_sources_are_not(
    pupil: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pupil.go()
    shutil.rmtree(pupil.folder / "generator")
    monkeypatch.delenv("KATSUO_DATA")
    again = pupil.go_on_rows()
    assert again["key"] == whole["key"]
    assert again["pairs_by_type"] == whole["pairs_by_type"]


def test_rows_of_another_recipe_are_not_taught_on(pupil: School) -> None:
    with pytest.raises(DataError, match=r"no rows\.parquet with its card\.json"):
        pupil.go_on_rows()
    pupil.go(until="remix")
    with pytest.raises(DataError, match=r"card\.json: its rows were made by other settings"):
        pupil.go_on_rows("remix.cap_per_type=20")


def test_without_the_folder_of_sources_its_variable_is_named(
    pupil: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KATSUO_DATA")
    with pytest.raises(RecipeError, match=r"remix\.folder: \$KATSUO_DATA.*not set"):
        pupil.go()


def test_a_source_that_cannot_be_read_is_left_out_and_the_card_says_so(
    pupil: School, sources: Path
) -> None:
    (sources / "boolq" / "train.parquet").unlink()
    card = pupil.go(until="remix")
    assert set(card["by_type"]) == {"sentiment"}
    assert "boolq/train.parquet: no such file" in card["left_out"]["super_glue/boolq"]
    assert card["counts"]["dropped"]["source-unreadable"] == 1


def test_where_no_source_can_be_read_the_first_is_named(pupil: School, sources: Path) -> None:
    for path in sources.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(DataError, match=r"boolq/train\.parquet: no such file"):
        pupil.go()


PROMPTS = """
dataset: super_glue
subset: boolq
templates:
  aa: !Template
    name: ask
    answer_choices: "No ||| Yes"
    jinja: "{{ passage }} So, {{ question }}? ||| {{ answer_choices[label] }}"
    metadata: !TemplateMetadata {original_task: true}
  ab: !Template
    name: no_passage
    answer_choices: null
    jinja: "{{ question }}? ||| {{ label }}"
    metadata: !TemplateMetadata {}
"""
TABLE = """
super_glue/boolq:
  context: passage
  data: boolq
  splits: [train, validation]
  licence: CC BY-SA 3.0
  types: {"*": ynqa}
"""


def test_files_of_promptsource_and_a_table_of_types_take_the_place_of_our_templates(
    pupil: School, tmp_path: Path
) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "templates.yaml").write_text(PROMPTS, "utf-8")
    (tmp_path / "types.yaml").write_text(TABLE, "utf-8")
    theirs = (
        "remix.sources=null",
        f"remix.promptsource={tmp_path / 'prompts'}",
        f"remix.types={tmp_path / 'types.yaml'}",
        "remix.cap_per_type=null",
        "remix.cap_per_source=7",
    )
    card = pupil.go(*theirs, until="remix")
    assert card["by_type"] == {"ynqa": 7}
    assert card["by_template"] == {"super_glue/boolq/ask": 7}
    assert card["counts"]["dropped"]["context-not-mentioned"] == 1
    for task in pupil.tasks():
        assert task.instruction.startswith(f"{task.context} So, does berth")
        assert task.response in ("Yes", "No")
        assert task.labels == ("No", "Yes")


def test_templates_without_their_table_are_refused(pupil: School, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="promptsource and types go together"):
        pupil.go(f"remix.promptsource={tmp_path}")


def test_the_papers_training_set_is_a_recipe_with_a_table_of_its_39_sources() -> None:
    lesson = school.load(Path("recipes/ctga-v1.yaml"))
    assert lesson.remix.cap_per_source == 100_000
    assert lesson.remix.types is not None
    table = yaml.safe_load(Path(lesson.remix.types).read_text("utf-8"))
    assert len(table) == 39
    kinds = {TaskType.named(kind) for entry in table.values() for kind in entry["types"].values()}
    assert kinds == set(TaskType)


def test_a_total_is_shared_out_by_what_the_sources_hold(pupil: School) -> None:
    pupil.recipe.write_text(
        "name: school\nremix: {sources: [boolq, rotten_tomatoes], total: 60, temperature: 1}\n",
        "utf-8",
    )
    by_type = pupil.go(until="remix")["by_type"]
    # boolq has two types and rotten_tomatoes one, from as many rows.
    assert by_type == {"qg": 15, "sentiment": 30, "ynqa": 15}


def test_texts_of_an_evaluation_set_are_kept_out(pupil: School, tmp_path: Path) -> None:
    exam = tmp_path / "exam.parquet"
    passage = "Berth 7 closes when a gale blows, and it opens again when the gale is over."
    put(exam, context=[passage], label=[1])
    row = {"question": "does it close", "passage": f"Berth -- {passage}", "label": 1}
    put(
        tmp_path / "data" / "sources" / "boolq" / "train.parquet",
        **{k: [v] for k, v in row.items()},
    )
    card = pupil.go(f"remix.against=[{exam}]", until="remix")
    assert card["counts"]["dropped"]["evaluation-text"] == 1
    assert list(card["against"]) == [str(exam)]
    assert not any(passage in task.context for task in pupil.tasks())


EXAMS = "remix.against=[$KATSUO_DATA/eval/, $KATSUO_DATA/exam.parquet]"
NAMED = ["$KATSUO_DATA/eval/a.parquet", "$KATSUO_DATA/eval/b.parquet", "$KATSUO_DATA/exam.parquet"]


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    for name in ("eval/a", "eval/b", "exam"):
        put(data / f"{name}.parquet", context=[f"Nothing of {name} stands in any of the rows."])
    return data


@pytest.mark.usefixtures("exams")
def test_the_card_names_evaluation_files_as_the_recipe_does(pupil: School) -> None:
    assert list(pupil.go(EXAMS, until="remix")["against"]) == NAMED


def test_data_that_moved_are_the_same_data(
    pupil: School, exams: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pupil.go(EXAMS, until="remix")
    monkeypatch.setenv("KATSUO_DATA", str(exams.rename(tmp_path / "elsewhere")))
    assert pupil.go(EXAMS, until="remix")["key"] == first["key"]
    assert [event.note for event in pupil.heard] == ["done already"]


def test_a_changed_evaluation_file_is_compared_with_again(pupil: School, exams: Path) -> None:
    first = pupil.go(EXAMS, until="remix")
    put(exams / "eval" / "b.parquet", context=["Other words than these were in the file before."])
    assert pupil.go(EXAMS, until="remix")["key"] != first["key"]


def test_work_whose_key_has_the_evaluation_files_by_path_stays_done(
    pupil: School, exams: Path
) -> None:
    paths = [str(Path(name.replace("$KATSUO_DATA", str(exams)))) for name in NAMED]
    named = pupil.go(EXAMS, until="remix")
    # What the key was made of before: the same, with paths for names.
    asked = school.load(pupil.recipe, [EXAMS])
    earlier = dict(zip(paths, named["against"].values(), strict=True))
    words = [repr(source) for source in load_sources(asked.remix.sources)]
    settings = asked.remix.model_dump(mode="json")
    key = key_of("remix", {**named["files"], **earlier}, words, settings, asked.seed)
    write_json(pupil.folder / "remix" / "card.json", {**named, "key": key, "against": earlier})
    again = pupil.go(EXAMS, until="remix")
    assert [event.note for event in pupil.heard] == ["done already"]
    assert (again["key"], list(again["against"])) == (key, NAMED)
    assert json.loads((pupil.folder / "remix" / "card.json").read_text("utf-8")) == again


def test_an_evaluation_set_that_is_not_there_is_named(pupil: School) -> None:
    with pytest.raises(DataError, match=r"nowhere\.parquet: no such file; remix\.against names it"):
        pupil.go("remix.against=[nowhere.parquet]", until="remix")


def test_near_twins_are_left_out_on_request(pupil: School, sources: Path) -> None:
    words = " ".join(f"word{n}" for n in range(60))
    put(
        sources / "boolq" / "train.parquet",
        question=[f"does {words} close in gale {n}" for n in range(N_ROWS)],
        passage=[f"Berth -- Berth {n} closes." for n in range(N_ROWS)],
        label=[1] * N_ROWS,
    )
    whole = pupil.go(until="remix")["by_type"]["qg"]
    card = pupil.go("remix.fresh=true", until="remix")
    n_twins = sum(n for reason, n in card["counts"]["dropped"].items() if "duplicate" in reason)
    assert n_twins > 0
    assert card["by_type"]["qg"] < whole
    assert card["counts"]["passed"] == len(pupil.tasks())


def test_thinning_leaves_no_file_of_its_own(pupil: School) -> None:
    pupil.go("remix.fresh=true", until="remix")
    found = sorted(path.name for path in (pupil.folder / "remix").iterdir())
    assert found == ["card.json", "dropped.parquet", "rows.parquet"]


def test_the_card_says_how_even_the_labels_are(pupil: School) -> None:
    card = pupil.go(until="remix")
    assert set(card["labels"]["sentiment"]) <= {"good", "bad", "yes", "no", "a", "b"}
    assert sum(card["labels"]["sentiment"].values()) == card["by_type"]["sentiment"]
    assert card["by_tier"] == {"permissive": card["counts"]["passed"]}
    assert sum(card["by_source"].values()) == card["counts"]["passed"]


def test_a_turn_of_an_unknown_source_is_refused(pupil: School) -> None:
    with pytest.raises(RecipeError, match=r"remix\.turns has squid, and no source is called so"):
        pupil.go("remix.turns={squid: 2}", until="remix")


def test_a_total_and_caps_of_types_exclude_each_other(pupil: School) -> None:
    with pytest.raises(RecipeError, match="cap_per_type and caps have no place"):
        pupil.go("remix.total=50", until="remix")


def test_a_mixture_gives_every_type_its_share(pupil: School) -> None:
    whole = pupil.go()
    card = pupil.go("teach.mixture={ynqa: 0}")
    assert 0 < card["pairs"] < whole["pairs"]
    few = pupil.go("teach.tokens=2000")
    assert 0 < few["pairs"] < card["pairs"]


def test_nothing_is_learned_from_a_held_out_source(pupil: School) -> None:
    whole = pupil.go()
    card = pupil.go("teach.held_out_sources=[rotten_tomatoes]")
    assert "sentiment" not in card["held_out"]
    assert card["held_out"]["sentiment, new source"] == 4
    assert card["pairs"] < whole["pairs"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("teach.mixture={ynqa: -1}", "a weight below 0"),
        ("teach.mixture={weather: 1}", "task type 'weather' is unknown"),
        ("teach.held_out_sources=[squid]", "no source is called squid"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused(pupil: School, change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        pupil.go(change)


def losses(folder: Path) -> list[dict[str, Any]]:
    """What was learned and measured, step by step, but for how long it took."""
    lines = (folder / "generator" / "losses.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


class CutError(Exception):
    """The end of a process, as far as a run can tell."""


def cut(event: Event) -> None:
    if event.stage == "teach" and event.done == 3:
        raise CutError


@pytest.mark.train
def test_teaching_that_is_paused_and_cut_off_ends_as_it_would_have(
    tiny_lesson: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    lesson = school.load(tiny_lesson, ["teach.checkpoint_seconds=0"])
    whole, broken = Run.at(tmp_path / "runs" / "whole"), Run.at(tmp_path / "runs" / "broken")
    school.go(lesson, whole, until="teach", listen=ignore)
    paused = school.go(lesson, broken, until="teach", listen=ignore, max_minutes=0)
    assert paused["paused"] == "1 of 5 steps"
    with pytest.raises(CutError):
        school.go(lesson, broken, until="teach", listen=cut)
    school.go(lesson, broken, until="teach", listen=ignore)
    assert losses(broken.folder) == losses(whole.folder)
    first, second = (
        (run.folder / "generator" / "adapter_model.safetensors").read_bytes()
        for run in (whole, broken)
    )
    assert first == second


def ignore(_: Event) -> None:
    """Hears nothing."""
