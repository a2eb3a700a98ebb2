"""What the pages ask for is there: commands parse, recipes load, settings and flags are known."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import typer
import yaml

from katsuo import recipe as recipes
from katsuo import school
from katsuo.cli.main import app
from katsuo.privacy import SWITCHES
from katsuo.sections import Recipe
from katsuo.store.runs import Run

if TYPE_CHECKING:
    from tests.docs.conftest import Workplace

Fenced = Callable[[Path, str], list[str]]
ROOT = Path(__file__).parents[2]
HOWTO = sorted((ROOT / "docs" / "howto").glob("*.md"))
REFUSED: Final[Any] = typer.BadParameter.__base__
"""What a wrong command line raises; typer has no other public name for it."""
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *HOWTO]
GUIDES = [page for page in GUIDES if page.name not in ("cli.md", "log.md", "recipe.md")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(page: Path) -> list[str]:
    """What stands between backticks, outside of blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(said.split()) for said in re.findall(r"`([^`]+)`", text)]


def commands(page: Path, fenced: Fenced) -> Iterator[list[str]]:
    """The words behind `katsuo` in every command of a page."""
    lines = [line for block in fenced(page, "sh") for line in block.splitlines()]
    for line in [*lines, *code(page)]:
        found = re.search(r"(?:^|\$\()(?:\.venv/bin/)?katsuo (?P<words>[^|)#]+)", line)
        if found is not None:
            yield shlex.split(found["words"])


def parse(words: list[str]) -> None:
    """Have the command line read `words` and do nothing.

    Raises:
        REFUSED: If it cannot read them.
    """
    command: Any = typer.main.get_command(app)
    context = command.make_context("katsuo", list(words))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        if rest or not hasattr(command, "commands"):
            context = command.make_context(name, rest, parent=context)


def is_only_named(words: list[str]) -> bool:
    """Whether a page names a command without asking for anything: `katsuo forget`."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return False
    return True


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_command_parses(page: Path, fenced: Fenced) -> None:
    for words in commands(page, fenced):
        if not is_only_named(words):
            parse(words)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["runn", "a.yaml"], id="command"),
        pytest.param(["run", "a.yaml", "--sett", "x=1"], id="flag"),
        pytest.param(["export", "runs/a", "--format", "csv", "--out", "b"], id="value"),
        pytest.param(["explain", "runs/a"], id="missing"),
        pytest.param(["parcel", "pakc", "a.yaml"], id="command-of-a-group"),
    ],
)
def test_a_command_that_is_none_does_not_parse(words: list[str]) -> None:
    with pytest.raises(REFUSED):
        parse(words)


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_recipe_on_a_page_loads(page: Path, fenced: Fenced, tmp_path: Path) -> None:
    for block in fenced(page, "yaml"):
        file = tmp_path / "page.yaml"
        file.write_text(block, "utf-8")
        school.load(file) if "teach" in yaml.safe_load(block) else recipes.load(file)


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_setting_on_a_page_is_one(page: Path) -> None:
    sections = "|".join(name for name in Recipe.model_fields if name not in ("curate", "limit"))
    for said in code(page):
        found = re.fullmatch(rf"((?:{sections})(?:\.\w+)+)(?:(?:: |=)(.+))?", said)
        if found is None:
            continue
        place, value = found[1].split("."), found[2]
        model: Any = Recipe
        for part in place[:-1]:
            model = recipes._section_in(model.model_fields[part].annotation)
        assert place[-1] in model.model_fields, said
        if value is not None:
            model.model_validate({place[-1]: yaml.safe_load(value)})


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_flag_on_a_page_is_one(page: Path) -> None:
    known = set(re.findall(r"--[a-z-]+", (ROOT / "docs" / "cli.md").read_text("utf-8")))
    for said in code(page):
        if said.startswith("--"):
            assert said.split()[0] in known, said


def test_the_page_on_privacy_names_every_switch() -> None:
    text = (ROOT / "docs" / "privacy.md").read_text("utf-8")
    switches = [f"{name}={value}" for name, value in SWITCHES.items()]
    assert [switch for switch in switches if f"`{switch}`" not in text] == []


@pytest.mark.parametrize("name", ["ci.md", "labels.md"])
def test_the_commands_of_a_page_run(name: str, workplace: Workplace, fenced: Fenced) -> None:
    for block in fenced(ROOT / "docs" / "howto" / name, "sh"):
        workplace.run(block, quick=True)


def test_the_questions_of_the_page_can_be_asked(workplace: Workplace, fenced: Fenced) -> None:
    page = ROOT / "docs" / "howto" / "questions.md"
    (rows,), (recipe,) = fenced(page, "json"), fenced(page, "yaml")
    (workplace.folder / "my-questions.jsonl").write_text(rows, "utf-8")
    (workplace.folder / "asked.yaml").write_text(recipe, "utf-8")
    workplace.run("katsuo evaluate asked.yaml --run runs/asked", quick=True)
    scores = Run.at(workplace.folder / "runs" / "asked").stage("evaluate").manifest
    assert scores["counts"]["arrived"] == 2 * 5 * 3  # questions, prompts, arms
