"""`katsuo publish` and `katsuo fetch`: a run's finished stages on S3 and the like."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from katsuo.store.remote import Moved

RunIn = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Url = Annotated[str, typer.Argument(metavar="URL", help="A folder, such as s3://bucket/contracts.")]


def add(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command(epilog="Example: katsuo publish runs/contracts s3://bucket/contracts")(publish)
    app.command(epilog="Example: katsuo fetch s3://bucket/contracts runs/contracts")(fetch)


def publish(run: RunIn, url: Url) -> None:
    """Copy the finished stages of a run to a folder elsewhere; nothing is uploaded otherwise."""
    from katsuo.store import remote

    print(_said(url, remote.publish(run, url, _hear)))


def fetch(url: Url, run: RunIn) -> None:
    """Copy the stages that were published there into a run folder, checked by their sums."""
    from katsuo.store import remote

    print(_said(str(run), remote.fetch(url, run, _hear)))


def _hear(stage: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{stage}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr)


def _said(where: str, moved: Moved) -> str:
    return f"{where}: {moved.stages} stages, {moved.files} files moved ({moved.n_bytes} bytes)"
