"""What the system says of a disk becomes one line of ours; what is no disk's stays as it is."""

from __future__ import annotations

import errno
import os

import pytest

from katsuo.errors import DiskError, RecipeError, mendable, of_disk


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EDQUOT, "your share of the disk is used up"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "chmod, chown"),
        (errno.EPERM, "does not allow it"),
        (errno.EIO, "the disk does not answer"),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_an_error_of_the_disk_says_what_to_do_and_that_the_run_goes_on(
    number: int, says: str
) -> None:
    found = of_disk(OSError(number, os.strerror(number), "runs/a/rows.parquet"))
    assert str(found).startswith("runs/a/rows.parquet: ")
    assert says in str(found)
    assert "run the same command again: what is finished stays" in str(found)


def test_a_library_in_rust_says_it_in_its_own_words() -> None:
    error = RuntimeError("I/O error: No space left on device (os error 28)")
    assert str(of_disk(error)).startswith("the disk is full; make room, and")


def test_no_room_for_scratch_files_is_a_full_disk() -> None:
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert "TMPDIR" in str(of_disk(error))


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "gone", "x"), ValueError("28"), BrokenPipeError(32, "pipe")],
    ids=["absent", "no-error-of-the-system", "pipe"],
)
def test_any_other_error_is_not_of_the_disk(error: Exception) -> None:
    assert of_disk(error) is None


def test_ours_and_those_of_the_disk_are_mendable_and_nothing_else_is() -> None:
    ours = RecipeError("name a folder")
    assert mendable(ours) is ours
    assert isinstance(mendable(OSError(28, "full")), DiskError)
    assert mendable(KeyError("a bug")) is None
