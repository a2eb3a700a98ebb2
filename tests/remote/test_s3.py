"""A run on a real S3 server on this machine's loopback; `make test-remote` runs this."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from katsuo import recipe as recipes
from katsuo.errors import DataError, RecipeError
from katsuo.road import travel
from katsuo.store.remote import fetch, publish
from katsuo.store.runs import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of the client and the server
    pytest.mark.skipif(
        find_spec("moto") is None or find_spec("s3fs") is None,
        reason="s3fs and moto are not installed: make test-remote",
    ),
]
N_KILLS: Final = 10
SLOWEST_SECONDS: Final = 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with one bucket; every process of the tests finds it by its environment."""
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    started = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert started.stderr is not None
    said = ""
    while (found := re.search(r"http://127\.0\.0\.1:\d+", said)) is None:
        line = started.stderr.readline()
        assert line, said
        said += line
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", found[0])
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        system().mkdir("shelf")
        yield found[0]
    started.terminate()
    started.wait()
    started.stderr.close()


def system() -> Any:  # noqa: ANN401 -- the library has no types
    import s3fs

    return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)


@pytest.fixture
def run(fake_recipe: Path, tmp_path: Path) -> Run:
    """The whole road on fakes."""
    made = Run.at(tmp_path / "home" / "run")
    travel(recipes.load(fake_recipe), made, until="report", listen=lambda _: None)
    return made


def files(folder: Path) -> dict[str, bytes]:
    """All that a run states in its manifests, and they."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in found
        if not path.name.startswith(".") and path.name != "review.sqlite"
    }


def test_a_run_travels_there_and_back(server: str, run: Run, tmp_path: Path) -> None:
    url = "s3://shelf/whole"
    sent = publish(run.folder, url)
    assert sent.stages == 6
    before = system().find("shelf/whole", detail=True)
    assert publish(run.folder, url).files == 0
    after = system().find("shelf/whole", detail=True)
    written = {path for path in after if after[path] != before[path]}
    assert written <= {"shelf/whole/recipe.yaml"}
    assert fetch(url, tmp_path / "other").n_bytes == sent.n_bytes
    assert files(tmp_path / "other") == files(run.folder)


def test_a_fetched_run_is_done(server: str, run: Run, fake_recipe: Path, tmp_path: Path) -> None:
    publish(run.folder, "s3://shelf/done")
    other = Run.at(tmp_path / "elsewhere" / "run")
    fetch("s3://shelf/done", other.folder)
    said: list[str] = []
    travel(
        recipes.load(fake_recipe), other, until="report",
        listen=lambda event: said.append(event.note) if event.finished else None,
    )  # fmt: skip
    assert said == ["done already"] * 6


def test_kills_at_random_moments_lose_nothing(server: str, run: Run, tmp_path: Path) -> None:
    chance = random.Random(0)
    words = [sys.executable, "-m", "katsuo.cli", "publish", str(run.folder)]
    died = number = 0
    while died < N_KILLS:
        number += 1
        url = f"s3://shelf/killed-{number}"
        while died < N_KILLS and _killed([*words, url], chance):
            died += 1
        publish(run.folder, url)
        names = {path.rpartition("/")[2] for path in system().find(url)}
        assert "unfinished.json" not in names
        fetch(url, tmp_path / f"other-{number}")
        assert files(tmp_path / f"other-{number}") == files(run.folder)


def _killed(words: list[str], chance: random.Random) -> bool:
    """Whether the command was still at work when it was killed."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=chance.uniform(0.5, 1.0) * SLOWEST_SECONDS)
    working = process.poll() is None
    process.kill()
    process.wait()
    return working


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        pytest.param("s3://no-such-bucket/x", {}, id="no-bucket"),
        pytest.param("s3://shelf/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, id="no-server"),
    ],
)
def test_what_s3_refuses_is_one_line(
    server: str, run: Run, url: str, changed: dict[str, str]
) -> None:
    words = [sys.executable, "-m", "katsuo.cli", "publish", str(run.folder), url]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **changed}
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"katsuo: {url}")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_without_a_run_is_said(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished stage lies there"):
        fetch("s3://shelf/nothing", tmp_path / "other")
    with pytest.raises(RecipeError, match="no finished stage"):
        publish(tmp_path, "s3://shelf/nothing")
