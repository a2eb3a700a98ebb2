"""`katsuo init`: three questions on a terminal, flags everywhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.cli.starting import Ask, asked
from katsuo.errors import KatsuoError


def answers(*said: str) -> Ask:
    """A person who says these things one after the other; nothing is return alone."""
    left = list(said)

    def ask(_: str, usual: str) -> str:
        return left.pop(0) or usual

    return ask


def test_three_questions_make_a_recipe(corpus: Path) -> None:
    wanted = asked(answers(str(corpus), "", ""))
    assert wanted.documents == [str(corpus)]
    assert wanted.recipe == Path("documents.yaml")
    assert wanted.types == "ynqa, exqa, nli"
    assert "held_out: 0.2" in (wanted.exam or "")


def test_long_and_short_names_of_tasks_are_known(corpus: Path) -> None:
    wanted = asked(answers(str(corpus), "none", "Summarization, extractive question answering"))
    assert wanted.types == "summarization, exqa"


def test_questions_about_own_documents_and_sets_are_told_apart(
    corpus: Path, probes: Path, tmp_path: Path
) -> None:
    own = tmp_path / "mine.jsonl"
    own.write_text('{"question": "Why?", "document": "order-00.md", "answers": ["So."]}\n', "utf-8")
    assert "questions: [" in (asked(answers(str(corpus), str(own), "")).exam or "")
    assert "sets: [" in (asked(answers(str(corpus), str(probes), "")).exam or "")


def test_one_document_alone_is_no_exam(corpus: Path) -> None:
    assert "sets: []" in (asked(answers(str(corpus / "order-00.md"), "", "")).exam or "")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param(("nowhere", "", ""), "no such file or folder", id="documents"),
        pytest.param((".", "nowhere.jsonl", ""), "no such file or folder", id="questions"),
        pytest.param((".", "", "riddles"), "riddles", id="tasks"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(said: tuple[str, ...], message: str) -> None:
    with pytest.raises(KatsuoError, match=message):
        asked(answers(*said))


def test_alone_on_a_terminal_it_asks_and_the_recipe_runs(corpus: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "katsuo.cli", "init"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, close_fds=True
    ) as process:
        os.close(theirs)
        os.write(ours, f"{corpus}\n\nynqa\n".encode())
        told = b""
        while process.poll() is None or b"wrote" not in told:
            try:
                told += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert process.returncode == 0, told
    assert b"katsuo preview documents.yaml" in told
    recipe = recipes.load(tmp_path / "documents.yaml", ["adapt.base=fake"])
    assert [kind.value for kind in recipe.generate.task_types] == ["ynqa"]
    assert recipe.evaluate.held_out == 0.2


def test_without_a_terminal_it_says_what_to_write(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "katsuo.cli", "init"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "katsuo init contracts.yaml ~/contracts" in done.stderr
