"""A disk that is full, read-only or lost, and a clock that jumps: one line, and the run goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Before a command of root's: permissions bind it as they bind others."""
CENTURY_SECONDS = 100 * 365 * 24 * 3600
EXECUTORS = pytest.mark.parametrize("executor", ["local", "processes"])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe on fakes over a few documents, up to its report."""
    (tmp_path / "docs").mkdir()
    for n in range(5):
        text = f"The master of basin {n} may close the quay when the wind exceeds {n} metres."
        (tmp_path / "docs" / f"{n}.md").write_text(text, "utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"ingest: {{paths: ['{tmp_path / 'docs'}'], min_words: 4}}\n"
        "generate: {generator: fake}\nadapt: {base: fake}\n",
        "utf-8",
    )
    return path


def katsuo(
    recipe: Path,
    run: Path,
    *words: str,
    verb: str = "run",
    most_bytes: int | None = None,
    before: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Take the road in a process that may write files of so many bytes."""

    def bounded() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    command = [
        *before,
        sys.executable,
        "-m",
        "katsuo.cli",
        verb,
        str(recipe),
        "--run",
        str(run),
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=bounded)


def fault(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a run that ended with exit code 2."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("katsuo: ")]
    return line


def rows(run: Path) -> dict[str, bytes]:
    """Every table of a run."""
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*.parquet")}


def finished(recipe: Path, run: Path, like: Path) -> None:
    """The same command goes on from here, to the bytes of an unbroken run."""
    done = katsuo(recipe, run)
    assert done.returncode == 0, done.stderr
    assert not list(run.parent.rglob("*.partial"))
    assert katsuo(recipe, like).returncode == 0
    assert rows(run) == rows(like)


@EXECUTORS
def test_a_file_that_may_not_grow_is_named_and_the_run_goes_on_later(
    recipe: Path, tmp_path: Path, executor: str
) -> None:
    run = tmp_path / "runs" / "one"
    words = ("--set", f"execution.executor={executor}")
    line = fault(katsuo(recipe, run, *words, most_bytes=1024))
    assert "larger than the system lets you write" in line
    assert "run the same command again: what is finished stays" in line
    finished(recipe, run, tmp_path / "unbroken" / "one")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own, of some size or read-only; mounted again with each call."""
    place = tmp_path / "disk"
    place.mkdir()

    def mounted(options: str) -> Path:
        again = "remount," if os.path.ismount(place) else ""
        words = ["mount", "-t", "tmpfs", "-o", f"{again}{options}", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("this system lets the tests mount no disk")
        return place

    yield mounted
    if os.path.ismount(place):
        subprocess.run(["umount", str(place)], check=True)


@EXECUTORS
def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(
    recipe: Path, tmp_path: Path, small_disk: Callable[[str], Path], executor: str
) -> None:
    run = small_disk("size=80k") / "runs" / "one"
    line = fault(katsuo(recipe, run, "--set", f"execution.executor={executor}"))
    assert "the disk is full; make room" in line
    assert str(run.parent) in line
    small_disk("size=64m")
    finished(recipe, run, tmp_path / "unbroken" / "one")


def test_a_disk_that_became_read_only_is_said_and_what_was_done_stays(
    recipe: Path, tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    run = small_disk("size=64m") / "runs" / "one"
    assert katsuo(recipe, run, verb="generate").returncode == 0
    small_disk("ro")
    assert "Read-only file system" in fault(katsuo(recipe, run))
    small_disk("rw")
    done = katsuo(recipe, run)
    assert done.stderr.count("done already") == 2, done.stderr
    finished(recipe, run, tmp_path / "unbroken" / "one")


@pytest.fixture
def bound(tmp_path: Path) -> tuple[str, ...]:
    """What stands before a command that permissions shall bind."""
    before = BOUND if os.geteuid() == 0 else ()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    words = [*before, "touch", str(closed / "file")]
    try:
        code = subprocess.run(words, capture_output=True, check=False).returncode
    except FileNotFoundError:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    if code == 0 or (before and subprocess.run([*before, "true"], check=False).returncode):
        pytest.skip("permissions do not bind root here")
    return before


@pytest.mark.parametrize("below", ["one", "one/2-tasks", ".cells/2-tasks"])
def test_a_lost_permission_is_said_and_what_was_done_stays(
    recipe: Path, tmp_path: Path, bound: tuple[str, ...], below: str
) -> None:
    run = tmp_path / "runs" / "one"
    assert katsuo(recipe, run, verb="generate").returncode == 0
    lost = tmp_path / "runs" / below
    lost.chmod(0o500)
    try:
        line = fault(katsuo(recipe, run, "--seed", "7", before=bound))
    finally:
        lost.chmod(0o700)
    assert str(lost) in line
    finished(recipe, run, tmp_path / "unbroken" / "one")


@pytest.mark.parametrize("jump", [CENTURY_SECONDS, -CENTURY_SECONDS], ids=["ahead", "back"])
def test_a_clock_that_jumps_changes_nothing_that_is_done(
    recipe: Path, tmp_path: Path, jump: int
) -> None:
    run = tmp_path / "runs" / "one"
    assert katsuo(recipe, run).returncode == 0
    before = rows(run)
    for path in (tmp_path / "runs").rglob("*"):
        when = max(0, path.stat().st_mtime + jump)
        os.utime(path, (when, when))
    again = katsuo(recipe, run)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("done already") == 6, again.stderr
    edited = tmp_path / "docs" / "0.md"
    edited.write_text("Another rule about the eastern quay of the old basin holds now.", "utf-8")
    os.utime(edited, (1, 1))
    assert katsuo(recipe, run).returncode == 0
    assert rows(run) != before
