"""`katsuo preview`, `estimate` and `status`: what a run will be like, and how far it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from katsuo.cli.running import AsJson, Changes, Limit, RecipePath, RunFolder, Seed, chosen_of

if TYPE_CHECKING:
    from katsuo.planning.estimating import Estimate, Line
    from katsuo.planning.previewing import Preview, Shown
    from katsuo.planning.rates import Rates
    from katsuo.planning.standing import Standing, Status

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/demo.")]
Machine = Annotated[
    str | None,
    typer.Option(
        "--hardware", metavar="NAME", help="Of the table of rates: cpu2, h100; default this one."
    ),
]
RatesFile = Annotated[
    Path | None, typer.Option("--rates", metavar="FILE", help="A table of rates of your own.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Say it again until nobody works on it.")]

_WATCH_SECONDS: Final = 5.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHOWN_CHARS: Final = 1200
"""Of one passage; the rest is as it was."""


def add(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("preview", epilog="Example: katsuo preview my-run.yaml")(preview)
    app.command("estimate", epilog="Example: katsuo estimate my-run.yaml --hardware cpu2")(estimate)
    app.command("status", epilog="Example: katsuo status runs/demo --watch")(status)


def preview(
    recipe: RecipePath,
    run: RunFolder = None,
    limit: Limit = None,
    seed: Seed = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Write five tasks about a few passages, show them, and say what the whole run will take."""
    from dataclasses import replace

    from katsuo.cli.progress import Watcher
    from katsuo.planning.estimating import estimate as estimated
    from katsuo.planning.previewing import preview as previewed
    from katsuo.planning.rates import load
    from katsuo.store.runs import Run

    chosen, folder = chosen_of(recipe, run, changes, limit=limit, seed=seed)
    with Watcher(silent=as_json) as watcher:
        seen = previewed(chosen, Run.at(folder), watcher)
    rates = load()
    found = estimated(chosen, Run.at(folder), replace(rates, own=seen.rates))
    if as_json:
        said = {
            "shown": [one.to_json() for one in seen.shown],
            "drafts": seen.n_drafts,
            "tasks": seen.n_tasks,
            "dropped": dict(seen.dropped),
            "estimate": found.to_json(),
        }
        print(json.dumps(said, ensure_ascii=False))
        return
    print("\n".join(_seen(seen)))
    print("\n".join(_estimated(found)))


