"""What leaves a run: an adapted model that other programs load.

    4-adapters/<arm> + base ──merge──▶ NAME.gguf        llama.cpp, Ollama, OpenVINO
                                   └─▶ a model folder   transformers, vLLM

Beside it stands a model card that states base, run, figures and limits.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from katsuo import engines
from katsuo.errors import ModelError, RecipeError
from katsuo.road.adapters import adapted
from katsuo.store.files import (
    check_vacant,
    make_room,
    new_folder,
    read_json,
    sha256,
    write_text,
)
from katsuo.store.runs import Run
from katsuo.version import VERSION

if TYPE_CHECKING:
    from katsuo.models.shelf import Model
    from katsuo.models.tokens import Tokens

Form = Literal["gguf", "folder"]
Weights = Literal["F16", "Q8_0"]
_LOSSES: Final = "losses.jsonl"
"""Stands beside what was learned; it is no part of a model."""


def export_model(
    run: Run, arm: str, form: Form, into: Path, *, weights: Weights | None = None
) -> Path:
    """Merge what `arm` learned into its base, and write it into the new folder `into`.

    An arm that learned every weight is a whole model already, and only changes its form.

    Args:
        run: A run whose stage `adapt` is finished.
        arm: Name of the arm; its first seed is taken.
        form: `gguf` for one file, `folder` for a Hugging Face model folder.
        into: Appears whole or not at all.
        weights: Of the GGUF file, F16 if nothing is said; a folder is F16 where its base is, else
            F32.

    Returns:
        The GGUF file, or the folder.

    Raises:
        RecipeError: If the run has no such arm, `into` is there already, or `weights` are asked
            for a folder.
        ModelError: If the base is gone or another than the adapter's, or cannot take that form.
    """
    check_vacant(into)
    if form == "folder" and weights is not None:
        raise RecipeError(
            f"--weights {weights} is for --model gguf; a folder keeps the numbers of its base"
        )
    model, facts = _adapted(run, arm)
    name = f"{run.folder.name}-{arm}"
    make_room(into)
    with new_folder(into) as folder:
        made = _FORMS[form](model, folder, name, weights or "F16")
        file = made.name if form == "gguf" else "model*.safetensors"
        write_text(folder / "README.md", _card(run, arm, facts, file))
    return into / made.name if form == "gguf" else into


def _adapted(run: Run, arm: str) -> tuple[Model, dict[str, Any]]:
    """The model that `arm` made, and the facts of its tuning."""
    manifest = run.stage("adapt").manifest
    if not manifest:
        raise RecipeError(f"{run.folder}: no finished stage adapt; katsuo adapt makes it")
    if "tunings" not in manifest:
        raise RecipeError(
            f"{run.folder}: its stage adapt was taken by an older katsuo; katsuo adapt takes it "
            "again"
        )
    rows = [row for row in manifest["tunings"] if row["arm"] == arm]
    if not rows:
        known = ", ".join(dict.fromkeys(row["arm"] for row in manifest["tunings"]))
        raise RecipeError(f"{run.folder}: there is no arm {arm!r}; it has {known}")
    base = engines.find(manifest["base"]["name"])
    if base.is_fake or base.sha256 != manifest["base"]["sha256"]:
        raise RecipeError(
            f"{run.folder}: the base {manifest['base']['name']} is not the model that the adapter "
            f"was tuned on (sha256 {manifest['base']['sha256'][:16]}); bring that one back"
        )
    folder = run.stage("adapt").folder / rows[0]["folder"]
    model = adapted(base, folder).model
    assert model is not None
    return model, {**rows[0], "base": manifest["base"], "learned": _learned(model)}


def _learned(model: Model) -> tuple[str, str]:
    """What a tuning left, for the card: its name and its sha256."""
    if model.adapter is None:
        return "whole model", model.sha256
    return "adapter", model.adapter_sha256


def _gguf(model: Model, folder: Path, name: str, weights: str) -> Path:
    from katsuo.models import shelf
    from katsuo.models.tokens import Tokens

    _need_bytes(model)
    form = shelf.gguf_form(model, weights, forms=folder)
    form.with_suffix(".lock").unlink()
    path = form.rename(folder / f"{name}.{weights}.gguf")
    write_text(folder / "Modelfile", _modelfile(path.name, Tokens.load(model.folder)))
    return path


def _need_bytes(model: Model) -> None:
    """Check that other programs can split text as the model's tokenizer does.

    OpenVINO is handed ids and so reads more; llama.cpp and Ollama tokenise by themselves.
    """
    stored = read_json(model.folder / "tokenizer.json") or {}
    if "ByteLevel" not in str(stored.get("pre_tokenizer")):
        raise ModelError(
            f"{model.name}: its tokenizer is no byte-level BPE, and the GGUF file would split text "
            "otherwise than it does; export it with --model folder"
        )


def _modelfile(file: str, tokens: Tokens) -> str:
    """What Ollama reads: it does not run the template in the GGUF file, but one of its own."""
    return (
        f'FROM ./{file}\nTEMPLATE """{tokens.turn("{{ .Prompt }}")}"""\n'
        f'PARAMETER stop "{tokens.end}"\nPARAMETER temperature 0\n'
    )


def _folder(model: Model, folder: Path, _name: str, _weights: str) -> Path:
    if model.adapter is None:  # every weight was learned: there is nothing to merge
        for path in sorted(model.folder.iterdir()):
            if path.is_file() and path.name != _LOSSES:
                shutil.copyfile(path, folder / path.name)
        return folder
    from katsuo.models.merged_form import write_merged

    write_merged(model.folder, model.adapter, folder)
    return folder


_FORMS: Final[Mapping[str, Callable[[Model, Path, str, str], Path]]] = {
    "gguf": _gguf,
    "folder": _folder,
}


def _card(run: Run, arm: str, facts: Mapping[str, Any], file: str) -> str:
    base = facts["base"]
    what, learned = facts["learned"]
    report = read_json(run.stage("report").folder / "report.json") or {}
    return f"""# {run.folder.name}: {arm}

