"""Where did a row come from, and what became of everything else?

    funnel   every stage's arrived, passed and dropped, from its ledger, held against its manifest
    dropped  the ledger lines themselves
    story    all that a run knows of one passage, draft or task

All of it is read from a run folder; nothing is made or changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo import seeds
from katsuo.errors import DataError, RecipeError
from katsuo.road.labelling import labelled_of
from katsuo.stages.generate import draft_id
from katsuo.stages.tuning import task_pairs
from katsuo.store import tables
from katsuo.store.runs import FOLDERS, Run
from katsuo.types import Context, Dropped, Pair, Task, digest

FEWEST_ID_CHARS: Final = 6
"""A shorter beginning of an id could be that of many."""
LEARNED: Final = "learned.parquet"
"""In `4-adapters`: which pairs each tuning learned, by the digest of prompt and target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage's ledger."""

    stage: str
    unit: str
    arrived: int
    passed: int
    dropped: dict[str, dict[str, int]]
    """By whom, for which reason, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a run knows of one row."""

    context: Context | None
    """None for a ledger line that is about no passage of the run, such as a repeated passage."""
    source: str
    """The document, as it was named when it was read; empty without a passage."""
    task: Task | None = None
    """The draft or task; None for a passage, and for a draft that could not be read as a task."""
    kept: bool = False
    """Whether it stands in `3-curated`."""
    dropped: Dropped | None = None
    learned_by: tuple[str, ...] = ()
    """Tunings that learned it, as `arm, seed 0`."""


def pair_id(pair: Pair) -> str:
    """Names a pair that a tuning learned."""
    return digest("pair", pair.prompt, pair.target)


def runs_in(folder: Path) -> list[Run]:
    """The run in `folder` and those inside it: the domains of a study, the arms with own tasks.

    Raises:
        RecipeError: If there is none.
    """
    found = sorted(path.parent for path in folder.rglob(FOLDERS["ingest"]) if path.is_dir())
    if not found:
        raise RecipeError(f"{folder}: is no run folder; name one, such as runs/demo")
    return [Run(folder=path, home=folder.parent / ".cells") for path in found]


def funnel(run: Run) -> list[Step]:
    """The ledgers of all finished stages that have one, in the order of the road.

    Raises:
        DataError: If a ledger and its manifest do not say the same.
    """
    steps = []
    for verb in FOLDERS:
        stage = run.stage(verb)
        counts = stage.manifest.get("counts")
        if not counts or "domains" in stage.manifest:  # the sum of a study; its domains tell more
            continue
        gone = Counter((line.by, line.reason) for line in _lines(run, verb))
        stated = Counter(counts["dropped"])
        found: Counter[str] = Counter()
        dropped: dict[str, dict[str, int]] = {}
        for (by, reason), n in sorted(gone.items()):
            found[reason] += n
            dropped.setdefault(by, {})[reason] = n
        if found != stated or counts["arrived"] != counts["passed"] + gone.total():
            raise DataError(
                f"{stage.folder}: the ledger holds {gone.total()} lines, and the manifest says "
                f"{counts['arrived']} arrived and {counts['passed']} passed; run the stage again"
            )
        steps.append(
            Step(
                stage=verb,
                unit=counts["unit"],
                arrived=counts["arrived"],
                passed=counts["passed"],
                dropped=dropped,
            )
        )
    return steps


def dropped(
    run: Run, *, stage: str | None = None, by: str | None = None, reason: str | None = None
) -> Iterator[Dropped]:
    """The ledger lines of `run` that answer to all that is asked, in the order of the road."""
    for verb in FOLDERS if stage is None else (stage,):
        for line in _lines(run, verb):
            if by in (None, line.by) and reason in (None, line.reason):
                yield line


def sampled(lines: Iterator[Dropped], size: int, seed: int) -> list[Dropped]:
    """`size` of the lines, each as likely, in their order; memory does not grow with the lines."""
    chance = seeds.stream(seed, "dropped")
    taken: list[tuple[int, Dropped]] = []
    for number, line in enumerate(lines):
        if len(taken) < size:
            taken.append((number, line))
        elif (place := chance.randrange(number + 1)) < size:
            taken[place] = (number, line)
    return [line for _, line in sorted(taken, key=lambda pair: pair[0])]


