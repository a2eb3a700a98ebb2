"""`katsuo export`: take a model out of a run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ModelForm(StrEnum):
    """What `--model` may be."""

    GGUF = "gguf"
    FOLDER = "folder"


class ModelWeights(StrEnum):
    """What `--weights` may be."""

    F16 = "F16"
    Q8_0 = "Q8_0"


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command(
        "export", epilog="Example: katsuo export runs/contracts --model gguf --out contracts-gguf"
    )(export)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder.")],
    model: Annotated[
        ModelForm,
        typer.Option("--model", help="gguf: one file, for llama.cpp, Ollama and OpenVINO; "
                     "folder: merged weights, for transformers and vLLM."),
    ],
    arm: Annotated[str, typer.Option("--arm", help="Which adapter of the run.")] = "tasks",
    weights: Annotated[
        ModelWeights | None, typer.Option("--weights", help="Of the GGUF file; default F16.")
    ] = None,
) -> None:  # fmt: skip
    """Write an adapted model in a form that other programs load."""
    from katsuo.exporting import export_model
    from katsuo.store.runs import Run

    made = export_model(
        Run.at(run), arm, model.value, out, weights=weights.value if weights else None
    )
    print(made)
