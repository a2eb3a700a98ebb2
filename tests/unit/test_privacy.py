"""Nothing of ours or of a library's is written to the home folder, and nothing is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCH = """
import socket, sys
calls = []
real = socket.socket.connect
def spied(self, address):
    calls.append(address)
    raise OSError("no network")
socket.socket.connect = spied
socket.getaddrinfo = lambda *a, **k: calls.append(a) or (_ for _ in ()).throw(OSError("no network"))
"""
AFTER = """
import threading
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(3)
print(calls)
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import katsuo.models.openvino", id="openvino"),
        pytest.param("import katsuo.readers\nimport markitdown", id="markitdown"),
        pytest.param(
            "import katsuo.models\nimport transformers",
            id="transformers",
            marks=pytest.mark.train,
        ),
    ],
)
def test_importing_engines_and_readers_tells_nobody(code: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", WATCH + code + AFTER],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
