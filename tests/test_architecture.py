"""The house keeps its shape: imports, weight, budgets, words."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import katsuo

SOURCE = Path(katsuo.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = (
    "torch",
    "transformers",
    "peft",
    "openvino",
    "openvino_genai",
    "pyarrow",
    "numpy",
    "pydantic",
)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60
BANNED_NAMES = {"utils", "helpers", "common", "misc", "manager", "handler", "processor", "base"}


def test_importing_katsuo_loads_nothing_heavy() -> None:
    code = f"import katsuo, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom katsuo.cli.main import app\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_sorted_and_there() -> None:
    assert katsuo.__all__ == sorted(katsuo.__all__)
    assert all(hasattr(katsuo, name) for name in katsuo.__all__)


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=SOURCE.parents[1],
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert path.stem not in BANNED_NAMES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            documented = len((ast.get_docstring(node) or "").splitlines())
            assert length - documented <= MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_unsafe_is_called(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
            assert ast.unparse(node.value) == "False"
        if isinstance(node, ast.Import):
            assert not {"pickle", "marshal", "shelve"} & {name.name for name in node.names}
