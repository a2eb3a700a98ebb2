"""What a user asks for: one YAML file, read strictly into frozen models.

An unknown key is an error that names the nearest known one. `resolved` writes
the recipe back with every default written out; `sections` has the models.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from katsuo import filters, notation
from katsuo.errors import RecipeError
from katsuo.protocols import Filter
from katsuo.sections import Own, Recipe
from katsuo.sections.owning import settled
from katsuo.sections.section import listed


def changed(recipe: Recipe, changes: Mapping[str, Any], where: str) -> Recipe:
    """`recipe` with `changes` merged in, section by section.

    Args:
        recipe: To start from.
        changes: As a recipe is written; a list takes the place of the list before.
        where: Names the changes in errors.

    Raises:
        RecipeError: If a key or a value is none.
    """
    return of(_merged(recipe.model_dump(mode="json"), changes), where)


def domain(study: Recipe, name: str) -> Recipe:
    """The recipe of one domain of a study."""
    whole = {**study.domains[name], "domains": {}, "name": f"{study.name}/{name}"}
    return changed(study, whole, f"domains.{name}")


def of_arm(recipe: Recipe, name: str) -> Recipe:
    """The recipe that makes the tasks of one arm, and tunes on them."""
    arm = recipe.adapt.arms_by_name[name]
    changes: dict[str, Any] = {"generate": arm.generate, "adapt": arm.adapt}
    if arm.curate is not None:
        changes["curate"] = arm.curate
    if arm.learn == "elsewhere":
        changes["ingest"] = {"paths": recipe.adapt.elsewhere}
    return changed(recipe, changes, f"adapt.arms.{name}")


def load(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in the YAML file `path`, or in the run folder `path`, with `changes` applied.

    Args:
        path: A file, or a run folder with its `recipe.yaml`.
        changes: Settings such as `generate.temperature=0.7`; the value is YAML.

    Raises:
        RecipeError: If the file or a change cannot be read, or a key or value is none.
    """
    file = path / "recipe.yaml" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise RecipeError(
            f"{path}: is a folder without recipe.yaml; name a recipe file, or the folder of a run"
        )
    raw = _extended(read_yaml(file), file)
    for change in changes:
        apply(raw, change)
    recipe = of(raw, str(file))
    for each in [recipe, *(domain(recipe, name) for name in recipe.domains)]:
        # What is wrong with a filter or an arm is wrong now, not after an hour of work.
        for one in [each, *(of_arm(each, name) for name in each.adapt.arms_by_name)]:
            _check_filters(one)
    return recipe


def _check_filters(recipe: Recipe) -> None:
    """Check all that can be told of the filters without opening the sets that they compare with."""
    for name, chosen in recipe.filters:
        settings = dict(chosen)
        if name == "unleaked" and "against" in settings:
            _check_files(settings.pop("against"), "curate.unleaked.against")
        filters.build(name, settings)


def _check_files(named: object, key: str) -> None:
    listed_files = [named] if isinstance(named, str) else named
    if not (isinstance(listed_files, list) and all(isinstance(one, str) for one in listed_files)):
        raise RecipeError(f"{key} is {named!r}; name a file, or several in a list")


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
    raw = notation.values(text, str(file)) or {}
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
        recipe = Recipe.model_validate(_with_own(raw))
    except ValidationError as error:
        raise RecipeError(f"{where}: {first_error(error, Recipe)}") from error
    _check_own(recipe.generate.tasks, f"{where}: generate.tasks")
    return recipe


def own_tasks(file: Path) -> dict[str, Own]:
    """The task types of a user's own that a YAML file holds, by name.

    Raises:
        RecipeError: If the file cannot be read, or a task type cannot be asked for.
    """
    if not file.is_file():
        raise RecipeError(
            f"generate.tasks: {file}: is no file; name a YAML file of task types, or write them "
            "into the recipe"
        )
    found: dict[str, Own] = {}
    for name, entry in read_yaml(file).items():
        try:
            found[str(name)] = Own.model_validate(entry)
        except ValidationError as error:
            said = first_error(error, Own).lstrip(".")
            raise RecipeError(f"{file}: {name}: {said}") from error
    if not found:
        raise RecipeError(f"{file}: holds no task type; write name: {{like: ..., ...}}")
    _check_own(found, str(file))
    return found


def _with_own(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping of a recipe, its file of task types read in."""
    generate = raw.get("generate")
    if not isinstance(generate, Mapping) or not isinstance(generate.get("tasks"), str):
        return raw
    (file,) = expand([generate["tasks"]], "generate.tasks")
    return {**raw, "generate": {**generate, "tasks": own_tasks(file)}}


def _check_own(tasks: Mapping[str, Own], where: str) -> None:
    """Check what no section can see alone; wrong now is better than after an hour."""
    for name, own in tasks.items():
        settled(name, own, where)
        for check, chosen in listed(own.checks or []):
            if check == "unleaked":  # it compares with the evaluation sets of a recipe
                raise RecipeError(f"{where}: {name}.checks: put unleaked into curate")
            if not isinstance(filters.build(check, chosen), Filter):
                raise RecipeError(
                    f"{where}: {name}.checks: {check} looks at all tasks; put it into curate"
                )


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
    at[last] = notation.values(value, f"--set {change!r}")


def first_error(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong with a `model`, in one line, with the nearest known key."""
    # A value that may be of several forms has an error for each: the deepest is the one meant.
    first = max(error.errors(), key=lambda one: len(one["loc"]))
    loc = first["loc"]
    # The library puts the forms of a value among the keys; the last one is the user's all the same.
    path = [part for part in loc[:-1] if "[" not in str(part)]
    if first["type"] == "extra_forbidden" or not any("[" in str(part) for part in loc[-1:]):
        path += loc[-1:]
    place = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return f"unknown key {place!r}; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place} is {first['input']!r}; {message[:1].lower()}{message[1:]}"


def _extended(raw: dict[str, Any], file: Path) -> dict[str, Any]:
    """The mapping of a recipe laid over the recipe that its key `extends` names."""
    named = raw.pop("extends", None)
    if named is None:
        return raw
    if not isinstance(named, str):
        raise RecipeError(f"{file}: extends is {named!r}; it must be the path of a recipe")
    below = file.parent / named
    if below.resolve() == file.resolve():
        raise RecipeError(f"{file}: extends itself; name another recipe")
    return _merged(_extended(read_yaml(below), below), raw)


def _merged(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(whole)
    for key, value in changes.items():
        held = merged.get(key) if key != "domains" else None
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(held, value)
        else:
            merged[key] = value
    return merged


def _keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys of the section at `place`; entries of lists and mappings are passed through."""
    for part in place:
        if part in model.model_fields:
            model = _section_in(model.model_fields[str(part)].annotation) or model
    return list(model.model_fields)


def _section_in(annotation: object) -> type[BaseModel] | None:
    """The one section that a field holds, however deep in lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(part) for part in get_args(annotation))
    return next((section for section in found if section), None)
