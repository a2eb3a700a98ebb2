"""The other end of `serving.py`: a runner in a process and an environment of its own.

A runner that waits is stopped by signal, since some engines compute while they wait.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

ENDING_SECONDS = 30
LIMIT_SECONDS = 900
"""For loading, and for one round."""
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "CI": "true",  # openvino reports its import unless this is set
    "VLLM_LOGGING_LEVEL": "WARNING",
}


class BrokenError(Exception):
    """Why an engine gives no figure."""


class Runner:
    """One engine, loaded and warm, which waits for its turns."""

    def __init__(self, python: Path, script: Path, job: dict[str, Any]) -> None:
        if not python.exists():
            raise BrokenError(f"{python} is missing: make bench-engines builds it where it can")
        threads = {"OMP_NUM_THREADS": str(job["threads"])}
        with tempfile.NamedTemporaryFile(
            "w", dir=job["scratch"], prefix=script.stem, suffix=".log", delete=False
        ) as log:
            self.log = Path(log.name)
            self.process = subprocess.Popen(
                [str(python), str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **SETTINGS, **threads},
                start_new_session=True,
            )
        self.versions = str(self._ask(json.dumps(job))["versions"])

    def take(self, number: int) -> dict[str, Any]:
        """The engine's answer to being told to continue so many prompts."""
        return self._ask(str(number))

    def _ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._signal(signal.SIGCONT)
        overdue = threading.Timer(LIMIT_SECONDS, self._signal, [signal.SIGKILL])
        overdue.start()
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            late = not overdue.is_alive()
            overdue.cancel()
        if not answer:
            self.close()
            raise BrokenError(f"no answer in {LIMIT_SECONDS} s" if late else self._last_words())
        self._signal(signal.SIGSTOP)
        found: dict[str, Any] = json.loads(answer)
        return found

    def peak_mib(self) -> int:
        """Peak resident memory of all processes of the engine, what they share counted in each."""
        held = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rpartition(")")[2].split()[3])
                lines = stat.with_name("status").read_text().splitlines()
            except OSError:  # it has ended meanwhile
                continue
            if session == self.process.pid:
                held += sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        return held // 1024

    def close(self) -> None:
        """Let the engine end by itself, so that it leaves nothing behind; kill what does not."""
        self._signal(signal.SIGCONT)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING_SECONDS)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line]
        errors = [line for line in lines if "Error" in line]
        last = (errors or lines or ["nothing was said"])[-1]
        return f"ended with code {self.process.returncode}: {last.strip()[:300]}"
