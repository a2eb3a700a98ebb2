from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katsuo.errors import DataError, RecipeError
from katsuo.store.parcels import SUMS, files_in, join, split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them in a folder, and one that stays behind."""
    made = tmp_path / "generator"
    (made / "checkpoint").mkdir(parents=True)
    (made / "card.json").write_text("{}", "utf-8")
    (made / "checkpoint" / "state").write_bytes(bytes(range(256)) * 100)
    (made / ".lock").touch()
    return made


@settings(max_examples=25)
@given(
    contents=st.dictionaries(
        st.text("abc", min_size=1, max_size=4), st.binary(max_size=3000), min_size=1, max_size=4
    ),
    piece_bytes=st.integers(700, 30_000),
)
def test_whatever_is_split_is_joined_as_it_was(
    contents: dict[str, bytes], piece_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "from").mkdir()
        for name, data in contents.items():
            (place / "from" / name).write_bytes(data)
        pieces = split(files_in(place / "from"), place / "parcel", piece_bytes)
        assert all(0 < piece.stat().st_size <= piece_bytes for piece in pieces)
        join(place / "parcel", place / "to")
        found = files_in(place / "to")
        assert {name: path.read_bytes() for name, path in found.items()} == contents


def test_a_machine_without_katsuo_can_join_a_parcel(folder: Path, tmp_path: Path) -> None:
    split(files_in(folder), tmp_path / "parcel", 8192)
    (tmp_path / "to").mkdir()
    command = f"sha256sum --check --quiet {SUMS} && cat piece-* | tar -xf - -C ../to"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path / "parcel")
    assert files_in(tmp_path / "to").keys() == {"card.json", "checkpoint/state"}


def test_the_same_files_give_the_same_pieces_and_an_earlier_parcel_goes(
    folder: Path, tmp_path: Path
) -> None:
    many = split(files_in(folder), tmp_path / "one", 4096)
    few = split(files_in(folder), tmp_path / "one", 20_000)
    assert len(few) < len(many)
    assert {path.name for path in (tmp_path / "one").iterdir()} == {SUMS, *(p.name for p in few)}
    split(files_in(folder), tmp_path / "two", 20_000)
    assert (tmp_path / "one" / SUMS).read_bytes() == (tmp_path / "two" / SUMS).read_bytes()


def test_a_piece_that_is_missing_or_damaged_is_named(folder: Path, tmp_path: Path) -> None:
    parcel = tmp_path / "parcel"
    *_, last = split(files_in(folder), parcel, 8192)
    last.write_bytes(last.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match=rf"{last.name}: is damaged or cut off"):
        join(parcel, tmp_path / "to")
    last.unlink()
    with pytest.raises(DataError, match=rf"{last.name}: is missing"):
        join(parcel, tmp_path / "to")
    (parcel / SUMS).unlink()
    with pytest.raises(DataError, match=f"no {SUMS}"):
        join(parcel, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_nothing_is_written_over_and_nothing_is_made_of_nothing(
    folder: Path, tmp_path: Path
) -> None:
    split(files_in(folder), tmp_path / "parcel", 8192)
    with pytest.raises(RecipeError, match="is there already"):
        join(tmp_path / "parcel", folder)
    with pytest.raises(DataError, match="no such folder, or no file in it"):
        files_in(tmp_path / "nowhere")


def test_a_parcel_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("any", "utf-8")
    split({"../outside": tmp_path / "file"}, tmp_path / "parcel", 30_000)
    with pytest.raises(tarfile.OutsideDestinationError):
        join(tmp_path / "parcel", tmp_path / "to")
    assert not (tmp_path / "outside").exists()