def story(run: Run, id_: str) -> Story:
    """All that `run` knows of the passage, draft or task whose id begins with `id_`.

    Raises:
        RecipeError: If there is none, or more than one.
    """
    if len(id_) < FEWEST_ID_CHARS:
        raise RecipeError(f"{id_!r} is too short for an id; give {FEWEST_ID_CHARS} signs or more")
    found = list(_found(run, id_))
    if not found:
        raise RecipeError(
            f"{run.folder}: knows nothing of {id_}; ids stand in the column id of "
            "3-curated/part-*.parquet and in the lines of katsuo dropped"
        )
    if len(found) > 1:
        raise RecipeError(f"{run.folder}: {id_} begins {len(found)} ids; give more of it")
    return found[0]


def _found(run: Run, id_: str) -> Iterator[Story]:
    curated = run.stage("curate").parts()
    kept = {task.id: task for task in tables.tasks(curated) if task.id.startswith(id_)}
    drafts = [t for t in tables.tasks(run.stage("generate").parts()) if t.id.startswith(id_)]
    gone = {line.item_id: line for line in dropped(run) if line.item_id.startswith(id_)}
    for draft in drafts:
        task = kept.get(draft.id, draft)
        context, source = _context(run, task.context_id)
        yield Story(
            context=context,
            source=source,
            task=task,
            kept=draft.id in kept,
            dropped=gone.get(draft.id),
            learned_by=_learned_by(run, task),
        )
    unread = gone.keys() - {draft.id for draft in drafts}
    told: set[str] = set()
    for row in _contexts(run):
        context = tables.context_of(row)
        if context.id.startswith(id_):
            yield Story(context=context, source=row["source"])
        if not unread:  # then nobody need know which drafts a passage was asked for
            continue
        manifest = run.stage("generate").manifest
        asked = drafts_of(manifest, context.id) | labelled_of(manifest, context.id)
        for draft_name in unread & asked:
            told.add(draft_name)
            yield Story(context=context, source=row["source"], dropped=gone[draft_name])
    for name in sorted(unread - told):
        yield Story(context=None, source="", dropped=gone[name])


def drafts_of(manifest: Mapping[str, Any], context_id: str) -> set[str]:
    """The ids that drafts about a passage may have in a run with this manifest of `generate`.

    How many a passage had depends on what it says, so not every id is that of a draft.
    """
    asked = manifest.get("settings")
    if not asked:
        return set()
    named = asked["generator"]
    own = [name for name in asked.get("tasks", ()) if name not in asked.get("label_readers", ())]
    generator = named if asked["engine"] == "fake" else f"{named}@{asked['identity'][:16]}"
    return {
        draft_id(generator, asked["format"], context_id, kind, number)
        for kind in (*asked["task_types"], *own)
        for number in range(_most_drafts(asked))
    }


def _most_drafts(asked: Mapping[str, Any]) -> int:
    """Drafts of each type from one passage in all passes, at most."""
    budget = asked.get("budget")
    return int(budget["at_most"] if budget else asked["per_context"]) * int(asked.get("passes", 1))


def _learned_by(run: Run, task: Task) -> tuple[str, ...]:
    path = run.stage("adapt").folder / LEARNED
    if not path.is_file():
        return ()
    books = ("open", "closed")
    own = {pair_id(pair) for book in books for pair in task_pairs([task], book)}
    rows = (row for row in tables.read(path) if row["pair_id"] in own)
    return tuple(sorted({f"{row['arm']}, seed {row['seed']}" for row in rows}))


def _context(run: Run, id_: str) -> tuple[Context, str]:
    for row in _contexts(run):
        if row["id"] == id_:
            return tables.context_of(row), row["source"]
    raise DataError(
        f"{run.folder}: holds tasks about a passage {id_} that it has not; run it again"
    )


def _contexts(run: Run) -> Iterator[dict[str, Any]]:
    for part in run.stage("ingest").parts():
        yield from tables.read(part)


def _lines(run: Run, verb: str) -> Iterator[Dropped]:
    for part in run.stage(verb).dropped_parts():
        yield from map(tables.dropped_of, tables.read(part))
