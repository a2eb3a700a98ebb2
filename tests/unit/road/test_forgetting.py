from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.road import lineage, travel
from katsuo.road.forgetting import foretold, forget
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.store.tombstones import forgotten
from katsuo.store.traces import Wanted, traces
from katsuo.types import Task

SECRET = "The quartermaster hides the brass key under the third plank of the boathouse floor."
Go = Callable[..., Run]


@pytest.fixture
def go(fake_recipe: Path, corpus: Path, tmp_path: Path) -> Go:
    """Travel with the fake recipe over documents one of which holds a secret."""
    (corpus / "secret.md").write_text(
        f"# Of the boathouse\n\n{SECRET} Nobody but she may open the door after dark. "
        "She writes down every hour at which it was opened.\n",
        "utf-8",
    )

    def travelled(*changes: str, run: str = "one", until: str = "report") -> Run:
        found = Run.at(tmp_path / "runs" / run)
        chosen = recipes.load(fake_recipe, changes)
        travel(chosen, found, until=until, listen=lambda _: None)
        return found

    return travelled


def curated(run: Run) -> dict[str, Task]:
    return {task.id: task for task in tables.tasks(run.stage("curate").parts())}


def found_in(folder: Path) -> list[Path]:
    return [path for path, _ in traces(folder, Wanted([SECRET]))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SECRET, True),
        (f'{{"said":"{SECRET.upper()}"}}', True),
        (f"<p>{SECRET.replace(' ', chr(10))}</p>", True),
        (SECRET.replace("brass", "iron"), False),
        ("The quartermaster hides the brass key", False),
        ("", False),
    ],
)
def test_a_sentence_is_its_words(text: str, *, found: bool) -> None:
    wanted = Wanted([SECRET, "The quartermaster hides nothing at all."])
    assert list(wanted.found_in(f"Before it. {text} Behind it.")) == [SECRET] * found


def test_sentences_without_spaces_are_looked_for_too(go: Go, corpus: Path) -> None:
    told = "真鍮の鍵は艇庫の三枚目の床板の下に隠されている。"
    (corpus / "kagi.md").write_text(f"{told} 主任だけが日没後に扉を開けてよい。\n", "utf-8")
    run = go(until="curate")
    (run.folder / "memo.txt").write_text(f"鍵について: {told}", "utf-8")
    found = forget(run.folder, "kagi.md", lambda _: None)
    assert found.n_sentences > 0
    assert [Path(name).name for name in found.deleted] == ["memo.txt"]


def test_every_sentence_of_the_document_is_looked_for(go: Go, corpus: Path) -> None:
    lines = [f"Clause {n} says that the {n} barrels of tar belong to nobody." for n in range(40)]
    (corpus / "tar.md").write_text("\n\n".join(lines) + "\n", "utf-8")
    run = go(until="curate")
    for number, line in enumerate(lines):
        (run.folder / f"note-{number}.txt").write_text(f"Seen: {line}", "utf-8")
    told = forget(run.folder, "tar.md", lambda _: None)
    assert told.n_sentences == len(told.deleted) == len(lines)


def test_lines_too_short_to_be_looked_for_leave_the_cells_of_other_settings_too(
    go: Go, corpus: Path
) -> None:
    (corpus / "staff.md").write_text("Anna Berg, crane four.\n\nOtto Lind, gate two.\n", "utf-8")
    go(until="curate")
    run = go("generate.per_context=2", "ingest.max_tokens=50", until="curate")
    assert forget(run.folder, "staff.md", lambda _: None).n_sentences == 0
    said = [str(row) for path in run.home.rglob("*.parquet") for row in tables.read(path)]
    assert not [text for text in said if "Otto Lind" in text]
    # With the settings of before, what had been read then does not come back.
    again = go(until="curate")
    assert not [task for task in curated(again).values() if "Otto Lind" in task.context]


def test_other_documents_that_have_the_same_words_are_named(go: Go, corpus: Path) -> None:
    (corpus / "zz-copy.md").write_bytes((corpus / "secret.md").read_bytes())
    run = go(until="curate")
    told = forget(run.folder, "secret.md", lambda _: None)
    assert [Path(name).name for name in told.copies] == ["zz-copy.md"]
    assert found_in(go(until="curate").folder)
    assert forget(run.folder, "zz-copy.md", lambda _: None).copies == ()
    assert not found_in(go(until="curate").folder)


def test_drafts_that_were_no_tasks_leave_with_their_document(go: Go, corpus: Path) -> None:
    settings = ("generate.task_types=[exqa]", "ingest.shard_passages=1")
    run = go(*settings, until="curate")
    lines = list(lineage.dropped(run, stage="generate"))
    source = lineage.story(run, lines[0].item_id).source
    forget(run.folder, source, lambda _: None)
    ledgers = (run.home / "2-tasks").rglob("dropped.parquet")
    left = {row["item_id"] for path in ledgers for row in tables.read(path)}
    assert lines[0].item_id not in left


def test_a_forgotten_document_leaves_no_trace_and_the_rest_stays(go: Go, tmp_path: Path) -> None:
    run = go()
    before = curated(run)
    own = {id_ for id_, task in before.items() if SECRET in task.context}
    assert own
    assert found_in(run.folder)
    assert found_in(run.home)

    told = forget(run.folder, "secret.md", lambda _: None)
    assert (told.n_tasks, told.n_before > 0, told.n_sentences > 0) == (len(own), True, True)
    assert found_in(tmp_path / "runs") == []

    again = go()
    assert found_in(tmp_path / "runs") == []
    assert curated(again) == {id_: task for id_, task in before.items() if id_ not in own}
    reasons = [line.reason for line in lineage.dropped(again, stage="ingest")]
    assert "document-forgotten" in reasons


