"""Does `well_formed` tell tasks in another language than their passage, and only those?

python benchmarks/quality/bench_other_language.py ROWS      (ROWS: the rows.parquet of a remix)

    same      human-written tasks about their own passage: none may be dropped
    mixed     the questions and free answers of those tasks beside German passages, and German
              sentences as questions beside English documents: put together here, all of them wrong

The thresholds were chosen on another draw of the same rows, which is left out here.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow.parquet as pq
from filing import file, share, spread

from katsuo.filters.well_formed import WellFormed
from katsuo.store import tables
from katsuo.types import Origin, Task, TaskType

GERMAN: Final = Path(__file__).parent / "languages" / "de.md"
SHOWN: Final = 10
TURNS: Final = 3
TELLING: Final = "in-other-language"


def drawn(path: Path, many: int) -> list[Task]:
    """So many tasks of a remix by seed, none of those that the thresholds were chosen on."""
    rows = pq.read_table(path)
    seen = set(random.Random(0).sample(range(rows.num_rows), min(20_000, rows.num_rows // 2)))
    left = [number for number in range(rows.num_rows) if number not in seen]
    chosen = sorted(random.Random(1).sample(left, min(many, len(left))))
    return [tables.task_of(row) for row in rows.take(chosen).to_pylist()]


def about(passage: str, question: str, response: str = "", *, kind: TaskType) -> Task:
    """A task of these words."""
    return Task(
        id="t",
        document_id="d",
        context_id="c",
        context=passage,
        type=kind,
        instruction=f"{passage}\n\n{question}",
        response=response or "1",
        origin=Origin(generator="bench", format="bench", seed=0),
    )


def asked(task: Task) -> str:
    """The instruction without its passage."""
    return " ".join(task.instruction.replace(task.context.strip(), " ").split())


def german() -> list[str]:
    """The German passages."""
    return [each.strip() for each in GERMAN.read_text("utf-8").split("\n\n")[1:]]


def english(folder: Path) -> list[str]:
    """Paragraphs of 40 to 300 words of English documents."""
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*/*.[mt][dx]*"))]
    found = [" ".join(each.split()) for text in texts for each in re.split(r"\n\s*\n", text)]
    return [each for each in found if 40 <= len(each.split()) <= 300]


def told(tasks: Sequence[Task], part: str) -> list[bool]:
    """Of which tasks `part` is said to be in another language."""
    verdicts = WellFormed().judge(tasks)
    return [verdict.reason == f"{part}-{TELLING}" for verdict in verdicts]


def mixed(tasks: Sequence[Task]) -> dict[str, tuple[list[Task], str]]:
    """Made-up tasks of two languages, and the part that is in the other one."""
    chance = random.Random(2)
    passages = german()
    free = [task for task in tasks if task.type is TaskType.QA and len(task.response.split()) >= 8]
    found = {
        "English questions, German passages": (
            [about(chance.choice(passages), asked(task), kind=TaskType.EXQA) for task in tasks],
            "instruction",
        ),
        "English free answers of 8 words or more, German questions and passages": (
            [
                about(chance.choice(passages), "Was steht da?", task.response, kind=TaskType.QA)
                for task in free
            ],
            "response",
        ),
    }
    if data := os.environ.get("KATSUO_DATA"):
        sentences = [each for text in passages for each in re.split(r"(?<=\.) (?=[A-ZÄÖÜ])", text)]
        made = [
            about(passage, sentence, kind=TaskType.EXQA)
            for passage in english(Path(data) / "documents")
            for sentence in chance.sample(sentences, 3)
        ]
        found["German sentences as questions, English documents"] = (made, "instruction")
    return found


def seconds(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """Microseconds of processor time a task, without and with languages, in turn."""
    took: dict[str, list[float]] = {"any": [], "same": []}
    for _ in range(TURNS):
        for how, found in took.items():
            began = time.process_time()
            WellFormed(languages=how).judge(tasks)
            found.append((time.process_time() - began) / len(tasks) * 1e6)
    return {f"microseconds a task, languages {how}": spread(found) for how, found in took.items()}


def main() -> None:
    """All figures, and some of the tasks behind them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=Path)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--no-file", action="store_true", help="print and write nothing")
    given = parser.parse_args()
    tasks = drawn(given.rows, given.tasks)
    verdicts = WellFormed().judge(tasks)
    reasons = Counter(verdict.reason for verdict in verdicts if not verdict.keep)
    wrong = [task for task, v in zip(tasks, verdicts, strict=True) if TELLING in v.reason]
    figures: dict[str, Any] = {
        "English tasks dropped for their language": share(len(wrong), len(tasks)),
        "English tasks dropped for anything": dict(reasons),
    }
    for task in wrong:
        print("dropped:", task.context[:200], "|", asked(task), "->", task.response)
    for name, (made, part) in mixed(tasks[:2000]).items():
        found = told(made, part)
        figures[name] = share(sum(found), len(made))
        for hit in (True, False):
            some = [task for task, was in zip(made, found, strict=True) if was is hit][:SHOWN]
            for task in some:
                said = asked(task) if part == "instruction" else task.response
                print(f"{name}, {'dropped' if hit else 'kept'}: {said}")
    figures |= seconds(tasks[:5000])
    if given.no_file:
        print(figures)
        return
    file(
        "other_language",
        figures,
        "Shares with 95 % Wilson intervals. Made-up tasks repeat few passages and sentences, so "
        "their intervals are too narrow. Each of the tasks timed is about another passage as a "
        "rule; tasks of a run share theirs, which is looked at once.",
    )


if __name__ == "__main__":
    main()
