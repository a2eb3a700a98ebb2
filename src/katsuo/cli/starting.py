"""`katsuo init`: a commented recipe to start from, asked for or by three questions.

katsuo init contracts.yaml ~/contracts      as scripts call it
katsuo init                                 on a terminal: documents? questions? which tasks?
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

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
  task_types: [{types}]    # short or long names of the sixteen types

curate:
  - well_formed
  - grounded
  - fresh
  - unleaked                  # against the sets below

adapt:
  base: smollm2-135m          # the model to improve: a name, a folder or a hub id
  arms: [tapt, tasks]

evaluate:
{exam}
"""
_SETS: Final = "  sets: [{0}]              # your held-out questions; see docs: evaluation sets"
_QUESTIONS: Final = (
    "  questions: [{0}]         # about your documents, which nothing is learned from then"
)
_HELD_OUT: Final = (
    "  held_out: 0.2               # of the documents: nothing is learned from them, and\n"
    "                              # tasks about them are the exam, for want of your questions"
)
_TYPES: Final = "ynqa, exqa, nli"
_KINDS: Final = """\
kinds of task: exqa (an answer that stands in the text), ynqa (yes or no), nli (does a claim hold),
mcqa, qa, qg, te, coref, paraphrase, paraphrase_id, sent_comp, sentiment, summarization, text_gen,
topic_class, wsd"""

Ask = Callable[[str, str], str]
"""A question and the answer that return alone stands for, to what a person answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a recipe is written from."""

    recipe: Path
    documents: Sequence[str]
    sets: Sequence[str] = ()
    types: str = _TYPES
    exam: str | None = None
    """The lines of `evaluate`; by default the evaluation sets."""


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command("init", epilog="Example: katsuo init contracts.yaml ~/contracts")(init)


def init(
    recipe: Annotated[
        Path | None, typer.Argument(help="The recipe file to write; asked for without it.")
    ] = None,
    documents: Annotated[
        list[str] | None, typer.Argument(help="Files and folders to read.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set-file", help="A file of held-out questions.")
    ] = None,
) -> None:
    """Write a commented recipe for your documents; alone on a terminal, ask three questions."""
    from katsuo.errors import RecipeError

    if recipe is not None and documents:
        _write(Wanted(recipe=recipe, documents=documents, sets=sets or []))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        print(_KINDS)
        _write(asked(_prompt, recipe))
    else:
        raise RecipeError(
            "init: name the recipe to write and your documents, such as: katsuo init "
            "contracts.yaml ~/contracts; on a terminal, katsuo init alone asks for them"
        )


def asked(ask: Ask, recipe: Path | None = None) -> Wanted:
    """What a person wants, by three questions.

    Args:
        ask: Puts a question.
        recipe: The file to write; by default it is called after the documents.

    Raises:
        RecipeError: If an answer names what is not there, or no kind of task.
    """
    documents = ask("Your documents (a file or folder; several with commas)", ".").split(",")
    documents = [str(Path(path.strip()).expanduser()) for path in documents if path.strip()]
    questions = ask("A file of your own questions about them, or none", "none").strip()
    kinds = ask("Which kinds of task (names with commas)", _TYPES)
    _check_there(documents)
    return Wanted(
        recipe=recipe or _unused(documents),
        documents=documents,
        types=_types(kinds),
        exam=_exam(questions, documents),
    )


def _prompt(question: str, usual: str) -> str:
    return str(typer.prompt(question, default=usual))


def _unused(documents: Sequence[str]) -> Path:
    """A recipe file called after the first of the documents."""
    stem = Path(documents[0]).resolve().stem if documents else ""
    return Path(f"{stem or 'my-run'}.yaml")


def _types(kinds: str) -> str:
    from katsuo.types import TaskType

    return ", ".join(TaskType.named(name).value for name in kinds.split(",") if name.strip())


def _exam(questions: str, documents: Sequence[str]) -> str:
    """The lines of `evaluate`: questions of the user's, or documents that are held out."""
    if questions.casefold() in ("", "none", "no"):
        return _HELD_OUT if _has_several(documents) else _SETS.format("")
    path = str(Path(questions).expanduser())
    _check_there([path])
    from katsuo.store import tables

    first = next(tables.rows_of(Path(path)), {})
    # Questions about the user's own documents name one; a set brings its passages.
    form = _QUESTIONS if "document" in first else _SETS
    return form.format(_quoted(path))


def _has_several(documents: Sequence[str]) -> bool:
    """Whether there are two files or more, or a table: one can be kept out, one learned from."""
    from katsuo import readers

    found = readers.files([Path(path) for path in documents])
    tables = (".csv", ".jsonl", ".parquet")
    return len(found) > 1 or any(path.suffix.lower() in tables for path in found)


def _check_there(paths: Sequence[str]) -> None:
    from katsuo.errors import RecipeError

    for path in paths:
        if not Path(path).exists():
            raise RecipeError(f"{path}: no such file or folder")


def _write(wanted: Wanted) -> None:
    from katsuo.errors import RecipeError
    from katsuo.store.files import write_text

    recipe = wanted.recipe
    if recipe.exists():
        raise RecipeError(f"{recipe}: exists already; name another file, or delete it first")
    above = next(folder for folder in recipe.absolute().parents if folder.exists())
    if not above.is_dir():
        raise RecipeError(f"{recipe}: {above} is a file, not a folder; name another place")
    _check_there(wanted.documents)
    sets = ", ".join(map(_quoted, wanted.sets))
    filled = TEMPLATE.format(
        path=recipe,
        name=recipe.stem,
        documents=", ".join(map(_quoted, wanted.documents)),
        types=wanted.types,
        exam=wanted.exam or _SETS.format(sets),
    )
    write_text(recipe, filled)
    print(f"wrote {recipe}; next: katsuo run {recipe}")
    print(f"five tasks and the cost of a run first: katsuo preview {recipe}")


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
