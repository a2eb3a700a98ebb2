"""The commands before and beside a run: preview, estimate, status, and completion in a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CALL = "import sys; sys.argv[0] = 'katsuo'; from katsuo.cli.main import run; run()"
"""As the installed command is called, whose name completion hangs on."""


def katsuo(
    *words: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALL, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


def test_a_preview_shows_tasks_with_verdicts_and_what_a_run_will_take(
    fake_recipe: Path, tmp_path: Path
) -> None:
    done = katsuo("preview", str(fake_recipe), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in ("passage", "instruction", "response", "verdict     kept", "15 drafts"):
        assert said in done.stdout
    assert "estimate for fake" in done.stdout
    assert not (tmp_path / "runs" / "fake").exists()


def test_a_preview_as_json_is_one_object(fake_recipe: Path, tmp_path: Path) -> None:
    done = katsuo("preview", str(fake_recipe), "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    assert len(said["shown"]) == 5
    assert {"context", "task", "kept", "dropped"} <= said["shown"][0].keys()
    assert said["estimate"]["lines"][0]["stage"] == "ingest"


def test_an_estimate_says_what_is_not_measured(fake_recipe: Path, tmp_path: Path) -> None:
    done = katsuo("estimate", str(fake_recipe), "--hardware", "h100", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not measured" in done.stdout
    assert "without what is not measured" in done.stdout


def test_an_estimate_takes_rates_of_the_users_own(fake_recipe: Path, tmp_path: Path) -> None:
    rates = tmp_path / "mine.yaml"
    rates.write_text(
        "mine:\n  machine: my laptop\n  rates:\n"
        "    - {name: passages_per_second, value: 6, measured: by me}\n",
        "utf-8",
    )
    words = ("estimate", str(fake_recipe), "--rates", str(rates), "--hardware", "mine", "--json")
    said = json.loads(katsuo(*words, cwd=tmp_path).stdout)
    assert said["lines"][0]["seconds"] == 6
    assert said["lines"][0]["measured"] == ["by me"]


def test_a_status_says_how_far_a_run_is(fake_recipe: Path, tmp_path: Path) -> None:
    assert katsuo("generate", str(fake_recipe), cwd=tmp_path).returncode == 0
    done = katsuo("status", "runs/fake", "--watch", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split(None, 1) for line in done.stdout.splitlines() if line.startswith("  ")]
    told = dict(lines)
    assert told["generate"].startswith("done")
    assert told["curate"].startswith("not begun")
    said = json.loads(katsuo("status", "runs/fake", "--json", cwd=tmp_path).stdout)
    assert said["runs"][0]["stages"][0]["state"] == "done"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_completion(shell: str) -> None:
    done = katsuo(env={"_KATSUO_COMPLETE": f"source_{shell}"})
    assert done.returncode == 0, done.stderr
    assert "_KATSUO_COMPLETE" in done.stdout


def test_completion_is_shown_for_the_shell_that_is_named() -> None:
    plain = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = katsuo("--show-completion", "bash", env=plain)
    assert done.returncode == 0, done.stderr
    assert "complete -o" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("katsuo pre", {"preview"}, id="command"),
        pytest.param("katsuo e", {"explain", "estimate", "evaluate", "export"}, id="several"),
        pytest.param("katsuo estimate --hard", {"--hardware"}, id="option"),
    ],
)
def test_bash_completes_commands_and_options(words: str, expected: set[str]) -> None:
    asked = {
        "_KATSUO_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    assert set(katsuo(env=asked).stdout.split()) == expected
