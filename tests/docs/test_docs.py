"""The pages say what is there: links, recipes, commands, names."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import katsuo
from katsuo import recipe, school

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "docs", "tests", "recipes", "examples", "benchmarks", ".ci")
TEXT_SUFFIXES = {".md", ".py", ".yaml", ".yml", ".toml", ".txt", ".json", ".jsonl", ".html", ""}
NOTE_PARTS = [
    "Question",
    "What we do",
    "What we did not do, and why",
    "What would change our mind",
    "Evidence",
]
# Put together here, so that this file does not hold them.
FORBIDDEN = re.compile(r"(?<![\w.>])/" + r"work\b|\.\./" + r"shared|index" + r"-url")


def texts() -> Iterator[Path]:
    """Every text file of the repository, generated folders left out."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file())


FILES = sorted(
    path
    for path in texts()
    if path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts and path.name != ".coverage"
)
PAGES = [path for path in FILES if path.suffix == ".md"]
NOTES = sorted((ROOT / "docs" / "notes").glob("*.md"))
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["make_cli", "make_recipe"])
def test_a_page_made_from_the_code_is_not_stale(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.PAGE.read_text("utf-8") == maker.page(), "run: make docs"


def test_every_setting_on_the_page_of_settings_says_what_it_means() -> None:
    rows = re.findall(r"^\| `.*\|$", (ROOT / "docs" / "recipe.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 100
    assert [row for row in rows if re.search(r"\|  +\|", row)] == []


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_every_recipe_loads(path: Path) -> None:
    if path.name.startswith(("generator", "ctga-")):
        assert school.load(path).name
    else:
        assert recipe.load(path).ingest.paths


@pytest.mark.parametrize("path", NOTES, ids=named)
def test_a_note_has_a_number_and_its_five_parts(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == NOTE_PARTS


def test_no_two_notes_share_a_number() -> None:
    numbers = [path.name[:4] for path in NOTES]
    assert len(numbers) == len(set(numbers))


def test_the_names_that_the_readme_imports_are_there() -> None:
    blocks = fenced((ROOT / "README.md").read_text("utf-8"), "python")
    imports = [
        name.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "katsuo"
        for name in node.names
    ]
    assert set(imports) >= {"Bonito", "SamplingParams"}
    assert all(hasattr(katsuo, name) for name in imports)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_only_make_targets_that_exist_are_named(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    said = re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert said
    assert set(said) <= targets


def test_the_floors_of_the_architecture_are_those_that_are_checked() -> None:
    listed = re.search(
        r"layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.DOTALL
    )
    assert listed is not None
    checked = [re.findall(r"katsuo\.(\w+)", line) for line in re.findall(r'"(.*?)"', listed[1])]
    rows = re.findall(r"^\| \d+ \| ([^|]*) \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.M)
    assert [re.findall(r"`(\w+)`", row) for row in rows] == checked


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_file_names_a_place_that_only_one_machine_has(path: Path) -> None:
    found = FORBIDDEN.search(path.read_text("utf-8", errors="replace"))
    assert found is None
