"""Which languages do the bundled generators write? The same rules in German and in English.

python benchmarks/quality/bench_language.py              (fetches nothing; wants the base model)
python benchmarks/quality/bench_language.py --quick      (the fake generator: does the bench run?)

For each generator and language: drafts that parse, instructions in the language of the passage,
extracts that stand in it, and tasks that `well_formed` and `grounded` keep. A short instruction is
hard to tell, so the identifier chooses between German and English only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from statsmodels.stats.proportion import proportion_confint

from katsuo.models.fake import NAME as FAKE
from katsuo.models.shelf import GENERATORS
from katsuo.store import tables
from katsuo.types import Task, TaskType

TEXTS: Final = Path(__file__).parent / "languages"
LANGUAGES: Final = ("en", "de")
PER_PASSAGE: Final = 2
MOST: Final = 60


def share(part: int, whole: int) -> str:
    """A share with its Wilson interval."""
    if not whole:
        return "0 of 0"
    low, high = proportion_confint(part, whole, method="wilson")
    return f"{part} of {whole} ({100 * low:.0f} to {100 * high:.0f} %)"


def outside(task: Task) -> str:
    """The instruction without its passage."""
    return task.instruction.replace(task.context.strip(), " ")


def curated(generator: str, language: str, folder: Path) -> Path:
    """The run of one generator on one text, up to its curated tasks."""
    text = (TEXTS / f"{language}.md").read_text("utf-8").split("\n\n")[1:]
    source = folder / f"{language}.jsonl"
    source.write_text("".join(json.dumps({"text": each.strip()}) + "\n" for each in text), "utf-8")
    recipe, run = folder / f"{language}.yaml", folder / "runs" / generator / language
    base = f"adapt: {{base: {FAKE}}}\n" if generator == FAKE else ""
    recipe.write_text(
        f"ingest: {{paths: ['{source}'], text_column: text}}\n{base}"
        f"generate: {{generator: {generator}, task_types: [exqa, ynqa, nli], "
        f"per_context: {PER_PASSAGE}}}\n"
        "curate: [well_formed, grounded]\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "katsuo.cli", "curate", str(recipe), "--run", str(run)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return run


def measured(generator: str, language: str, folder: Path) -> dict[str, str]:
    """What a generator writes about one text."""
    run = curated(generator, language, folder)
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    drafts = list(tables.tasks(sorted((run / "2-tasks").glob("part-*.parquet"))))
    kept = list(tables.tasks(sorted((run / "3-curated").glob("part-*.parquet"))))
    counts = counts_of(run, "2-tasks")
    extracts = [task for task in drafts if task.type is TaskType.EXQA]
    same = [task for task in drafts if identifier.classify(outside(task))[0] == language]
    standing = [task for task in extracts if task.response.strip() in task.context]
    for task in drafts[:8]:
        print(f"{task.type.value}: {' '.join(outside(task).split())} -> {task.response}")
    assert counts["arrived"] <= MOST, "a run of this bench is small"
    return {
        "drafts that parse": share(counts["passed"], counts["arrived"]),
        "instructions in the language of the passage": share(len(same), len(drafts)),
        "extracts that stand in the passage": share(len(standing), len(extracts)),
        "kept by well_formed and grounded": share(len(kept), len(drafts)),
        "dropped": str(counts_of(run, "3-curated")["dropped"]),
    }


def counts_of(run: Path, stage: str) -> dict[str, Any]:
    """What a stage counted."""
    found: dict[str, Any] = json.loads((run / stage / "manifest.json").read_text("utf-8"))["counts"]
    return found


def main() -> None:
    """Every generator, every language, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("generators", nargs="*", help="bundled names; all of them by default")
    parser.add_argument("--quick", action="store_true", help="the fake; nothing is filed")
    given = parser.parse_args()
    names = [FAKE] if given.quick else given.generators or list(GENERATORS)
    with tempfile.TemporaryDirectory() as scratch:
        figures = {
            f"{name}, {language}": measured(name, language, Path(scratch))
            for name in names
            for language in LANGUAGES
        }
    if given.quick:
        print(json.dumps(figures, indent=1))
        return
    file(
        "language",
        figures,
        f"Seven passages, three task types, {PER_PASSAGE} drafts each; one seed. 95 % Wilson "
        "intervals; drafts about one passage are not independent, so they are too narrow.",
    )


if __name__ == "__main__":
    main()
