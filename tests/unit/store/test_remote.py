from __future__ import annotations

import json
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from katsuo.errors import DataError, RecipeError
from katsuo.store.remote import fetch, publish
from katsuo.store.runs import Run


def made(folder: Path, **files: str) -> Path:
    """A run with one finished stage that holds `files`, and one that is not finished."""
    run = Run.at(folder)
    stage = run.stage("generate")
    stage.begin()
    for name, text in files.items():
        (stage.folder / name).write_text(text, "utf-8")
    (stage.folder / "dropped" / "part-00000.parquet").write_text("lines", "utf-8")
    stage.finish({"key": "k"})
    run.stage("curate").begin()
    run.stage("curate").part(0).write_text("half", "utf-8")
    (folder / "recipe.yaml").write_text("name: r\n", "utf-8")
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def memory() -> Iterator[str]:
    """A URL in memory."""
    system = fsspec.filesystem("memory")
    yield "memory://shelf/run"
    system.rm("/shelf", recursive=True)


def test_what_was_published_can_be_fetched_elsewhere(memory: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", a="one", b="two")
    sent = publish(run, memory)
    assert (sent.stages, sent.files) == (1, 4)
    got = fetch(memory, tmp_path / "other")
    assert got == sent
    expected = {name: text for name, text in texts(run).items() if not name.startswith("3-")}
    assert texts(tmp_path / "other") == expected
    assert Run.at(tmp_path / "other").stage("generate").is_done("k")


def test_a_folder_of_this_machine_does_too(tmp_path: Path) -> None:
    run = made(tmp_path / "run", a="one")
    url = f"file://{tmp_path}/shelf/run"
    publish(run, url)
    assert publish(run, url).files == fetch(url, tmp_path / "run").files == 0
    assert fetch(url, tmp_path / "other").files == 3


def test_a_run_inside_a_run_travels_with_it(memory: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", a="one")
    made(run / "elsewhere", a="another")
    assert publish(run, memory).stages == fetch(memory, tmp_path / "other").stages == 2
    found = tmp_path / "other" / "elsewhere" / "2-tasks" / "a"
    assert found.read_text("utf-8") == "another"


def test_what_was_fetched_in_part_is_completed(memory: str, tmp_path: Path) -> None:
    publish(made(tmp_path / "run", a="one", b="two"), memory)
    half = tmp_path / "other" / "2-tasks"
    half.mkdir(parents=True)
    (half / "a").write_text("one", "utf-8")
    (half / "b").write_text("owt", "utf-8")
    (half / "c").write_text("stale", "utf-8")
    assert fetch(memory, tmp_path / "other").files == 3
    assert texts(tmp_path / "other") == {
        name: text for name, text in texts(tmp_path / "run").items() if not name.startswith("3-")
    }


def test_what_lies_there_is_not_sent_again(memory: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", a="one", b="two")
    publish(run, memory)
    assert publish(run, memory).files == 0
    made(run, a="one", b="owt", c="new")
    assert publish(run, memory).files == 3
    made(run, a="one")
    publish(run, memory)
    fetch(memory, tmp_path / "other")
    assert set(texts(tmp_path / "other" / "2-tasks")) == {
        "a", "dropped/part-00000.parquet", "manifest.json",
    }  # fmt: skip


class Failing(MemoryFileSystem):  # type: ignore[misc]  # the library has no types
    """Memory that takes so many files more, and then no other; shared by all."""

    protocol = "failing"
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    left: ClassVar[float] = inf

    def _spend(self) -> None:
        if Failing.left <= 0:
            raise OSError("the line is dead")
        Failing.left -= 1

    def put_file(self, lpath: str, rpath: str, **more: object) -> None:
        self._spend()
        super().put_file(lpath, rpath, **more)

    def pipe_file(self, path: str, value: bytes, **more: object) -> None:
        self._spend()
        super().pipe_file(path, value, **more)


fsspec.register_implementation("failing", Failing, clobber=True)


@pytest.mark.parametrize("n_before", range(9))
def test_whatever_was_cut_off_is_taken_up(n_before: int, tmp_path: Path) -> None:
    url = f"failing://shelf/{n_before}"
    run = made(tmp_path / "run", **{f"f{i}": f"text {i}" for i in range(5)})
    Failing.left = n_before
    try:
        with pytest.raises(DataError, match=r"the line is dead; .* the same command goes on"):
            publish(run, url)
    finally:
        Failing.left = inf
    if n_before < 8:  # behind the eighth comes recipe.yaml alone
        with pytest.raises(DataError, match="no finished stage"):
            fetch(url, tmp_path / "early")
    again = publish(run, url)
    assert again.files <= max(0, 8 - n_before)
    fetch(url, tmp_path / "other")
    kept = {name: text for name, text in texts(run).items() if not name.startswith("3-")}
    assert texts(tmp_path / "other") == kept
    assert not [path for path in Failing().find("/") if path.endswith("unfinished.json")]


def test_other_bytes_than_the_manifest_states_are_refused(memory: str, tmp_path: Path) -> None:
    publish(made(tmp_path / "run", a="one"), memory)
    fsspec.filesystem("memory").pipe_file("/shelf/run/2-tasks/a", b"eno")
    with pytest.raises(DataError, match=r"2-tasks/a: its sha256 is not the one"):
        fetch(memory, tmp_path / "other")
    assert not Run.at(tmp_path / "other").stage("generate").manifest


def test_a_manifest_that_names_places_outside_is_refused(memory: str, tmp_path: Path) -> None:
    said = json.dumps({"outputs": {"../../evil": "0" * 64}})
    fsspec.filesystem("memory").pipe_file("/shelf/run/2-tasks/manifest.json", said.encode())
    with pytest.raises(DataError, match="which lies outside"):
        fetch(memory, tmp_path / "other")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("nowhere://bucket/x", "nowhere", id="unknown-kind"),
        pytest.param("memory://empty/x", "no finished stage lies there", id="nothing-there"),
    ],
)
def test_a_url_that_cannot_be_fetched_is_said_in_one_line(
    url: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises((RecipeError, DataError), match=said):
        fetch(url, tmp_path / "other")


def test_a_run_without_a_finished_stage_is_not_published(memory: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no finished stage"):
        publish(tmp_path, memory)
    fsspec.filesystem("memory").pipe_file("/shelf/x", b"")
