"""`katsuo export`: take a model or the tasks out of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from katsuo.errors import RecipeError

if TYPE_CHECKING:
    from katsuo.outgoing import Exported


class ModelForm(StrEnum):
    """What `--model` may be."""

    GGUF = "gguf"
    FOLDER = "folder"


class ModelWeights(StrEnum):
    """What `--weights` may be."""

    F16 = "F16"
    Q8_0 = "Q8_0"


class DataForm(StrEnum):
    """What `--format` may be."""

    TRL = "trl"
    AXOLOTL = "axolotl"
    LLAMA_FACTORY = "llama-factory"
    UNSLOTH = "unsloth"
    OPENAI = "openai"
    HF = "hf"
    LM_EVAL = "lm-eval"
    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"


class Book(StrEnum):
    """What `--book` may be."""

    OPEN = "open"
    CLOSED = "closed"
    BOTH = "both"


PushToHub = Annotated[
    str | None,
    typer.Option(
        "--push-to-hub",
        metavar="OWNER/NAME",
        help="Of --format: upload the folder without lineage.jsonl, private, to the Hugging Face "
        "Hub.",
    ),
]
Model = Annotated[
    ModelForm | None,
    typer.Option(
        "--model",
        help="An adapted model. gguf: one file, for llama.cpp, Ollama and OpenVINO; folder: merged "
        "weights, for transformers and vLLM.",
    ),
]


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command(
        "export",
        epilog="Examples: katsuo export runs/contracts --format trl --out contracts-trl; "
        "katsuo export runs/contracts --model gguf --out contracts-gguf",
    )(export)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder.")],
    form: Annotated[
        DataForm | None,
        typer.Option("--format", help="The curated tasks, as this trainer or program reads them."),
    ] = None,
    book: Annotated[
        Book, typer.Option("--book", help="Of --format: with the passage, without, or both.")
    ] = Book.OPEN,
    split: Annotated[
        float,
        typer.Option("--split", help="Of --format: share of the documents for a test file."),
    ] = 0.0,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Of --format: at most so many tasks, by chance.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="Of --format: one domain of a study.")
    ] = None,
    push_to_hub: PushToHub = None,
    model: Model = None,
    arm: Annotated[
        str | None, typer.Option("--arm", help="Of --model: which adapter; default tasks.")
    ] = None,
    weights: Annotated[
        ModelWeights | None,
        typer.Option("--weights", help="Of --model gguf: numbers of the file; default F16."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Write the tasks of a run for other trainers, or an adapted model for other programs."""
    from katsuo.store.runs import Run

    for_data = {"--book": book is not Book.OPEN, "--split": split, "--limit": limit,
                "--domain": domain, "--push-to-hub": push_to_hub}  # fmt: skip
    _check(form, model, for_data, {"--arm": arm, "--weights": weights})
    if model is not None:
        from katsuo.exporting import export_model

        made = export_model(
            Run.at(run),
            arm or "tasks",
            model.value,
            out,
            weights=weights.value if weights else None,
        )
        print(json.dumps({"folder": str(made)}) if as_json else made)
        return
    from katsuo.outgoing import Wanted, export_tasks

    assert form is not None, "one of the two is asked for"
    wanted = Wanted(format=form.value, book=book.value, split=split, limit=limit, domain=domain)
    exported = export_tasks(Run.at(run), wanted, out)
    address = _pushed(out, push_to_hub) if push_to_hub else None
    print(_facts(exported, address) if as_json else _text(exported, address))


def _check(
    form: DataForm | None,
    model: ModelForm | None,
    for_data: Mapping[str, object],
    for_model: Mapping[str, object],
) -> None:
    if (form is None) == (model is None):
        raise RecipeError(
            "export takes either --format (tasks, for a trainer) or --model (an adapted model); "
            f"{'none' if form is None else 'both'} of them is given"
        )
    wrong, other = (for_data, "--format") if form is None else (for_model, "--model")
    for flag, value in wrong.items():
        if value:
            raise RecipeError(f"{flag} goes with {other}, which is not given; leave {flag} out")


def _pushed(folder: Path, repo: str) -> str:
    from katsuo.models.hub import push

    return push(folder, repo)


def _facts(exported: Exported, address: str | None) -> str:
    facts = {
        "folder": str(exported.folder),
        "rows": dict(exported.counts),
        "left_out": dict(exported.left_out),
        "with_markers": exported.n_marked,
        **({"pushed_to": address} if address else {}),
    }
    return json.dumps(facts, ensure_ascii=False)


def _text(exported: Exported, address: str | None) -> str:
    lines = [str(exported.folder)]
    lines += [f"  {file}: {n} rows" for file, n in exported.counts.items()]
    gone = ", ".join(f"{reason} {n}" for reason, n in sorted(exported.left_out.items()))
    if gone:
        lines.append(f"  left out: {gone}")
    if exported.n_marked:
        lines.append(
            f"  {exported.n_marked} rows hold a chat template's marker as text; README.md says more"
        )
    return "\n".join([*lines, *([f"  {address}"] if address else [])])
