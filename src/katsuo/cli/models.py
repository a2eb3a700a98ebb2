"""`katsuo models`: what lies on the shelf, and how to fill it."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def add(app: typer.Typer) -> None:
    """Add this group to `app`."""
    group = typer.Typer(help="The model shelf.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list", epilog="Example: katsuo models list")(list_models)
    group.command("pull", epilog="Example: katsuo models pull smollm2-135m")(pull)
    app.add_typer(group, name="models")


def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List bundled models and cached engine forms."""
    from katsuo.models import merged_form, shelf

    rows = [*shelf.listing(), *merged_form.listing()]
    if as_json:
        print(json.dumps([dict(zip(("name", "place", "what"), row, strict=True)) for row in rows]))
        return
    for name, place, what in rows:
        print(f"{name}\n  {what}\n  {place}")


def pull(
    name: Annotated[str, typer.Argument(help="A bundled name or a hub id.")] = "smollm2-135m",
) -> None:
    """Bring a model to this disk and check it, so that later runs need no network."""
    from katsuo.models.shelf import find

    model = find(name)
    print(f"{model.name}: {model.folder}\n  sha256 {model.sha256} {model.note}".rstrip())
