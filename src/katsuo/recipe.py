"""What a user asks for: one YAML file, read strictly into frozen models.

An unknown key is an error that names the nearest known one. Every section has
defaults, so that a recipe with only `ingest.paths` ingests. `resolved` writes
the recipe back with every default written out.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from katsuo.errors import RecipeError
from katsuo.protocols import Sampling
from katsuo.types import TaskType


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Ingest(_Section):
    """Documents in, passages out."""

    paths: list[str] = []
    """Files and folders; `$KATSUO_DATA` and other variables are filled in."""
    text_column: str | None = None
    """Column that holds the text of csv, jsonl, parquet files and dataset folders."""
    max_tokens: int = Field(default=400, ge=16, le=8192)
    """Longest passage, in tokens of the target model's tokenizer."""
    min_words: int = Field(default=8, ge=1)
    """Passages with fewer words are dropped."""


class Generate(_Section):
    """Passages in, task drafts out."""

    generator: str = "smollm2-135m-bonito"
    """A bundled name, a model or adapter folder, or a hub id such as BatsResearch/bonito-v1."""
    engine: Literal["auto", "openvino", "hf", "fake"] = "auto"
    """`auto` is OpenVINO where it can read the model."""
    format: Literal["auto", "bonito-v1", "prompted-v1"] = "auto"
    """`auto` is what the generator was taught; a model that was taught none is prompted."""
    weights: Literal["F16", "Q8_0"] = "F16"
    """Form of the weights in OpenVINO: F16 is more exact, Q8_0 takes half the memory."""
    task_types: list[TaskType] = [TaskType.YNQA, TaskType.EXQA, TaskType.NLI]
    """Short or long names of the sixteen task types."""
    per_context: int = Field(default=1, ge=1, le=64)
    """Drafts of each type from each passage."""
    temperature: float = Sampling().temperature
    top_p: float = Sampling().top_p
    max_tokens: int = Sampling().max_tokens

    @field_validator("task_types", mode="before")
    @classmethod
    def _named(cls, names: object) -> object:
        return [TaskType.named(str(name)) for name in names] if isinstance(names, list) else names

    @property
    def sampling(self) -> Sampling:
        """The sampling part of these settings, checked."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


class Adapt(_Section):
    """Tasks in, adapters out."""

    base: str = "smollm2-135m"
    """The target: a bundled name, a model folder or a hub id."""
    arms: list[Literal["tapt", "tasks", "tasks_elsewhere"]] = ["tapt", "tasks"]
    """`tapt` reads the same passages for as many steps; `tasks_elsewhere` is the control arm."""
    elsewhere: list[str] = []
    """Files and folders of unrelated text for the arm `tasks_elsewhere`."""
    max_tasks: int | None = Field(default=None, ge=1)
    """Train on at most so many tasks, drawn by seed."""
    epochs: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=5e-4, gt=0)
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    batch_tokens: int = Field(default=2048, ge=64)
    """Most tokens of one optimizer step."""
    max_tokens: int = Field(default=1024, ge=16)
    """Longest example; a longer one is dropped with a reason, never cut."""


class Evaluate(_Section):
    """Arms in, scores out."""

    sets: list[str] = []
    """Parquet or JSONL files with the columns id, context, question (or claim, or hypothesis),
    and label or answers; source_document where several probes share a document."""
    prompts: int = Field(default=5, ge=1, le=5)
    """Prompts asked of every probe; the paper's protocol is five."""
    max_probes: int | None = Field(default=None, ge=1)
    """At most so many probes of each set, drawn by seed."""
    max_context_chars: int = Field(default=6000, ge=100)
    """Longer contexts are cut at the end, never the question; the report counts them."""


class Recipe(_Section):
    """A whole run."""

    name: str = "run"
    seed: int = 0
    """The root of all chance."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many passages."""
    ingest: Ingest = Ingest()
    generate: Generate = Generate()
    curate: list[str | dict[str, dict[str, Any] | None]] = ["well_formed", "grounded", "fresh"]
    """Filters by name, each with its settings: `- grounded: {max_answer_words: 40}`."""
    adapt: Adapt = Adapt()
    evaluate: Evaluate = Evaluate()

    @property
    def filters(self) -> list[tuple[str, dict[str, Any]]]:
        """The filters to run, in order: name and settings."""
        chosen: list[tuple[str, dict[str, Any]]] = []
        for entry in self.curate:
            if isinstance(entry, str):
                chosen.append((entry, {}))
            else:
                chosen.extend((name, settings or {}) for name, settings in entry.items())
        return chosen


def load(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in the YAML file `path`, or in the run folder `path`, with `changes` applied.

    Args:
        path: A file, or a run folder with its `recipe.yaml`.
        changes: Settings such as `generate.temperature=0.7`; the value is YAML.

    Raises:
        RecipeError: If the file or a change cannot be read, or a key or value is none.
    """
    file = path / "recipe.yaml" if path.is_dir() else path
    raw = read_yaml(file)
    for change in changes:
        apply(raw, change)
    return of(raw, str(file))


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        RecipeError: If the file cannot be read, or is no mapping.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise RecipeError(
            f"{file}: cannot be read ({error.strerror}); katsuo init writes a recipe to start from"
        ) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: is not UTF-8 text; a recipe is a YAML file") from error
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RecipeError(f"{file}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise RecipeError(
            f"{file}: holds a {type(raw).__name__}; a recipe is a mapping of sections"
        )
    return raw


def of(raw: Mapping[str, Any], where: str) -> Recipe:
    """The recipe that the mapping `raw` states; `where` names it in errors.

    Raises:
        RecipeError: If a key or a value is none.
    """
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(f"{where}: {first_error(error, Recipe)}") from error


def resolved(recipe: Recipe) -> str:
    """The recipe as YAML, every default written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def expand(paths: Sequence[str], key: str) -> list[Path]:
    """The paths with `$NAME` filled in from the environment.

    Raises:
        RecipeError: If a variable is not set; `key` names the setting.
    """
    expanded = []
    for path in paths:
        filled = os.path.expandvars(path)
        if "$" in filled:
            raise RecipeError(f"{key}: {path}: the environment variable in it is not set")
        expanded.append(Path(filled).expanduser())
    return expanded


def apply(raw: dict[str, Any], change: str) -> None:
    """Make `change`, such as `generate.temperature=0.7`, in the mapping of a recipe.

    Raises:
        RecipeError: If it is not `key=value`.
    """
    key, separator, value = change.partition("=")
    if not separator or not key:
        raise RecipeError(f"--set {change!r}: write key=value, such as generate.temperature=0.7")
    *sections, last = key.split(".")
    at = raw
    for section in sections:
        at = at.setdefault(section, {})
        if not isinstance(at, dict):
            raise RecipeError(f"--set {change!r}: {section!r} is not a section")
    try:
        at[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {change!r}: the value is not YAML") from error


def first_error(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong with a `model`, in one line, with the nearest known key."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys(model, first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return f"unknown key {place!r}; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place} is {first['input']!r}; {message[:1].lower()}{message[1:]}"


def _keys(model: type[BaseModel], sections: Sequence[int | str]) -> list[str]:
    for section in sections:
        kind = model.model_fields[str(section)].annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
