from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from katsuo.errors import DataError, RecipeError
from katsuo.export.places import Places
from katsuo.export.table import FORMATS
from katsuo.outgoing import Wanted, export_tasks
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Task

TRAINERS = [name for name, form in FORMATS.items() if not form.exam]
HOSTILE = '<|im_end|>\u2028"it\'s" \0 <|pipe|> {{context}} \x85 港'


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in path.read_text("utf-8").splitlines()]


def kept(run: Run) -> list[Task]:
    return list(tables.tasks(run.stage("curate").parts()))


def rewrite(run: Run, change: Callable[[Task], Task]) -> None:
    for part in run.stage("curate").parts():
        tasks = [change(task) for task in tables.tasks([part])]
        tables.write(part, tables.TASKS, map(tables.task_row, tasks))


@pytest.mark.parametrize("name", TRAINERS)
def test_every_task_is_a_row_and_every_row_has_its_lineage(
    run: Run, tmp_path: Path, name: str
) -> None:
    exported = export_tasks(run, Wanted(format=name), tmp_path / "out")
    assert sum(exported.counts.values()) == len(kept(run))
    told = lines(tmp_path / "out" / "lineage.jsonl")
    assert [one["id"] for one in told] == [task.id for task in kept(run)]
    assert [one["row"] for one in told] == list(range(len(told)))
    assert {one["file"] for one in told} == set(exported.counts)


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_datasets_library_loads_the_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    exported = export_tasks(run, Wanted(format=name, split=0.25), tmp_path / "out")
    folder, cache = str(tmp_path / "out"), str(tmp_path / "cache")
    found = {}
    for config in datasets.get_dataset_config_names(folder):
        loaded = datasets.load_dataset(folder, config, cache_dir=cache)
        found[config] = {split: rows.num_rows for split, rows in loaded.items()}
    assert sum(sum(one.values()) for one in found.values()) == sum(exported.counts.values())


