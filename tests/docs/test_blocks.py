"""The commands on the pages do what the pages say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from katsuo.models import shelf
from katsuo.store import tables
from katsuo.store.runs import Run

if TYPE_CHECKING:
    from tests.docs.conftest import Workplace

Fenced = Callable[[Path, str], list[str]]
ROOT = Path(__file__).parents[2]
TUTORIAL, README = ROOT / "docs" / "tutorial.md", ROOT / "README.md"
ELSEWHERE = ("teach", "go.sh")
"""Words of blocks whose work is hours long, or another machine's: they are parsed only."""


def take(workplace: Workplace, blocks: list[str], *, quick: bool) -> list[str]:
    """Run the tutorial's blocks in their order; what each printed."""
    return [workplace.run(block, quick=quick) for block in blocks]


def check_tutorial(workplace: Workplace, said: list[str]) -> None:
    """What the tutorial promises: a report, exports, a decision, and no word of the document."""
    folder = workplace.folder / "runs" / "harbour"
    assert (folder / "6-report" / "report.html").is_file()
    assert (workplace.folder / "harbour-tasks" / "lineage.jsonl").is_file()
    assert any("dropped-by-hand" in each for each in said)
    rows = [row for part in Run.at(folder).stage("ingest").parts() for row in tables.read(part)]
    assert rows
    assert not [row for row in rows if "lost-property" in row["source"]]


def test_the_tutorial_runs_as_it_stands(workplace: Workplace, fenced: Fenced) -> None:
    blocks = fenced(TUTORIAL, "sh")
    assert len(blocks) == 9
    check_tutorial(workplace, take(workplace, blocks, quick=True))


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.train
@pytest.mark.skipif(
    not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
    reason="the base model is not in the cache: katsuo models pull smollm2-135m",
)
def test_the_tutorial_runs_with_the_real_model(workplace: Workplace, fenced: Fenced) -> None:
    said = take(workplace, fenced(TUTORIAL, "sh"), quick=False)
    check_tutorial(workplace, said)
    assert list((workplace.folder / "harbour-model").glob("*.gguf"))


def test_the_commands_of_the_readme_run(workplace: Workplace, fenced: Fenced) -> None:
    contracts = workplace.folder / "contracts"
    shutil.copytree(ROOT / "examples" / "harbour" / "documents", contracts)
    (contracts / "bunkering-code.pdf").rename(contracts / "lease-2019.pdf")
    questions = ROOT / "examples" / "harbour" / "probes" / "harbour_yesno.jsonl"
    shutil.copy(questions, workplace.folder / "questions.jsonl")
    run = Run.at(workplace.folder / "runs" / "contracts")
    swapped = {}
    for block in fenced(README, "sh"):
        if any(word in block for word in ELSEWHERE):
            continue
        if "explain" in block:
            swapped = {"3f9ac2d1": next(tables.tasks(run.stage("curate").parts())).id}
        workplace.run(block, quick=True, swapped=swapped)
    rows = [row for part in run.stage("ingest").parts() for row in tables.read(part)]
    assert not [row for row in rows if "lease-2019" in row["source"]]


def test_the_python_of_the_readme_runs(workplace: Workplace, fenced: Fenced) -> None:
    (code,) = fenced(README, "python")
    given = (
        "import datasets\n"
        "rows = {'text': ['The pilot boards at the outer buoy.'], 'year': [1999]}\n"
        "dataset = datasets.Dataset.from_dict(rows)\n"
    )
    asked = "\nassert set(tasks.column_names) == {'input', 'output', 'text', 'year'}\n"
    quick = code.replace("smollm2-135m-bonito", "fake")
    done = subprocess.run(
        [sys.executable, "-c", given + quick + asked],
        cwd=workplace.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
