"""`katsuo init`: a commented recipe to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TEMPLATE = """\
# A katsuo recipe. Run it with: katsuo run {path}
# Every setting left out has a default; `katsuo run {path} --dry-run` prints them all.
name: {name}
seed: 0

ingest:
  paths: [{documents}]        # files and folders: pdf docx pptx html md txt epub csv jsonl parquet
  max_tokens: 400             # longest passage
  # text_column: body         # for tables

generate:
  generator: smollm2-135m-bonito   # or a folder, or a hub id such as BatsResearch/bonito-v1
  task_types: [ynqa, exqa, nli]    # short or long names of the sixteen types

curate:
  - well_formed
  - grounded
  - fresh
  - unleaked                  # against the sets below

adapt:
  base: smollm2-135m          # the model to improve: a name, a folder or a hub id
  arms: [tapt, tasks]

evaluate:
  sets: [{sets}]              # your held-out questions; see docs: evaluation sets
"""


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command("init", epilog="Example: katsuo init contracts.yaml ~/contracts")(init)


def init(
    recipe: Annotated[Path, typer.Argument(help="The recipe file to write.")],
    documents: Annotated[list[str], typer.Argument(help="Files and folders to read.")],
    sets: Annotated[
        list[str] | None, typer.Option("--set-file", help="A file of held-out questions.")
    ] = None,
) -> None:
    """Write a commented recipe for your documents."""
    from katsuo.errors import RecipeError
    from katsuo.store.files import write_text

    if recipe.exists():
        raise RecipeError(f"{recipe}: exists already; name another file, or delete it first")
    for path in documents:
        if not Path(path).exists():
            raise RecipeError(f"{path}: no such file or folder")
    filled = TEMPLATE.format(
        path=recipe,
        name=recipe.stem,
        documents=", ".join(_quoted(path) for path in documents),
        sets=", ".join(_quoted(path) for path in sets or []),
    )
    write_text(recipe, filled)
    print(f"wrote {recipe}; next: katsuo run {recipe}")


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