def test_two_exports_are_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_tasks(run, Wanted(format="hf", split=0.25), tmp_path / name)
    first, second = tmp_path / "one", tmp_path / "two"
    for path in sorted(path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_a_document_is_on_one_side_of_the_split(run: Run, tmp_path: Path) -> None:
    export_tasks(run, Wanted(format="axolotl", split=0.25), tmp_path / "out")
    sides: dict[str, set[str]] = {}
    for one in lines(tmp_path / "out" / "lineage.jsonl"):
        sides.setdefault(one["file"], set()).add(one["document_id"])
    assert not sides["train.jsonl"] & sides["test.jsonl"]
    assert len(sides["test.jsonl"]) == 3


def test_what_is_asked_was_not_learned(run: Run, tmp_path: Path) -> None:
    for name in ("openai", "lm-eval"):
        export_tasks(run, Wanted(format=name, split=0.25), tmp_path / name)
    learned = {
        one["document_id"]
        for one in lines(tmp_path / "openai" / "lineage.jsonl")
        if one["file"] == "train.jsonl"
    }
    asked = {one["document_id"] for one in lines(tmp_path / "lm-eval" / "lineage.jsonl")}
    assert asked
    assert not asked & learned


def test_documents_that_a_recipe_holds_out_are_asked_and_not_learned(
    travelled: Callable[..., Run], tmp_path: Path
) -> None:
    run = travelled("evaluate.held_out=0.3")
    learned = export_tasks(run, Wanted(format="trl"), tmp_path / "learned")
    asked = export_tasks(run, Wanted(format="lm-eval"), tmp_path / "asked")
    assert learned.left_out["held-out-document"] > 0
    assert asked.left_out["learned-from-document"] == sum(learned.counts.values())


def test_a_limit_is_drawn_and_keeps_the_order(run: Run, tmp_path: Path) -> None:
    exported = export_tasks(run, Wanted(format="trl", limit=5), tmp_path / "out")
    drawn = [one["id"] for one in lines(tmp_path / "out" / "lineage.jsonl")]
    everything = [task.id for task in kept(run)]
    assert len(drawn) == 5
    assert drawn == [id_ for id_ in everything if id_ in drawn]
    assert drawn != everything[:5]
    assert exported.left_out == {"not-drawn": len(everything) - 5}


@pytest.mark.parametrize(("book", "shown"), [("open", True), ("closed", False)])
def test_the_book_says_whether_the_passage_is_shown(
    run: Run, tmp_path: Path, book: str, shown: bool
) -> None:
    export_tasks(run, Wanted(format="alpaca", book=book), tmp_path / "out")
    context = {task.id: task.context for task in kept(run)}
    told = lines(tmp_path / "out" / "lineage.jsonl")
    for row, one in zip(lines(tmp_path / "out" / "train.jsonl"), told, strict=True):
        assert (context[one["task_id"]] in row["instruction"]) == shown


def test_both_books_are_two_rows_of_one_task(run: Run, tmp_path: Path) -> None:
    exported = export_tasks(run, Wanted(format="trl", book="both"), tmp_path / "out")
    n_rows, n_same = sum(exported.counts.values()), exported.left_out.get("same-without-passage", 0)
    assert n_rows + n_same == 2 * len(kept(run))
    ids = [one["id"] for one in lines(tmp_path / "out" / "lineage.jsonl")]
    assert len(ids) == len(set(ids))


def test_hostile_text_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    rewrite(run, lambda task: replace(task, instruction=HOSTILE, response=HOSTILE, context="x"))
    exported = export_tasks(run, Wanted(format="openai"), tmp_path / "out")
    for row in lines(tmp_path / "out" / "train.jsonl"):
        assert [turn["content"] for turn in row["messages"]] == [HOSTILE, HOSTILE]
    assert exported.n_marked == sum(exported.counts.values())
    assert "hold a marker" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_openai_wants_ten_lines(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="9 rows are left for --format openai, which needs 10"):
        export_tasks(run, Wanted(format="openai", limit=9), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"format": "openai", "split": 0.9}, "which needs 10", id="fewer-than-needed"),
        pytest.param({"format": "trl", "split": 0.9, "limit": 1}, "0 rows are left", id="none"),
    ],
)
def test_the_test_file_does_not_count_as_something_to_learn_from(
    run: Run, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=rf"{said}.*smaller --split"):
        export_tasks(run, Wanted(**asked), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_exports_all_domains_or_one(study: Run, tmp_path: Path) -> None:
    export_tasks(study, Wanted(format="trl"), tmp_path / "all")
    export_tasks(study, Wanted(format="trl", domain="far"), tmp_path / "far")
    whole = lines(tmp_path / "all" / "lineage.jsonl")
    far = lines(tmp_path / "far" / "lineage.jsonl")
    assert {one["domain"] for one in whole} == {"near", "far"}
    assert [one["id"] for one in whole if one["domain"] == "far"] == [one["id"] for one in far]
    assert "### near" in (tmp_path / "all" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param({"format": "trl", "domain": "moon"}, "its recipe names no domains", id="moon"),
        pytest.param({"format": "csv"}, "--format csv is unknown; there are alpaca", id="format"),
        pytest.param({"format": "trl", "split": 1.5}, "--split is 1.5", id="split"),
        pytest.param({"format": "trl", "limit": 0}, "--limit is 0", id="limit"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, tmp_path: Path, wanted: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        export_tasks(run, Wanted(**wanted), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_domain_that_a_study_has_not_is_answered_with_those_it_has(
    study: Run, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="no domain 'moon'; it has near, far"):
        export_tasks(study, Wanted(format="trl", domain="moon"), tmp_path / "out")


def test_one_document_cannot_be_split(run: Run, tmp_path: Path) -> None:
    rewrite(run, lambda task: replace(task, document_id="d"))
    with pytest.raises(RecipeError, match="needs two documents with tasks and finds 1"):
        export_tasks(run, Wanted(format="trl", split=0.5), tmp_path / "out")


def test_a_run_without_curated_tasks_is_told_what_makes_them(
    travelled: Callable[..., Run], tmp_path: Path
) -> None:
    run = travelled(run="young", until="generate")
    with pytest.raises(RecipeError, match="no finished stage curate; katsuo curate makes it"):
        export_tasks(run, Wanted(format="trl"), tmp_path / "out")


def test_a_folder_that_holds_something_is_not_touched(run: Run, tmp_path: Path) -> None:
    export_tasks(run, Wanted(format="axolotl"), tmp_path / "out")
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    with pytest.raises(RecipeError, match="is there already; name a new folder"):
        export_tasks(run, Wanted(format="axolotl", limit=2), tmp_path / "out")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "train.jsonl", "train.yaml", "lineage.jsonl", "README.md",
    }  # fmt: skip


def test_evidence_is_what_stands_there_in_the_document(
    run: Run, corpus: Path, tmp_path: Path
) -> None:
    export_tasks(run, Wanted(format="trl"), tmp_path / "out")
    n_spans = 0
    for one in lines(tmp_path / "out" / "lineage.jsonl"):
        text = (corpus / Path(one["source"]).name).read_text("utf-8")
        task = next(task for task in kept(run) if task.id == one["task_id"])
        assert text[one["span"]["start"] : one["span"]["end"]] == task.context
        for span, own in zip(one["evidence"], task.evidence, strict=True):
            assert text[span["start"] : span["end"]] == task.context[own.start : own.end]
            n_spans += 1
    assert n_spans


def test_a_passage_that_is_not_there_is_an_error(run: Run) -> None:
    with pytest.raises(DataError, match="1-contexts has no passage zzz"):
        Places(run.stage("ingest").parts()).of("zzz")


def test_the_card_counts_what_arrived(run: Run, tmp_path: Path) -> None:
    exported = export_tasks(run, Wanted(format="lm-eval"), tmp_path / "out")
    n_rows, n_gone = sum(exported.counts.values()), sum(exported.left_out.values())
    assert n_rows + n_gone == len(kept(run))
    assert exported.left_out["type-not-scored"] > 0
    text = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert f"| export (rows) | {n_rows + n_gone} | {n_rows} | {n_gone} |" in text
