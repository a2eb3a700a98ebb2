"""`katsuo funnel`, `dropped`, `explain` and `forget`: where rows came from, and why others left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from katsuo.cli.running import AsJson
from katsuo.scoring.coverage import placed

if TYPE_CHECKING:
    from katsuo.road.forgetting import Forgotten
    from katsuo.road.lineage import Step, Story
    from katsuo.types import Context, Dropped, Task

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/demo.")]
Stage = Annotated[
    str | None, typer.Option(help="Of one stage: ingest, generate, curate, adapt or evaluate.")
]
By = Annotated[str | None, typer.Option(help="By one filter or part, such as grounded.")]
Reason = Annotated[str | None, typer.Option(help="For one reason, such as answer-not-in-context.")]
Sample = Annotated[
    int | None, typer.Option(min=1, help="So many lines, drawn by chance; all of them without it.")
]
Seed = Annotated[int, typer.Option(help="Root of the draw.")]
RowId = Annotated[
    str, typer.Argument(metavar="ID", help="A task's, draft's or passage's id, or its beginning.")
]

DocumentName = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="Its path, file name or id, as explain tells it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it, say what would be done.")]

_WIDTH: Final = 100


def add(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("funnel", epilog="Example: katsuo funnel runs/demo")(funnel)
    app.command("dropped", epilog="Example: katsuo dropped runs/demo --by grounded --sample 10")(
        dropped
    )
    app.command("forget", epilog="Example: katsuo forget runs/demo tariff-schedule.md --yes")(
        forget
    )
    app.command("explain", epilog="Example: katsuo explain runs/demo 3f9ac2d1")(explain)


def funnel(run: RunPath, as_json: AsJson = False) -> None:
    """Count what arrived, passed and was dropped at every stage, by whom and why."""
    from dataclasses import asdict

    from katsuo.road import lineage

    told = {_name(one.folder, run): lineage.funnel(one) for one in lineage.runs_in(run)}
    if as_json:
        print(json.dumps({name: [asdict(step) for step in steps] for name, steps in told.items()}))
        return
    for name, steps in told.items():
        print("\n".join(_funnel(name, steps)))


def dropped(
    run: RunPath,
    stage: Stage = None,
    by: By = None,
    reason: Reason = None,
    sample: Sample = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Print what was dropped: the row's id, by whom, why, and how it began."""
    from katsuo.road import lineage
    from katsuo.store.tables import dropped_row

    _check(stage)
    lines = (
        line
        for one in lineage.runs_in(run)
        for line in lineage.dropped(one, stage=stage, by=by, reason=reason)
    )
    chosen = lines if sample is None else iter(lineage.sampled(lines, sample, seed))
    n_lines = 0
    for line in chosen:
        n_lines += 1
        print(json.dumps(dropped_row(line), ensure_ascii=False) if as_json else _line(line))
    if not n_lines and not as_json:
        print("nothing was dropped so; katsuo funnel says by whom and why rows were")


def explain(run: RunPath, row_id: RowId, as_json: AsJson = False) -> None:
    """Tell the whole story of a row: document, passage, evidence, generator, scores, fate."""
    from katsuo.errors import RecipeError
    from katsuo.road import lineage

    stories = []
    refused: RecipeError | None = None
    for one in lineage.runs_in(run):
        try:
            stories.append(lineage.story(one, row_id))
        except RecipeError as error:
            refused = error
    if not stories:
        assert refused is not None, "a run either tells a story or says why not"
        raise refused
    for story in stories:
        print(
            json.dumps(_facts(story), ensure_ascii=False) if as_json else "\n".join(_story(story))
        )


