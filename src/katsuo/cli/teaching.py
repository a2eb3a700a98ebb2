"""`katsuo remix` and `katsuo teach`: how a generator is made."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from katsuo.cli.running import AsJson, Changes

Minutes = Annotated[
    float | None,
    typer.Option(min=0.0, help="Stop then; the same command goes on from its checkpoint."),
]


class RemixTier(StrEnum):
    """What `--tier` may be."""

    PERMISSIVE = "permissive"
    ALL = "all"


TeachingRecipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A teaching recipe.")]
Tier = Annotated[
    RemixTier | None,
    typer.Option(help="all: sources, too, whose licences allow no published model; for research."),
]
Remixed = Annotated[
    bool,
    typer.Option(
        "--remixed",
        help="Take remix/ in the run folder as it lies there: the sources are not here.",
    ),
]
Folder = Annotated[Path | None, typer.Option("--run", metavar="DIR", help="Default runs/NAME.")]


def add(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("remix", epilog="Example: katsuo remix recipes/generator-first.yaml")(remix)
    app.command("teach", epilog="Example: katsuo teach recipes/generator-first.yaml")(teach)


def remix(
    recipe: TeachingRecipe,
    run: Folder = None,
    changes: Changes = None,
    tier: Tier = None,
    as_json: AsJson = False,
) -> None:
    """Turn annotated datasets into tasks through meta-templates; a card says what of."""
    chosen = [*(changes or []), *([f"remix.tier={tier.value}"] if tier else [])]
    _go(recipe, run, chosen, "remix", as_json=as_json)


def teach(
    recipe: TeachingRecipe,
    run: Folder = None,
    changes: Changes = None,
    max_minutes: Minutes = None,
    remixed: Remixed = False,
    as_json: AsJson = False,
) -> None:
    """Teach a generator on remixed tasks; goes on from its checkpoint when interrupted."""
    _go(recipe, run, changes, "teach", as_json=as_json, max_minutes=max_minutes, remixed=remixed)


def _go(
    recipe: Path,
    run: Path | None,
    changes: list[str] | None,
    until: str,
    *,
    as_json: bool,
    max_minutes: float | None = None,
    remixed: bool = False,
) -> None:
    import json

    from katsuo import school
    from katsuo.cli.progress import Watcher
    from katsuo.errors import RecipeError
    from katsuo.road import cards
    from katsuo.road.crews import crewed, n_processes
    from katsuo.store.runs import Run

    if max_minutes is not None and n_processes() > 1:
        raise RecipeError("--max-minutes is for one process; several go on from a checkpoint too")
    chosen = school.load(recipe, changes or [])
    folder = Run.at(run or Path("runs") / chosen.name)
    with crewed() as is_first:
        if not is_first:
            return
        with Watcher(silent=as_json) as watcher:
            if remixed:
                result = school.teach_remixed(
                    chosen, folder, listen=watcher, max_minutes=max_minutes
                )
            else:
                result = school.go(
                    chosen, folder, until=until, listen=watcher, max_minutes=max_minutes
                )
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    elif until == "remix":
        print(cards.summary(result, folder.folder / "remix" / "card.json"))
    else:
        print(school.text(result))
