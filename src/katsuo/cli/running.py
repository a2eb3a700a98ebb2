"""`katsuo run` and one command per stage of the road."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from katsuo.errors import RejectedError

if TYPE_CHECKING:
    from katsuo.sections import Recipe
    from katsuo.store.runs import Run

RecipePath = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe file, or the folder of an earlier run.")
]
RunFolder = Annotated[
    Path | None, typer.Option("--run", metavar="DIR", help="Run folder; default runs/NAME.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Use at most so many passages.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Root of all chance.")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting, such as generate.temperature=0.7; the value is YAML.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the resolved recipe and what would be read; stop.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")]

VERBS: Final = {
    "ingest": "Read documents and cut them into passages.",
    "generate": "Write task drafts about every passage.",
    "curate": "Keep the drafts that pass every filter; the others leave their reason.",
    "adapt": "Tune the target model on the tasks, and the arms it is compared with.",
    "evaluate": "Score every arm on held-out questions, with intervals.",
    "report": "Write report.html and report.json.",
}


def add(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("run", help="Take the whole road.", epilog=_example("run"))(_command("report"))
    for verb, said in VERBS.items():
        app.command(verb, help=f"{said} Runs what it needs before it.", epilog=_example(verb))(
            _command(verb)
        )


def _example(verb: str) -> str:
    return f"Example: katsuo {verb} my-run.yaml --set generate.per_context=2 --limit 50"


def _command(until: str) -> Callable[..., None]:
    def command(
        recipe: RecipePath,
        run: RunFolder = None,
        limit: Limit = None,
        seed: Seed = None,
        changes: Changes = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        from katsuo.road.crews import crewed
        from katsuo.store.runs import Run

        chosen, folder = chosen_of(recipe, run, changes, limit=limit, seed=seed)
        if dry_run:
            _plan(chosen, folder, until)
            return
        with crewed() as is_first:
            if is_first:
                _travel(chosen, Run.at(folder), until, as_json=as_json)

    return command


class Asked(NamedTuple):
    """What a command line asks for."""

    recipe: Recipe
    folder: Path
    """Of the run."""


def chosen_of(
    recipe: Path,
    run: Path | None,
    changes: list[str] | None,
    *,
    limit: int | None = None,
    seed: int | None = None,
) -> Asked:
    """The recipe with its changes, and the folder of its run."""
    from katsuo.recipe import load

    extra = [f"limit={limit}"] if limit is not None else []
    extra += [f"seed={seed}"] if seed is not None else []
    chosen = load(recipe, [*(changes or []), *extra])
    folder = run or (recipe if recipe.is_dir() else Path("runs") / chosen.name)
    return Asked(recipe=chosen, folder=folder)


def _plan(chosen: Recipe, folder: Path, until: str) -> None:
    from katsuo import readers
    from katsuo.recipe import expand, resolved

    print(resolved(chosen), end="")
    files = readers.files(expand(chosen.ingest.paths, "ingest.paths"))
    print(f"# would read {len(files)} files and go on to {until!r} in {folder}")


def _travel(chosen: Recipe, run: Run, until: str, *, as_json: bool) -> None:
    from katsuo.cli.progress import Watcher
    from katsuo.road import travel

    try:
        with Watcher(silent=as_json) as watcher:
            travel(chosen, run, until=until, listen=watcher)
    except KeyboardInterrupt:
        print(
            f"\nkatsuo: interrupted; what is finished stays. Go on with: katsuo run {run.folder}",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    except RejectedError:
        _say(run, as_json=as_json)
        raise
    _say(run, as_json=as_json)


def _say(run: Run, *, as_json: bool) -> None:
    from katsuo.cli import summary

    result = summary.of(run)
    print(json.dumps(result, ensure_ascii=False) if as_json else summary.text(result))