def estimate(
    recipe: RecipePath,
    run: RunFolder = None,
    hardware: Machine = None,
    rates: RatesFile = None,
    limit: Limit = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run will take, stage by stage: time, tokens, memory, disk, by measured rates."""
    from katsuo.planning.estimating import estimate as estimated
    from katsuo.planning.rates import load
    from katsuo.store.runs import Run

    table: Rates = load(hardware, rates)
    chosen, folder = chosen_of(recipe, run, changes, limit=limit)
    found = estimated(chosen, Run.at(folder), table)
    print(
        json.dumps(found.to_json(), ensure_ascii=False) if as_json else "\n".join(_estimated(found))
    )


def status(run: RunPath, as_json: AsJson = False, watch: Watch = False) -> None:
    """Say how far a run is: stages done, under way and not begun, and the time that is left."""
    from katsuo.planning import standing

    while True:
        found, works = standing.status(run), standing.at_work(run)
        if as_json:
            print(json.dumps({"at_work": works, "runs": [one.to_json() for one in found]}))
        else:
            print("\n".join(_status(found, at_work=works)), flush=True)
        if not watch or not works:
            return
        time.sleep(_WATCH_SECONDS)


def _seen(seen: Preview) -> Iterator[str]:
    for number, shown in enumerate(seen.shown, start=1):
        yield f"── {number} of {len(seen.shown)} " + "─" * 60
        yield from _shown(shown)
    reasons = ", ".join(f"{reason} {n}" for reason, n in seen.dropped.items())
    yield f"{seen.n_drafts} drafts, of which the filters keep {seen.n_tasks}" + (
        f"; dropped: {reasons}" if reasons else ""
    )
    yield ""


def _shown(shown: Shown) -> Iterator[str]:
    task, text = shown.task, " ".join(shown.context.text.split())
    named = f"{task.name}, like {task.type.full_name}" if task.name else task.type.full_name
    yield f"document    {shown.source}"
    yield f"passage     {text[:_SHOWN_CHARS]}{' …' if len(text) > _SHOWN_CHARS else ''}"
    yield f"task        {named}"
    yield f"instruction {task.instruction.replace(task.context.strip(), '[the passage]')}"
    yield f"response    {task.response}"
    scores = ", ".join(f"{name} {value:.2f}" for name, value in sorted(task.scores.items()))
    if shown.dropped is None:
        yield f"verdict     kept{': ' + scores if scores else ''}"
    else:
        yield f"verdict     dropped by {shown.dropped.by}: {shown.dropped.reason}"
    yield ""


def _estimated(found: Estimate) -> Iterator[str]:
    yield f"estimate for {found.name}, by rates of {found.hardware} ({found.machine})"
    yield f"{'stage':<9} {'time':>12} {'tokens':>12} {'memory':>9} {'disk':>9}"
    for line in found.lines:
        yield from _line(line)
    yield f"{'in all':<9} {_time(found.seconds):>12}" + _rest(found)
    said = [f"{line.stage}: {note}" for line in found.lines for note in line.notes]
    said += [f"{line.stage}: not measured: {name}" for line in found.lines for name in line.missing]
    yield from dict.fromkeys(said)
    for stage in dict.fromkeys(line.stage for line in found.lines):
        places = [where for line in found.lines if line.stage == stage for where in line.measured]
        if places:
            yield f"{stage}: rates from {'; '.join(dict.fromkeys(places))}"
    if found.error:
        yield f"finished runs took of what filed rates say of them: {_error(found)}"


def _line(line: Line) -> Iterator[str]:
    spent = "not measured" if line.seconds is None else _time(line.seconds)
    whose = "".join(f"{name}: " for name in (line.place, line.arm) if name)
    tokens = "" if line.tokens is None else f"{line.tokens:,.0f}"
    yield (
        f"{line.stage:<9} {spent:>12} {tokens:>12} {_mib(line.mib):>9} {_mib(line.disk_mib):>9}"
        f"  {whose}{line.what}{' (done)' if line.done else ''}"
    )


def _rest(found: Estimate) -> str:
    """How sure the sum is, and what it leaves out."""
    said = "" if found.is_whole else "  without what is not measured"
    if found.span is None:
        return said
    low, high = map(_time, found.span)
    return f"  by these rates; {low} to {high} by what finished runs took over them{said}"


def _error(found: Estimate) -> str:
    told = (
        f"{stage} {spread.low:g} to {spread.high:g} times (n {spread.n})"
        for stage, spread in found.error.items()
    )
    places = dict.fromkeys(spread.measured for spread in found.error.values())
    return f"{', '.join(told)}; {', '.join(places)}"


def _status(found: list[Status], *, at_work: bool | None) -> Iterator[str]:
    for one in found:
        yield one.run
        for stage in one.stages:
            yield f"  {stage.stage:<9} {stage.state:<10} {_standing(stage)}".rstrip()
    works = {True: "a process is at work", False: "no process is at work", None: ""}[at_work]
    if works:
        yield works


def _standing(stage: Standing) -> str:
    said = []
    if stage.unit and stage.state == "done":
        said.append(f"{stage.done:,} of {stage.total:,} {stage.unit}s kept")
    elif stage.unit and stage.total is not None:
        said.append(f"{stage.done:,} of {stage.total:,} {stage.unit}s")
    if stage.seconds:
        said.append(_time(stage.seconds))
    if stage.rate and stage.state != "done":
        said.append(f"{_time(1 / stage.rate)} each")
    if stage.left_seconds:
        said.append(f"about {_time(stage.left_seconds)} left")
    return ", ".join([*said, *([stage.note] if stage.note else [])])


def _time(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
    for unit, name in ((_DAY, "d"), (_HOUR, "h")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds / _MINUTE:.0f} min"


def _mib(mib: float | None) -> str:
    return "" if mib is None else f"{mib:,.1f} M" if mib < 10 else f"{mib:,.0f} M"
