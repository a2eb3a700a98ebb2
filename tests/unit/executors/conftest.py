"""Duties that workers in other processes can import."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def duties(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module `posted/duties.py`, there for workers too: they inherit the path."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "posted")
    return importlib.import_module("duties")
