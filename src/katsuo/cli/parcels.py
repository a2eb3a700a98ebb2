"""`katsuo parcel`: teaching on another machine, by files that may travel there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from katsuo.cli.running import Changes
from katsuo.cli.teaching import Folder, Remixed, TeachingRecipe

FolderIn = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of files.")]
Parcel = Annotated[Path, typer.Argument(metavar="PARCEL", help="Folder of pieces and SHA256SUMS.")]
Into = Annotated[Path, typer.Argument(metavar="INTO", help="Where to.")]


def add(app: typer.Typer) -> None:
    """Add this group to `app`."""
    group = typer.Typer(
        help="Teach on another machine.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command(
        "pack", epilog="Example: katsuo parcel pack recipes/generator.yaml --out gpu-pack"
    )(pack)
    group.command("wheels", epilog="Example: katsuo parcel wheels --python 3.12 peft typer")(wheels)
    group.command("split", epilog="Example: katsuo parcel split runs/generator/generator parcel")(
        split
    )
    group.command("join", epilog="Example: katsuo parcel join returned runs/generator/generator")(
        join
    )
    app.add_typer(group, name="parcel")


def pack(
    recipe: TeachingRecipe,
    run: Folder = None,
    changes: Changes = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the pack.")] = Path("gpu-pack"),
    wheels: Annotated[
        Path | None, typer.Option("--wheels", help="Folder of wheels that are missing there.")
    ] = None,
    mib: Annotated[int, typer.Option(min=1, help="Largest piece, in MiB.")] = 48,
    remixed: Remixed = False,
) -> None:
    """Write all that teaching needs on a machine without a network: base, tasks, go.sh."""
    from katsuo import packs, school
    from katsuo.cli.progress import Watcher
    from katsuo.store.runs import Run

    lesson = school.load(recipe, changes or [])
    folder = run or Path("runs") / lesson.name
    with Watcher(silent=False) as watcher:
        school.make_ready(lesson, Run.at(folder), listen=watcher, remixed=remixed)
    made = packs.pack(folder, lesson.teach.base, out, wheels=wheels, mib=mib)
    print(f"{out}: go.sh and {len(made.pieces)} pieces, {made.n_bytes / 2**20:.1f} MiB")
    print(f"there: bash {out}/go.sh CHECKOUT RETURNED [MINUTES]")
    print(f"then here: katsuo parcel join RETURNED {folder}/generator")


def wheels(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PACKAGE]...", help="Default: all that teaching needs but torch."),
    ] = None,
    python: Annotated[str, typer.Option("--python", help="Version of the Python there.")] = "3.12",
) -> None:
    """Print the pip command that fetches wheels for another machine, in this one's versions."""
    from katsuo.packs import wheel_command

    print(wheel_command(python, names or []))


def split(
    folder: FolderIn,
    into: Into,
    mib: Annotated[int, typer.Option(min=1, help="Largest piece, in MiB.")] = 15,
) -> None:
    """Split a folder into pieces with their sums."""
    from katsuo.store import parcels

    pieces = parcels.split(parcels.files_in(folder), into, mib * 2**20)
    print(f"{into}: {len(pieces)} pieces")


def join(parcel: Parcel, into: Into) -> None:
    """Make a new folder of the pieces of another, each checked by its sum."""
    from katsuo.store import parcels

    parcels.join(parcel, into)
    print(into)
