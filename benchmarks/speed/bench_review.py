"""How long does the review page take at 100,000 tasks: index, first page, next one, decision?

python benchmarks/speed/bench_review.py [TASKS]

The stages are written as `katsuo curate` would leave them, about invented passages of 90 words.
Requests go to the application without a socket; the figures are of the server's work alone.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file, spread

from katsuo import recipe as recipes
from katsuo.review import index
from katsuo.review.app import app
from katsuo.review.desk import Desk
from katsuo.road.trip import Counts, Trip, peak_mib, reset_peak
from katsuo.store import tables
from katsuo.store.decisions import KEEP, Decisions, undecided
from katsuo.store.runs import Run
from katsuo.types import Context, Dropped, Origin, Span, Task, TaskType

TASKS: Final = 100_000
PER_PASSAGE: Final = 4
PER_SHARD: Final = 256
DECIDED: Final = 1_000
TURNS: Final = 20
REASONS: Final = (
    "answer-not-in-context",
    "duplicate-near",
    "instruction-too-short",
    "loop-in-text",
)
READING: Final = (
    "Goal: the first page under 300 ms once the index is there. The slowest task page is the first "
    "of a dropped task: its evidence is in no file, so the filters are made ready to look for it. "
    "Not measured: what the browser does, and real passages."
)
SYLLABLES: Final = "ba do fe gi ku la mo ne pi ra so tu vi wa ze".split()  # noqa: SIM905


def drafts(n_tasks: int) -> list[tuple[Context, list[Task]]]:
    """Passages, each with its drafts."""
    chance = random.Random(0)
    words = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(5_000)]
    kinds = list(TaskType)
    made = []
    for number in range(n_tasks // PER_PASSAGE):
        text = " ".join(chance.choices(words, k=90)) + "."
        context = Context(
            id=f"{number:016x}", document_id=f"{number // 40:016x}", text=text, start=0,
            end=len(text),
        )  # fmt: skip
        tasks = [
            Task(
                id=f"{number * PER_PASSAGE + turn:016x}",
                document_id=context.document_id,
                context_id=context.id,
                context=text,
                type=kinds[(number + turn) % len(kinds)],
                instruction=f"{text}\n\nWhat does {' '.join(chance.choices(words, k=8))} say?",
                response=text[:20],
                origin=Origin(generator="bench", format="bonito-v1", seed=number),
                evidence=(Span(start=0, end=20),),
                scores={"grounded": round(chance.random(), 3)},
            )
            for turn in range(PER_PASSAGE)
        ]
        made.append((context, tasks))
    return made


def written(folder: Path, n_tasks: int) -> Trip:
    """A run folder with three finished stages."""
    (folder / "document.txt").write_text("A text.", "utf-8")
    recipe = folder / "r.yaml"
    recipe.write_text(
        f"ingest: {{paths: ['{folder / 'document.txt'}']}}\n"
        "generate: {generator: fake}\nadapt: {base: fake}\n",
        "utf-8",
    )
    run = Run.at(folder / "runs" / "r")
    stages = {verb: run.stage(verb) for verb in ("ingest", "generate", "curate")}
    for stage in stages.values():
        stage.begin()
    kept: list[Task] = []
    lines: list[Dropped] = []
    made = drafts(n_tasks)
    step = PER_SHARD // PER_PASSAGE
    for shard, start in enumerate(range(0, len(made), step)):
        some = made[start : start + step]
        rows = [tables.context_row(one, f"files/{one.document_id}.pdf") for one, _ in some]
        tables.write(stages["ingest"].part(shard), tables.CONTEXTS, rows)
        tasks = [task for _, found in some for task in found]
        bare = (replace(task, evidence=(), scores={}) for task in tasks)
        tables.write(stages["generate"].part(shard), tables.TASKS, map(tables.task_row, bare))
        for task in tasks:
            if int(task.id, 16) % 5:
                kept.append(task)
            else:
                reason = REASONS[int(task.id, 16) // 5 % len(REASONS)]
                lines.append(
                    Dropped(item_id=task.id, stage="curate", by="bench", reason=reason, excerpt="x")
                )
    for part, start in enumerate(range(0, len(kept), tables.ROW_GROUP)):
        rows_of = map(tables.task_row, kept[start : start + tables.ROW_GROUP])
        tables.write(stages["curate"].part(part), tables.TASKS, rows_of)
    tables.write(stages["curate"].dropped(0), tables.DROPPED, map(tables.dropped_row, lines))
    for verb, stage in stages.items():
        stage.finish({"key": verb, "counts": Counts(unit="task").facts})
    return Trip(recipe=recipes.load(recipe), run=run, listen=lambda _: None)


def asked(application: Any, path: str, query: str = "", form: dict[str, str] | None = None) -> int:  # noqa: ANN401
    """The status of one request."""
    sent: list[dict[str, Any]] = []
    body = urlencode(form).encode() if form else b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST" if form else "GET", "path": path, "root_path": "",
        "raw_path": path.encode(), "query_string": query.encode(), "headers": [],
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 1), "client": ("c", 1),
    }  # fmt: skip
    asyncio.run(application(scope, receive, send))
    return int(sent[0]["status"])


def timed(work: Callable[[int], int], wanted: int = 200) -> dict[str, float]:
    """Milliseconds of `TURNS` calls."""
    took = []
    for turn in range(TURNS):
        began = time.perf_counter()
        status = work(turn)
        took.append(1000 * (time.perf_counter() - began))
        assert status == wanted, status
    return spread(took)


def measured(folder: Path, n_tasks: int) -> dict[str, Any]:
    """Write the run, then measure what a person waits for."""
    trip = written(folder, n_tasks)
    reset_peak()
    began = time.perf_counter()
    path = index.built(trip.run)
    seconds = time.perf_counter() - began
    figures: dict[str, Any] = {
        "tasks": n_tasks,
        "index, s": round(seconds, 2),
        "index, peak MiB of the process": peak_mib(),
        "index, MiB on disk": round(path.stat().st_size / 2**20, 1),
    }
    began = time.perf_counter()
    pages = app(Desk(trip), "/t/")
    assert asked(pages, "/") == 200
    figures["open the index, make the first page, ms"] = round(
        1000 * (time.perf_counter() - began), 1
    )
    ids = [f"{number:016x}" for number in range(0, n_tasks, n_tasks // TURNS)]
    decisions = Decisions(folder=trip.run.folder)
    drafts_ = tables.tasks(trip.run.stage("generate").parts()[:8])
    for draft, _ in zip(drafts_, range(DECIDED), strict=False):
        decisions.put(replace(undecided(draft), verdict=KEEP))
    figures["decisions in the file"] = len(decisions.standing())
    middle = n_tasks // 100
    versions = [
        decisions.of(task) for task in tables.tasks(trip.run.stage("generate").parts()[-1:])
    ]
    figures |= {
        "first page, ms": timed(lambda _: asked(pages, "/")),
        "next pages, ms": timed(lambda turn: asked(pages, "/", f"page={turn + 2}")),
        "a page in the middle, ms": timed(lambda turn: asked(pages, "/", f"page={middle + turn}")),
        "first page by type and score, ms": timed(
            lambda _: asked(pages, "/", "kind=exqa&least=0.5")
        ),
        "first page by part of a document's name, ms": timed(
            lambda turn: asked(pages, "/", f"document=00{turn}.pdf")
        ),
        "first page undecided, ms": timed(lambda _: asked(pages, "/", "mine=undecided")),
        "a task, ms": timed(lambda turn: asked(pages, f"/task/{ids[turn]}")),
        "a decision, ms": timed(
            lambda turn: asked(
                pages,
                f"/task/{versions[turn].task_id}",
                form={"version": str(versions[turn].version), "verdict": "keep"},
            ),
            303,
        ),
    }
    return figures


def main(n_tasks: int) -> None:
    """Measure in a folder that goes away."""
    with tempfile.TemporaryDirectory() as scratch:
        figures = measured(Path(scratch), n_tasks)
    file("review", figures, READING)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else TASKS)
