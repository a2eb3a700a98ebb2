"""The demo's road with every way to another machine barred: nothing is sent, and nothing is missed.

    python with a guard ──▶ katsuo run recipes/demo.yaml ──▶ report.html, no attempt written down
    an empty network namespace, where one can be had ──▶ the same, for what is not Python too

The guard is an audit hook in every Python process, children included. It writes an attempt down
before it refuses it, so that one which is made in a thread, or forgiven, is seen as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from katsuo.models import shelf

ROOT = Path(__file__).parents[2]
GUARD = '''
import os, sys

HERE = ("", "localhost", "localhost.localdomain", "127.0.0.1", "::1", None)
WATCHED = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
           "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

def place(event, found):
    """The machine that an event names; None where it names none."""
    if event.startswith("socket.get"):
        return found[0]
    address = found[1]  # of this family of sockets: (host, port, ...); of the machine's own: a path
    if isinstance(address, tuple):
        return address[0] or ("every address" if event == "socket.bind" else "")
    return None

def guard(event, found):
    if event in WATCHED and (host := place(event, found)) not in HERE:
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{event} {host}\\n")
        raise PermissionError(f"offline: {event} {host}")

sys.addaudithook(guard)
with open(os.environ["GUARDED"], "a") as file:
    file.write(f"{os.getpid()}\\n")
'''
EMPTY = ("unshare", "--user", "--map-root-user", "--net")
FAKE = ("generate.generator=fake", "adapt.base=fake")
SMALL = ("limit=12", "adapt.max_steps=2", "evaluate.prompts=1", "evaluate.max_probes=3",
         "evaluate.harm.check=false")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """A folder with the guard in it, and what is written down there."""

    folder: Path

    @property
    def attempts(self) -> list[str]:
        """What was tried: the event, and the machine that it names."""
        return self._lines("attempts")

    @property
    def guarded(self) -> list[str]:
        """The processes that the guard was in."""
        return self._lines("guarded")

    @property
    def environment(self) -> dict[str, str]:
        """Of a process in which the guard is, with an empty home and no library told to be off."""
        told = ("HF_", "CI", "DO_NOT_TRACK", "ORT_", "RAY_", "VLLM_")
        kept = {name: said for name, said in os.environ.items() if not name.startswith(told)}
        home = self.folder / "home"
        return kept | {
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT / "src")]),
            "ATTEMPTS": str(self.folder / "attempts"),
            "GUARDED": str(self.folder / "guarded"),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "KATSUO_HOME": str(shelf.home()),
        }

    def python(self, *words: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run Python with `words`, in the repository."""
        return subprocess.run(
            [*before, sys.executable, *words],
            cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def travel(self, *changes: str, before: Sequence[str] = ()) -> Path:
        """Take the demo's road with `changes`; the run folder."""
        run = self.folder / "runs" / "demo"
        sets = [word for change in changes for word in ("--set", change)]
        words = ["-m", "katsuo.cli", "run", "recipes/demo.yaml", "--run", str(run), *sets]
        done = self.python(*words, before=before)
        assert done.returncode == 0, done.stderr
        return run

    def _lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.fixture
def barred(tmp_path: Path) -> Barred:
    (tmp_path / "sitecustomize.py").write_text(GUARD, "utf-8")
    (tmp_path / "home").mkdir()
    return Barred(folder=tmp_path)


@pytest.fixture
def empty() -> Sequence[str]:
    """Words before a command that take every network from it."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare on this machine")
    tried = subprocess.run([*EMPTY, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespace without privileges: {tried.stderr.strip()}")
    return EMPTY


def has_report(run: Path) -> bool:
    return (run / "6-report" / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_demo_asks_no_other_machine_and_leaves_nothing_at_home(barred: Barred) -> None:
    run = barred.travel(*FAKE)
    assert barred.attempts == []
    assert list((barred.folder / "home").rglob("*")) == []
    assert has_report(run)
    assert len(barred.guarded) > 1  # files are read in a process apart


def test_several_processes_take_the_road_in_a_network_that_is_empty(
    barred: Barred, empty: Sequence[str]
) -> None:
    run = barred.travel(*FAKE, "execution.executor=processes", "limit=20", before=empty)
    assert barred.attempts == []
    assert has_report(run)
    assert len(barred.guarded) > 3


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.train
@pytest.mark.skipif(
    not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
    reason="the base model is not in the cache: katsuo models pull smollm2-135m",
)
def test_the_demo_with_the_real_model_asks_nobody(barred: Barred, empty: Sequence[str]) -> None:
    run = barred.travel(*SMALL, before=empty)
    assert barred.attempts == []
    assert has_report(run)
    assert list((barred.folder / "home").rglob("*")) == []


@pytest.mark.parametrize(
    ("code", "attempt"),
    [
        pytest.param(
            "import socket; socket.create_connection(('katsuo.invalid', 443))",
            "socket.getaddrinfo katsuo.invalid",
            id="by-name",
        ),
        pytest.param(
            "import socket; socket.socket().connect(('192.0.2.1', 443))",
            "socket.connect 192.0.2.1",
            id="by-address",
        ),
        pytest.param(
            "import socket as s; s.socket(type=s.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
            "socket.sendto 192.0.2.1",
            id="without-a-connection",
        ),
        pytest.param(
            "import socket; socket.socket().bind(('', 0))",
            "socket.bind every address",
            id="listening-to-all",
        ),
        pytest.param(
            "import urllib.request as u\n"
            "try: u.urlopen('http://katsuo.invalid/')\nexcept OSError: pass",
            "socket.getaddrinfo katsuo.invalid",
            id="forgiven",
        ),
        pytest.param(
            "import socket, threading\n"
            "t = threading.Thread(target=socket.gethostbyname, args=('katsuo.invalid',))\n"
            "t.start(); t.join()",
            "socket.gethostbyname katsuo.invalid",
            id="in-a-thread",
        ),
        pytest.param(
            "import subprocess, sys\n"
            "say = \"import socket; socket.gethostbyname('katsuo.invalid')\"\n"
            "subprocess.run([sys.executable, '-c', say])",
            "socket.gethostbyname katsuo.invalid",
            id="in-a-child",
        ),
    ],
)
def test_the_guard_sees_an_attempt(barred: Barred, code: str, attempt: str) -> None:
    barred.python("-c", code)
    assert barred.attempts == [attempt]


def test_the_guard_leaves_this_machine_alone(barred: Barred) -> None:
    code = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()"
    )
    done = barred.python("-c", code)
    assert (done.returncode, barred.attempts) == (0, [])


def test_a_command_that_wants_the_network_does_not_pass_unseen(barred: Barred) -> None:
    done = barred.python("-m", "katsuo.cli", "models", "pull", "katsuo/no-such-model")
    assert done.returncode == 2
    assert set(barred.attempts) == {"socket.getaddrinfo huggingface.co"}


def test_an_empty_network_reaches_nobody(barred: Barred, empty: Sequence[str]) -> None:
    code = "import socket; socket.socket().connect(('192.0.2.1', 443))"
    # -S leaves the guard out: what refuses is the network, as it would refuse what is not Python.
    done = barred.python("-S", "-c", code, before=empty)
    assert "Network is unreachable" in done.stderr
