from __future__ import annotations

from pathlib import Path

import pytest

from katsuo.errors import RecipeError
from katsuo.store.files import new_folder, write_json
from katsuo.store.runs import FOLDERS, Cell, Run, StageFolder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.at(tmp_path / "runs" / "one")


def filled(cell: Cell, text: str) -> Cell:
    with new_folder(cell.folder) as folder:
        for name in ("rows.parquet", "dropped.parquet"):
            (folder / name).write_text(text, "utf-8")
        write_json(folder / "cell.json", {"said": text})
    return cell


def finished(stage: StageFolder, key: str) -> StageFolder:
    stage.begin()
    stage.part(0).write_text("rows", "utf-8")
    stage.dropped(0).write_text("lines", "utf-8")
    stage.finish({"key": key, "counts": {}})
    return stage


def test_runs_side_by_side_and_runs_inside_share_their_cells(run: Run, tmp_path: Path) -> None:
    beside, inside = Run.at(run.folder.with_name("two")), run.within("elsewhere")
    assert run.home == beside.home == inside.home == tmp_path / "runs" / ".cells"
    assert inside.folder == run.folder / "elsewhere"
    assert run.cell("generate", "k") == inside.cell("generate", "k")
    assert run.cell("generate", "k") != run.cell("curate", "k")


def test_the_folders_are_numbered_in_the_order_of_the_road() -> None:
    assert [name.partition("-")[0] for name in FOLDERS.values()] == list("123456")


def test_a_cell_is_done_when_its_folder_is_there(run: Run) -> None:
    cell = run.cell("generate", "key")
    assert (cell.done, cell.facts) == (False, {})
    filled(cell, "x")
    assert (cell.done, cell.facts) == (True, {"said": "x"})


def test_a_second_holder_is_told_so_and_the_next_one_gets_in(run: Run) -> None:
    with run.alone():
        with pytest.raises(RecipeError, match=r"another katsuo process .*--run"), run.alone():
            pytest.fail("two processes hold one run")
        with run.within("elsewhere").alone():
            pass
    with run.alone():
        pass


def test_a_run_is_let_go_when_its_work_fails(run: Run) -> None:
    with pytest.raises(ValueError, match="a bug"), run.alone():
        raise ValueError("a bug")
    with run.alone():
        pass


def test_a_folder_that_cannot_be_made_is_the_wrong_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with (
        pytest.raises(RecipeError, match=r"cannot be written .*name another folder"),
        Run.at(tmp_path / "file" / "run").alone(),
    ):
        pytest.fail("there is no such run")


def test_a_stage_is_done_for_its_key_alone(run: Run) -> None:
    stage = run.stage("generate")
    assert not stage.is_done("key")
    finished(stage, "key")
    assert stage.is_done("key")
    assert not stage.is_done("other key")


def test_a_stage_that_lost_an_output_is_not_done(run: Run) -> None:
    stage = finished(run.stage("generate"), "key")
    stage.dropped(0).unlink()
    assert not stage.is_done("key")


def test_a_stage_without_a_whole_manifest_is_not_done(run: Run) -> None:
    stage = finished(run.stage("generate"), "key")
    (stage.folder / "manifest.json").write_text('{"key": "key", "out', "utf-8")
    assert stage.manifest == {}
    assert not stage.is_done("key")


def test_a_stage_begins_empty_and_its_cells_stay(run: Run) -> None:
    stage = run.stage("generate")
    cell = filled(run.cell("generate", "key"), "x")
    finished(stage, "key").refer(1, cell)
    stage.begin()
    assert list(stage.folder.rglob("*")) == [stage.folder / "dropped"]
    assert cell.done


def test_shards_refer_to_cells_in_order(run: Run) -> None:
    stage = run.stage("generate")
    stage.begin()
    for number in (1, 0, 10):
        stage.refer(number, filled(run.cell("generate", str(number)), f"shard {number}"))
    shards = ["shard 0", "shard 1", "shard 10"]
    assert [path.read_text("utf-8") for path in stage.parts()] == shards
    assert [path.read_text("utf-8") for path in stage.dropped_parts()] == shards
    assert stage.part(0).samefile(run.cell("generate", "0").folder / "rows.parquet")


def test_a_manifest_lists_what_the_stage_made_and_nothing_hidden(run: Run) -> None:
    stage = run.stage("generate")
    stage.begin()
    (stage.folder / ".rows.partial").write_text("half", "utf-8")
    finished_stage = finished(stage, "key")
    outputs = finished_stage.manifest["outputs"]
    assert list(outputs) == ["dropped/part-00000.parquet", "part-00000.parquet"]
    assert all(len(digest) == 64 for digest in outputs.values())
    assert finished_stage.manifest["stage"] == "generate"
    assert finished_stage.outputs() == outputs
