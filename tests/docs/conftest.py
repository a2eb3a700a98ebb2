"""A folder in which the commands of a page are run as a reader would, with stand-ins where said.

`katsuo` there is this checkout's. In the quick form it takes fake models, `review` is answered
by a reader who drops the first task, and what installs or fetches does nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from katsuo.models import shelf

ROOT = Path(__file__).parents[2]
KATSUO = r"""
import json, os, re, signal, subprocess, sys, urllib.parse, urllib.request
words = sys.argv[1:]
ours = [sys.executable, "-m", "katsuo.cli"]
quick = os.environ["QUICK"] == "yes"
swapped = json.loads(os.environ["SWAPPED"])
words = [swapped.get(word, word) for word in words]
roads = ("run", "ingest", "generate", "curate", "adapt", "evaluate", "report")
if words[0] == "review":
    page = subprocess.Popen([*ours, *words], stdout=subprocess.PIPE, text=True)
    base = page.stdout.readline().split()[1]
    def get(url, **fields):
        host = "http://" + urllib.parse.urlsplit(base).netloc
        sent = urllib.parse.urlencode(fields).encode() if fields else None
        asked = urllib.request.Request(url, sent, {"Origin": host} if sent else {})
        return urllib.request.urlopen(asked).read().decode()
    task = re.search(r'href="([^"]*/task/[^"?]*)', get(base + "?fate=kept"))[1]
    get(urllib.parse.urljoin(base, task), version="0", verdict="drop")
    page.send_signal(signal.SIGINT)
    sys.exit(page.wait())
if words[0] == "models" and quick:
    sys.exit()
if words[0] in roads and quick:
    words += ["--set", "generate.generator=fake", "--set", "adapt.base=fake"]
done = subprocess.run([*ours, *words], capture_output=True, text=True)
print(done.stdout, end="")
print(done.stderr, end="", file=sys.stderr)
if quick and words[0] == "doctor":
    sys.exit(0 if done.returncode in (0, 2) else 1)
if quick and words[0] == "export" and "--model" in words:
    sys.exit(0 if "the base fake is not the model" in done.stderr else 1)
sys.exit(done.returncode)
"""
MAKE = r"""
import os, re, sys
targets = re.findall(r"^([a-z-]+):", open(os.environ["MAKEFILE"]).read(), re.MULTILINE)
sys.exit(0 if set(sys.argv[1:]) <= set(targets) else 2)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A reader's folder: the examples and recipes of the repository, and the commands."""

    folder: Path

    def run(self, block: str, *, quick: bool, swapped: Mapping[str, str] | None = None) -> str:
        """Run a block of a page, line by line until one fails; what it printed.

        Args:
            block: Lines for a shell.
            quick: Whether models are fakes.
            swapped: Words of the page -> words that are there, such as ids.
        """
        told = {"QUICK": "yes" if quick else "no", "SWAPPED": json.dumps(dict(swapped or {}))}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.folder, env=self._environment | told, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": os.pathsep.join([str(self.folder / ".venv" / "bin"), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "src"),
            "MAKEFILE": str(ROOT / "Makefile"),
            "HOME": str(self.folder),
            "KATSUO_HOME": str(shelf.home()),
            "HF_HUB_OFFLINE": "1",
        }


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, text in {"katsuo": KATSUO, "make": MAKE}.items():
        (commands / name).write_text(f"#!{sys.executable}\n{text}", "utf-8")
        (commands / name).chmod(stat.S_IRWXU)
    (commands / "activate").write_text("# the commands are on the path already\n", "utf-8")
    return Workplace(folder=tmp_path)


@pytest.fixture(scope="session")
def fenced() -> Callable[[Path, str], list[str]]:
    """The blocks of a page in a language."""

    def blocks(page: Path, language: str) -> list[str]:
        marked = rf"^```{language}\n(.*?)^```"
        return re.findall(marked, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)

    return blocks
