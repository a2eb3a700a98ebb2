"""`katsuo review`: look at a run's tasks in a browser, and decide on them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/demo.")]
Domain = Annotated[str | None, typer.Option("--domain", help="One domain of a study.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Of this machine; 0 is any that is free.")
]


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command("review", epilog="Example: katsuo review runs/demo")(review)


def review(run: RunPath, domain: Domain = None, port: Port = 0) -> None:
    """Show a run's tasks beside their passages in a browser, to keep, drop or edit them."""
    from katsuo.road.reviewing import trip_of

    trip = trip_of(run, domain)
    try:
        from katsuo.review.serving import serve
    except ModuleNotFoundError as error:
        from katsuo.errors import ModelError

        raise ModelError(
            f"katsuo review needs {error.name}; install it with: pip install 'katsuo[review]'"
        ) from error
    with suppress(KeyboardInterrupt):
        serve(trip, port, _tell)
    print(f"\nstopped. Decisions are applied by: katsuo curate {run}")


def _tell(address: str) -> None:
    print(f"open {address}")
    print("only this machine can, and only with this address; Ctrl-C stops it", flush=True)
