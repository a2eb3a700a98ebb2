from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from katsuo.errors import RecipeError
from katsuo.store.files import (
    appearing,
    check_vacant,
    link,
    make_room,
    new_folder,
    read_json,
    sha256,
    sync,
    write_json,
    write_text,
)


class Interrupted(BaseException):
    """What a user's Ctrl-C is."""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def test_a_text_replaces_the_one_before_it_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "note.txt"
    write_text(path, "one\r\n")
    write_text(path, "two\r\ndeux é")
    assert path.read_bytes() == "two\r\ndeux é".encode()
    assert names(path.parent) == {"note.txt"}


def test_what_utf_8_cannot_hold_does_not_stop_a_report(tmp_path: Path) -> None:
    write_text(tmp_path / "note.txt", "a\ud800b")
    assert (tmp_path / "note.txt").read_text("utf-8") == "a?b"


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text(path, "old")
    with pytest.raises(TypeError):
        write_text(path, 7)  # type: ignore[arg-type]  # the point
    assert path.read_text("utf-8") == "old"


def test_json_comes_back_with_its_keys_in_order(tmp_path: Path) -> None:
    value = {"z": 1, "a": ["é", None, {"n": 0.5}]}
    write_json(tmp_path / "card.json", value)
    found = read_json(tmp_path / "card.json")
    assert found == value
    assert list(found) == ["z", "a"]


@pytest.mark.parametrize("text", [None, "", '{"a": 1', "[1]", "null"])
def test_what_is_no_whole_object_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "card.json"
    if text is not None:
        path.write_text(text, "utf-8")
    assert read_json(path) is None


def test_below_a_file_there_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: one\n", "utf-8")
    assert read_json(tmp_path / "recipe.yaml" / "3-curated" / "manifest.json") is None


def test_a_new_folder_needs_an_empty_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("file", "link", "."):
        with pytest.raises(RecipeError, match="is there already"):
            check_vacant(tmp_path / name)
    for name in ("empty", "none/deep"):
        check_vacant(tmp_path / name)
        make_room(tmp_path / name)
        assert (tmp_path / name).parent.is_dir()
        assert not (tmp_path / name).exists()


def test_a_folder_below_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file/out", "file/deep/out"):
        with pytest.raises(RecipeError, match="no folder can be made there"):
            make_room(tmp_path / name)


def test_a_digest_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    assert sha256(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "cells" / "key"
    with new_folder(path) as unfinished:
        (unfinished / "inner").mkdir()
        (unfinished / "inner" / "rows").write_text("rows", "utf-8")
        assert not path.exists()
    assert (path / "inner" / "rows").read_text("utf-8") == "rows"
    assert names(path.parent) == {"key", "inner", "rows"}


@pytest.mark.parametrize("error", [ValueError, Interrupted], ids=["error", "interrupt"])
def test_a_folder_that_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fill() -> None:
        with new_folder(tmp_path / "cells" / "key") as unfinished:
            (unfinished / "rows").write_text("half", "utf-8")
            raise error

    with pytest.raises(error):
        fill()
    assert names(tmp_path / "cells") == set()


def test_the_folder_of_a_faster_process_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with new_folder(path) as unfinished:
        (unfinished / "rows").write_text("mine", "utf-8")
        path.mkdir()
        (path / "rows").write_text("theirs", "utf-8")
    assert (path / "rows").read_text("utf-8") == "theirs"
    assert names(tmp_path) == {"key", "rows"}


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_makes_is_not(
    tmp_path: Path,
) -> None:
    dead, living, other = (
        tmp_path / f".{name}.partial"
        for name in (f"key.{2**22 + 1}", f"key.{os.getppid()}", f"other.{2**22 + 1}")
    )
    for folder in (dead, living, other):
        folder.mkdir()
        (folder / "rows").write_text("half", "utf-8")
    with new_folder(tmp_path / "key"):
        pass
    assert names(tmp_path) == {"key", living.name, other.name, "rows"}


def test_a_link_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "cell", tmp_path / "run" / "part"
    source.write_text("rows", "utf-8")
    link(source, target)
    assert target.samefile(source)
    other = tmp_path / "other"
    other.write_text("others", "utf-8")
    link(other, target)
    assert target.read_text("utf-8") == "others"
    assert names(target.parent) == {"part"}


def test_linking_twice_is_linking_once(tmp_path: Path) -> None:
    source, target = tmp_path / "cell", tmp_path / "run" / "part"
    source.write_text("rows", "utf-8")
    link(source, target)
    link(source, target)
    assert target.samefile(source)
    assert names(target.parent) == {"part"}


def test_a_folder_is_synced_with_what_is_below_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "rows").write_text("rows", "utf-8")
    sync(tmp_path)
    assert names(tmp_path) == {"inner", "rows"}


def test_a_folder_of_synced_files_appears_whole_as_well(tmp_path: Path) -> None:
    with new_folder(tmp_path / "cell", synced=True) as folder:
        write_text(folder / "a.txt", "a")
        assert not (tmp_path / "cell").exists()
    assert (tmp_path / "cell" / "a.txt").read_text("utf-8") == "a"


def test_an_error_of_the_disk_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text("before")

    def write() -> None:
        with appearing(path) as unfinished:
            unfinished.write_text("half")
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full") as found:
        write()
    assert found.value.filename == str(path)
    assert path.read_text() == "before"
    assert names(tmp_path) == {"rows.parquet"}
