"""Two real servers on loopback, a generator of ours in both; `make test-http` runs this.

katsuo generate ──▶ (a proxy that does harm) ──▶ llama.cpp's server, or vLLM's
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from katsuo import engines
from katsuo.models import shelf
from katsuo.models.merged_form import merged_form
from katsuo.store import tables
from katsuo.store.runs import Run

PYTHONS: Final = {
    "llamacpp": os.environ.get("KATSUO_HTTP_LLAMACPP", ""),
    "vllm": os.environ.get("KATSUO_HTTP_VLLM", ""),
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not any(PYTHONS.values()), reason="no server is installed: make test-http"),
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
]

HERE: Final = Path(__file__).parent
GENERATOR: Final = shelf.GENERATOR_NAME
KEY: Final = "a-key-for-loopback"
WINDOW: Final = 2048
START_SECONDS: Final = 900
"""Compiling and loading take a minute or two; a busy machine needs more."""
N_SMALL: Final = 8
LEAST_SAME: Final = 6
"""Of the drafts of the small run, beside those of our engine: other products, near ties."""
TROUBLE: Final = ("500", "garbage", "slow", "busy", "reset")
"""What the proxy does in turn instead of asking the server."""
TROUBLE_SECONDS: Final = 60
SLOW_SECONDS: Final = 45
"""What the server gets for an answer; what is slow takes longer, a byte at a time."""
N_LONG: Final = 72
"""Passages: more than the 64 that a shard has at most."""


class Server:
    """A server with a port of its own, which it has again after a restart."""

    def __init__(self, command: Callable[[int], list[str]], log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._command = command
        self._log = log
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        words = [sys.executable, str(HERE / "guard.py"), *self._command(self.port)]
        told = {
            "SERVER_KEY": KEY, "VLLM_API_KEY": KEY, "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1",
        }  # fmt: skip
        with self._log.open("ab") as log:
            self._guard = subprocess.Popen(
                words, stdin=subprocess.PIPE, stderr=log, env={**os.environ, **told}
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            late = time.monotonic() > until or self._guard.poll() is not None
            assert not late, self._log.read_text("utf-8", "replace")[-2000:]
            time.sleep(0.5)

    def kill(self) -> None:
        """Kill it and all its processes, as a machine does that runs out of memory."""
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()
        self._guard = None

    def _answers(self) -> bool:
        asked = urllib.request.Request(
            f"{self.url}/models", headers={"Authorization": f"Bearer {KEY}"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False


def command(kind: str, port: int) -> list[str]:
    """How the server is started, by its own program and without anything of ours."""
    found = engines.find(GENERATOR).model
    assert found is not None
    if kind == "llamacpp":
        script = str(HERE / "peer_llamacpp.py")
        return [PYTHONS[kind], script, str(shelf.gguf_form(found, "F16")), str(port), str(WINDOW)]
    return [
        PYTHONS[kind], "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1",
        "--port", str(port), "--model", str(merged_form(found)), "--served-model-name", GENERATOR,
        "--dtype", "float32", "--max-model-len", str(WINDOW), "--max-num-seqs", "4",
        "--enforce-eager",
    ]  # fmt: skip


class Proxy(ThreadingHTTPServer):
    """Hands requests on to a server, but does harm for so many seconds after the first."""

    daemon_threads = True

    def __init__(self, server: Server, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Harm)
        self.server = server
        self.seconds = seconds
        self.lock = threading.Lock()
        self.began: float | None = None
        self.done: list[str] = []

    def turn(self) -> str:
        """What to do to the next request."""
        with self.lock:
            self.began = self.began or time.monotonic()
            over = time.monotonic() > self.began + self.seconds
            self.done.append("" if over else TROUBLE[len(self.done) % len(TROUBLE)])
            return self.done[-1]


class Harm(BaseHTTPRequestHandler):
    """One request to the proxy."""

    def do_POST(self) -> None:
        proxy = self.server
        assert isinstance(proxy, Proxy)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        harm = proxy.turn()
        if harm == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif harm == "slow":
            self._head(200, 9999)
            with suppress(OSError):
                for _ in range(SLOW_SECONDS * 2):
                    self.wfile.write(b" ")
                    time.sleep(1)
        elif harm:
            self._say({"500": 500, "garbage": 200, "busy": 429}[harm], b"<html>try later</html>")
        else:
            asked = http.client.HTTPConnection("127.0.0.1", proxy.server.port)
            asked.request("POST", self.path, body, dict(self.headers))
            answer = asked.getresponse()
            self._say(answer.status, answer.read())

    def _say(self, status: int, data: bytes) -> None:
        self._head(status, len(data))
        self.wfile.write(data)

    def _head(self, status: int, n_bytes: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(n_bytes))
        if status == 429:
            self.send_header("Retry-After", "3")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def proxied(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server, TROUBLE_SECONDS)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.fixture(scope="module", params=list(PYTHONS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    kind = request.param
    if not PYTHONS[kind]:
        pytest.skip(f"KATSUO_HTTP_{kind.upper()} is not set: make test-http")
    served = Server(
        lambda port: command(kind, port), tmp_path_factory.mktemp("log") / f"{kind}.txt"
    )
    try:
        served.start()
        yield served
    finally:
        served.kill()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of short documents, one passage each."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(N_LONG):
        (folder / f"berth-{number:02d}.md").write_text(
            f"Berth {number} lies on the north quay and takes vessels of up to {number + 9} "
            f"metres. Whoever stays there longer than {number % 6 + 2} nights pays double.\n",
            "utf-8",
        )
    return folder


def recipe(folder: Path, documents: Path, **generate: Any) -> Path:  # noqa: ANN401
    """A recipe of greedy drafts, one a passage."""
    path = folder / "http.yaml"
    settings = {
        "generator": GENERATOR, "format": "bonito-v1", "task_types": ["ynqa"], "max_tokens": 64,
        "temperature": 0, "top_p": 1, **generate,
    }  # fmt: skip
    stated = {
        "name": "http",
        "ingest": {"paths": [str(documents)], "max_tokens": 120},
        "generate": settings,
    }
    path.write_text(json.dumps(stated), "utf-8")
    return path


def behind(url: str, **generate: Any) -> dict[str, Any]:  # noqa: ANN401
    """The settings of a generator behind a server."""
    return {"endpoint": url, "key_env": "TEST_KEY", "concurrency": 2, "timeout": 300, **generate}


def words(path: Path, run: Run, limit: int | None = None) -> list[str]:
    few = ["--set", f"limit={limit}"] if limit else []
    return [sys.executable, "-m", "katsuo.cli", "generate", str(path), "--run", str(run.folder),
            *few]  # fmt: skip


def generated(path: Path, run: Run, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """`katsuo ingest` and `katsuo generate`, by the command line."""
    environment = {**os.environ, "TEST_KEY": KEY}
    command = words(path, run, limit)
    ingest = [*command[:3], "ingest", *command[4:]]
    subprocess.run(ingest, check=True, capture_output=True, env=environment)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def drafts(run: Run) -> dict[str, tuple[str, str]]:
    """Instruction and response by the passage; every passage has one task at most."""
    rows = [row for part in run.stage("generate").parts() for row in tables.read(part)]
    tasks = {row["context_id"]: (row["instruction"], row["response"]) for row in rows}
    assert len(tasks) == len(rows) == len({row["id"] for row in rows})
    return tasks


def test_drafts_read_like_those_of_our_own_engine_and_the_key_stays_in_the_environment(
    server: Server, documents: Path, tmp_path: Path
) -> None:
    theirs, ours = Run.at(tmp_path / "a" / "theirs"), Run.at(tmp_path / "b" / "ours")
    done = generated(recipe(tmp_path, documents, **behind(server.url)), theirs, N_SMALL)
    assert done.returncode == 0, done.stderr
    alone = generated(recipe(tmp_path, documents, engine="openvino"), ours, N_SMALL)
    assert alone.returncode == 0, alone.stderr
    found, expected = drafts(theirs), drafts(ours)
    same = [one for one in found if found[one] == expected.get(one)]
    differing = [(found.get(one), expected[one]) for one in expected if one not in same]
    assert len(same) >= LEAST_SAME, differing
    counts = theirs.stage("generate").manifest["counts"]
    assert counts["arrived"] == N_SMALL
    assert len(found) >= len(expected) - 1
    files = [file for file in (tmp_path / "a").rglob("*") if file.is_file()]
    assert not any(KEY.encode() in file.read_bytes() for file in files)
    assert KEY not in done.stdout + done.stderr


def test_a_minute_of_trouble_changes_no_draft(
    server: Server, documents: Path, tmp_path: Path
) -> None:
    calm, troubled = Run.at(tmp_path / "a" / "calm"), Run.at(tmp_path / "b" / "troubled")
    done = generated(recipe(tmp_path, documents, **behind(server.url)), calm, N_SMALL)
    assert done.returncode == 0, done.stderr
    with proxied(server) as proxy:
        url = f"http://127.0.0.1:{proxy.server_address[1]}/v1"
        path = recipe(tmp_path, documents, **behind(url, timeout=SLOW_SECONDS, patience=300))
        done = generated(path, troubled, N_SMALL)
    assert done.returncode == 0, done.stderr
    assert set(proxy.done) == {"", *TROUBLE}
    assert proxy.done.count("") == N_SMALL
    counts = troubled.stage("generate").manifest["counts"]
    assert counts == calm.stage("generate").manifest["counts"]
    found, expected = drafts(troubled), drafts(calm)
    differing = [
        (found.get(one), expected[one]) for one in expected if found.get(one) != expected[one]
    ]
    assert N_SMALL - len(differing) >= LEAST_SAME, differing


def test_a_server_that_is_killed_is_one_line_and_the_run_goes_on_after_its_restart(
    server: Server, documents: Path, tmp_path: Path
) -> None:
    run = Run.at(tmp_path / "runs" / "one")
    path = recipe(tmp_path, documents, **behind(server.url, patience=3))
    subprocess.run(
        [*words(path, run)[:3], "ingest", *words(path, run)[4:]], check=True, capture_output=True
    )
    with subprocess.Popen(
        words(path, run), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TEST_KEY": KEY},
    ) as going:  # fmt: skip
        while not (finished := cells(run)) and going.poll() is None:
            time.sleep(0.05)
        server.kill()
        try:
            said = going.communicate(timeout=120)[1].strip().splitlines()
        finally:
            going.kill()
            server.start()
    assert going.returncode == 2, said
    assert "what is finished is kept, and the same command goes on" in said[-1]
    assert not any("Traceback" in line for line in said)
    assert len(finished) >= 1
    done = generated(path, run)
    assert done.returncode == 0, done.stderr
    counts = run.stage("generate").manifest["counts"]
    assert counts["arrived"] == N_LONG
    assert len(drafts(run)) == counts["passed"] > N_LONG // 2
    after = cells(run)
    assert {name: after[name] for name in finished} == finished
    assert len(after) > len(finished)


def cells(run: Run) -> dict[str, bytes]:
    """What is finished: the statement of every shard of drafts, with the seconds that it took."""
    return {str(path): path.read_bytes() for path in run.home.glob("2-tasks/[!.]*/cell.json")}