class Stopped(BaseException):
    """Stands for `kill -9`."""


class Stopping:
    """Stops at the n-th step that takes something away or puts something in its place."""

    def __init__(self, patch: pytest.MonkeyPatch, n: int) -> None:
        self.left = n
        for name in ("unlink", "rmdir", "rename", "replace"):
            patch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, step: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **more: object) -> object:
            if self.left == 0:
                raise Stopped
            self.left -= 1
            return step(*args, **more)

        return counted


@pytest.mark.parametrize("n", range(0, 110, 11))
def test_what_is_stopped_at_any_step_is_done_by_the_same_call(
    go: Go, tmp_path: Path, n: int
) -> None:
    run = go("adapt.arms=[tasks, {raw: {curate: []}}]")
    (run.folder / "memo.txt").write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        Stopping(patch, n)
        with suppress(Stopped):
            forget(run.folder, "secret.md", lambda _: None)
    with suppress(RecipeError):  # where it was stopped behind the last trace
        forget(run.folder, "secret.md", lambda _: None)
    assert found_in(tmp_path / "runs") == []
    again = go("adapt.arms=[tasks, {raw: {curate: []}}]")
    assert found_in(tmp_path / "runs") == []
    assert curated(again)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param((), id="plain"),
        pytest.param(("generate.budget={per_100_words: 9}",), id="budget"),
        pytest.param(("generate.passes=2",), id="two-passes"),
    ],
)
def test_nothing_is_generated_anew_for_the_other_documents(
    go: Go, changes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = go(*changes, until="curate")
    forget(run.folder, "secret.md", lambda _: None)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr("katsuo.engines.open_completes", opened)
    assert curated(go(*changes, until="curate"))


def test_a_document_of_many_dropped_drafts_costs_the_others_nothing(
    go: Go, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n\n".join(f"Berth {n} is let to the barge of that number." for n in range(60))
    (corpus / "berths.md").write_text(text + "\n", "utf-8")
    settings = ("ingest.shard_passages=7",)
    run = go(*settings, until="curate")
    monkeypatch.setattr("katsuo.road.forgetting._AHEAD", 3)
    forget(run.folder, "berths.md", lambda _: None)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr("katsuo.engines.open_completes", opened)
    assert curated(go(*settings, until="curate"))


def test_what_would_go_is_told_and_nothing_is_changed(go: Go) -> None:
    run = go()
    told = foretold(run.folder, "secret.md")
    assert told.adapters == ("tapt, seed 0", "tasks, seed 0")
    assert told.n_passages == 1
    assert found_in(run.folder)
    assert forgotten(run.home) == []


def test_adapters_that_learned_of_it_are_gone_and_others_stay(go: Go) -> None:
    run = go("adapt.arms=[tasks, tapt]", "adapt.max_tasks=1")
    learned = {row["arm"] for row in tables.read(run.stage("adapt").folder / lineage.LEARNED)}
    told = forget(run.folder, "secret.md", lambda _: None)
    assert learned == {"tasks", "tapt"}
    assert "tapt, seed 0" in told.adapters
    cells = list((run.home / "4-adapters").glob("*/adapter_model.safetensors"))
    assert len(cells) == 2 - len(told.adapters)


def test_the_document_stays_out_of_other_runs_beside_this_one(go: Go) -> None:
    forget(go(until="curate").folder, "secret.md", lambda _: None)
    assert not found_in(go(run="two", until="curate").folder)


def test_a_run_beside_this_one_that_holds_it_is_named_and_left_alone(go: Go) -> None:
    other = go(run="two", until="curate")
    told = forget(go(until="curate").folder, "secret.md", lambda _: None)
    assert told.beside == ("two",)
    assert found_in(other.folder)


def test_files_of_ones_own_in_the_run_folder_are_searched_too(go: Go) -> None:
    run = go(until="curate")
    (run.folder / "export.jsonl").write_text(json.dumps({"text": f"é {SECRET}"}), "utf-8")
    (run.folder / "page.html").write_text(SECRET.replace("key", "&#107;ey"), "utf-8")
    with closing(sqlite3.connect(run.folder / "notes.sqlite")) as database:
        database.execute("CREATE TABLE notes (said TEXT)")
        database.execute("INSERT INTO notes VALUES (?)", (f"seen: {SECRET}",))
        database.commit()
    assert len(found_in(run.folder)) >= 3
    told = forget(run.folder, "secret.md", lambda _: None)
    assert found_in(run.folder) == []
    assert {Path(name).name for name in told.deleted} == {
        "export.jsonl",
        "page.html",
        "notes.sqlite",
    }


@pytest.mark.parametrize(
    ("named", "said"),
    [
        pytest.param("nothing.md", "holds no document nothing.md; it holds", id="no-such-name"),
        pytest.param("old/secret.md", "holds no document old/secret.md", id="in-another-folder"),
    ],
)
def test_an_unknown_document_is_refused_with_known_ones(go: Go, named: str, said: str) -> None:
    run = go(until="curate")
    with pytest.raises(RecipeError, match=said):
        forget(run.folder, named, lambda _: None)


def test_the_end_of_a_path_names_a_document(go: Go, corpus: Path) -> None:
    run = go(until="curate")
    for named in ("secret.md", f"{corpus.name}/secret.md", f"./{corpus.name}/secret.md"):
        assert foretold(run.folder, named).n_passages > 0


def test_a_name_that_two_documents_have_is_refused(go: Go, corpus: Path) -> None:
    (corpus / "inner").mkdir()
    (corpus / "inner" / "secret.md").write_text("Another secret stands in this file of ours.")
    run = go(until="curate")
    with pytest.raises(RecipeError, match="give the whole path"):
        forget(run.folder, "secret.md", lambda _: None)