def forget(run: RunPath, document: DocumentName, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a document out of a run with all that came of it, and keep it out of later runs."""
    from dataclasses import asdict

    from katsuo.road.forgetting import foretold
    from katsuo.road.forgetting import forget as forgotten

    told = forgotten(run, document, lambda _: None) if yes else foretold(run, document)
    if as_json:
        print(json.dumps({"done": yes, **asdict(told)}, ensure_ascii=False))
        return
    print("\n".join(_forgotten(told, run, done=yes)))


def _forgotten(told: Forgotten, run: Path, *, done: bool) -> Iterator[str]:
    yield f"{'forgotten' if done else 'would be forgotten'}: {', '.join(told.sources)}"
    yield f"passages {told.n_passages}, curated tasks {told.n_tasks}"
    yield f"adapters that learned of it, now to be tuned anew: {'; '.join(told.adapters) or 'none'}"
    if told.copies:
        yield (
            f"passages of the same words come in from other documents: {', '.join(told.copies)}; "
            "to forget these, too, put the run together again and then name them"
        )
    if not done:
        yield "files of your own in the run folder that hold a sentence of it would be deleted, too"
        yield "the same command with --yes does it; it cannot be undone"
        return
    yield (
        f"{told.n_sentences} sentences that only it had: {told.n_before} files held one, none does"
        if told.n_sentences
        else "it had no sentence of its own that could be looked for"
    )
    for path in told.deleted:
        yield f"deleted, for it held a sentence of it: {path}"
    if told.beside:
        yield f"runs beside this one that still hold it: {', '.join(told.beside)}"
    yield f"what is left is put together again by: katsuo run {run}"


def _check(stage: str | None) -> None:
    from katsuo.errors import RecipeError
    from katsuo.store.runs import FOLDERS

    if stage is not None and stage not in FOLDERS:
        raise RecipeError(f"no stage is called {stage!r}; the stages are {', '.join(FOLDERS)}")


def _name(folder: Path, run: Path) -> str:
    return str(folder) if folder == run else str(folder.relative_to(run))


def _funnel(name: str, steps: list[Step]) -> Iterator[str]:
    yield f"{name}"
    yield f"{'stage':<10} {'arrived':>9} {'passed':>9} {'dropped':>9}"
    for step in steps:
        n_dropped = step.arrived - step.passed
        yield f"{step.stage:<10} {step.arrived:>9} {step.passed:>9} {n_dropped:>9}  {step.unit}s"
        for by, reasons in step.dropped.items():
            for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
                yield f"{'':<30} {n:>9}  {by}: {reason}"
    yield ""


def _line(line: Dropped) -> str:
    excerpt = " ".join(line.excerpt.split())
    return f"{line.item_id}  {line.stage}  {line.by}: {line.reason}  {excerpt[:_WIDTH]}"


def _facts(story: Story) -> dict[str, Any]:
    """A story as JSON."""
    from katsuo.store import tables

    task = story.task
    return {
        "context": story.context and tables.context_row(story.context, story.source),
        "task": None if task is None else tables.task_row(task),
        "kept": story.kept,
        "dropped": None if story.dropped is None else tables.dropped_row(story.dropped),
        "learned_by": list(story.learned_by),
    }


def _story(story: Story) -> Iterator[str]:
    context, task = story.context, story.task
    if context is not None:
        yield from _place(context, story.source)
    if task is not None:
        about = "" if task.answerable else ", not answered by the passage"
        own = f"{task.name}, like " if task.name else ""
        yield f"task        {task.id}: {own}{task.type.full_name}{about}"
        origin = task.origin
        yield f"written by  {origin.generator}, format {origin.format}, seed {origin.seed}"
        yield f"scores      {_scores(task.scores)}{_changed(task)}"
    if story.dropped is not None:
        line = story.dropped
        yield f"fate        dropped by {line.by} in {line.stage}: {line.reason}"
    elif task is not None:
        yield f"fate        {'kept' if story.kept else 'written; curation has not judged it'}"
    if story.learned_by:
        yield f"learned by  {'; '.join(story.learned_by)}"
    yield from _words(story)


def _words(story: Story) -> Iterator[str]:
    """The passage, what was asked about it and answered, or how a dropped row began."""
    context, task = story.context, story.task
    if context is not None:
        yield ""
        yield _marked(context.text, task)
    if task is not None:
        yield ""
        yield f"instruction {task.instruction.replace(task.context.strip(), '[the passage]')}"
        yield f"response    {task.response}"
    elif story.dropped is not None:
        yield ""
        yield f"it began    {story.dropped.excerpt}"
    yield ""


def _place(context: Context, source: str) -> Iterator[str]:
    place = f"characters {context.start} to {context.end}"
    page = f", page {context.page}" if context.page is not None else ""
    heading = f", under {context.heading!r}" if context.heading else ""
    yield f"document    {source} ({context.document_id})"
    yield f"passage     {context.id}: {place}{page}{heading}"


def _changed(task: Task) -> str:
    """Lines on rows that do not say what the document or the generator does."""
    places = (
        f"\nsurrogates  in {task.surrogates} places; the passage below is as the document has it"
    )
    by_hand = f"\nreview      {task.review} by hand"
    return (places if task.surrogates else "") + (by_hand if task.review else "")


def _scores(scores: Any) -> str:  # noqa: ANN401 -- a mapping of floats
    return ", ".join(f"{name} {value:.3f}" for name, value in sorted(scores.items())) or "none"


def _marked(text: str, task: Task | None) -> str:
    """The passage, which is `text`, its evidence between double arrows."""
    spans = () if task is None else placed(text, task.context, task.evidence)
    behind = len(text)
    for span in sorted(set(spans), key=lambda span: -span.start):
        if span.end <= behind:  # of two that overlap, the later one is marked
            text = f"{text[: span.start]}»{text[span.start : span.end]}«{text[span.end :]}"
            behind = span.start
    return text
