"""Which languages does the bundled generator write? The same rules in German and in English.

python benchmarks/quality/bench_language.py        (needs the package py3langid, and the model)

For each language: drafts that parse, instructions and free answers in the language of the passage,
and tasks that `well_formed` and `grounded` keep. A short instruction is hard to tell, so the
identifier chooses between German and English only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file
from statsmodels.stats.proportion import proportion_confint

from katsuo.store import tables
from katsuo.types import Task, TaskType

TEXTS: Final = Path(__file__).parent / "languages"
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


def measured(language: str, folder: Path) -> dict[str, str]:
    """What the generator writes about one text."""

    import py3langid

    py3langid.set_languages(["de", "en"])
    text = (TEXTS / f"{language}.md").read_text("utf-8").split("\n\n")[1:]
    source = folder / f"{language}.jsonl"
    source.write_text("".join(json.dumps({"text": each.strip()}) + "\n" for each in text), "utf-8")
    recipe, run = folder / f"{language}.yaml", folder / "runs" / language
    recipe.write_text(
        f"ingest: {{paths: ['{source}'], text_column: text}}\n"
        f"generate: {{task_types: [exqa, ynqa, nli], per_context: {PER_PASSAGE}}}\n"
        "curate: [well_formed, grounded]\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "katsuo.cli", "curate", str(recipe), "--run", str(run)]
    subprocess.run(command, check=True, capture_output=True)
    drafts = list(tables.tasks(sorted((run / "2-tasks").glob("part-*.parquet"))))
    kept = list(tables.tasks(sorted((run / "3-curated").glob("part-*.parquet"))))
    counts = json.loads((run / "2-tasks/manifest.json").read_text("utf-8"))["counts"]
    free = [task for task in drafts if task.type is TaskType.EXQA]
    same = [task for task in drafts if py3langid.classify(outside(task))[0] == language]
    spoken = [task for task in free if task.response.strip() in task.context]
    for task in drafts[:8]:
        print(f"{task.type.value}: {' '.join(outside(task).split())} -> {task.response}")
    assert counts["arrived"] <= MOST, "a run of this bench is small"
    return {
        "drafts that parse": share(counts["passed"], counts["arrived"]),
        "instructions in the language of the passage": share(len(same), len(drafts)),
        "extracts that stand in the passage": share(len(spoken), len(free)),
        "kept by well_formed and grounded": share(len(kept), len(drafts)),
        "dropped": str(counts_of(run)),
    }


def counts_of(run: Path) -> dict[str, Any]:
    """Reasons of curation."""
    manifest = json.loads((run / "3-curated/manifest.json").read_text("utf-8"))
    found: dict[str, Any] = manifest["counts"]["dropped"]
    return found


def main() -> None:
    """Both languages, one after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        figures = {name: measured(name, Path(scratch)) for name in ("en", "de")}
    file(
        "language",
        figures,
        f"Seven passages, three task types, {PER_PASSAGE} drafts each; one seed. 95 % Wilson "
        "intervals; drafts about one passage are not independent, so they are too narrow.",
    )


if __name__ == "__main__":
    main()
