from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from katsuo.cli.main import app
from katsuo.errors import RecipeError
from katsuo.store.runs import Run


def test_the_command_says_what_it_wrote_and_left_out(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["export", str(run.folder), "--format", "lm-eval", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert result.stdout.startswith(str(out))
    assert "extract.jsonl: " in result.stdout
    assert "left out: type-not-scored" in result.stdout


def test_a_program_reads_one_object(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["export", str(run.folder), "--format", "trl", "--out", str(out), "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert told["folder"] == str(out)
    assert told["rows"]["data/train.jsonl"] > 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param([], "either --format .* or --model .* none of them", id="neither"),
        pytest.param(["--format", "trl", "--model", "gguf"], "both of them is given", id="both"),
        pytest.param(["--format", "trl", "--arm", "tapt"], "--arm goes with --model", id="arm"),
        pytest.param(
            ["--model", "gguf", "--split", "0.1"], "--split goes with --format", id="split"
        ),
        pytest.param(
            ["--model", "gguf", "--push-to-hub", "a/b"], "--push-to-hub goes with", id="push"
        ),
    ],
)
def test_flags_of_the_other_kind_are_refused(
    run: Run, tmp_path: Path, flags: list[str], said: str
) -> None:
    words = ["export", str(run.folder), "--out", str(tmp_path / "out"), *flags]
    result = CliRunner().invoke(app, words)
    with pytest.raises(RecipeError, match=said):
        raise result.exception  # type: ignore[misc]  # there is one