`{file}`, made by katsuo {VERSION}: {_MADE[what]}

| | |
|---|---|
| base | {base["name"]}, sha256 `{base["sha256"]}` {base["note"]} |
| {what} | sha256 `{learned}`, seed {facts["seed"]} |
| tuned on | {facts["pairs"]} pairs, {facts["steps"]} steps, {facts["trained_tokens"]:,} tokens |
| generator of the tasks | {report.get("generator", "not stated: the run has no report")} |
| recipe | sha256 `{sha256(run.folder / "recipe.yaml")}` |

{_figures(report, arm)}

## Limits

The tasks were written by a small model from private text and checked by program, not by people.
The figures hold for the questions that were asked, and no further. Do not use the model where a
wrong answer does harm, and do not give it away without asking whose text it was tuned on: a tuned
model can repeat what it read. The licence of the base holds on.
"""


_MADE: Final = {
    "adapter": "the base model with a LoRA merged in.",
    "whole model": "the base model with every weight tuned.",
}


def _figures(report: Mapping[str, Any], arm: str) -> str:
    gains = report.get("gains", {})
    if f"{arm}-zero_shot" not in gains:
        return "No score compares this model with its base: nothing is proven about it."
    gain = gains[f"{arm}-zero_shot"]
    verdict = (report.get("harm") or {}).get(arm)
    said = "not made" if verdict is None else "REJECTED" if verdict["rejected"] else "passed"
    return (
        f"Against its base on held-out questions: {gain['value']:+.1f} F1 points "
        f"({gain['low']:+.1f} to {gain['high']:+.1f}, 95 %, documents resampled). "
        f"Check for harm: {said}."
    )
