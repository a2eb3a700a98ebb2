"""Rows to be shaped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from katsuo.export.rows import Place, Row
from katsuo.stages.tuning import task_pairs
from katsuo.types import Origin, Span, Task, TaskType

PASSAGE = "The basin closes when the wind exceeds twelve metres a second."


@pytest.fixture
def row() -> Callable[..., Row]:
    """Make a row; words change its task, and `book` its form."""

    def made(book: str = "open", **changes: Any) -> Row:  # noqa: ANN401 -- fields of a task
        task = Task(
            **{
                "id": "a1b2c3",
                "document_id": "d1",
                "context_id": "c1",
                "context": PASSAGE,
                "type": TaskType.YNQA,
                "instruction": f"{PASSAGE}\n\nDoes the basin close in a gale? Answer yes or no.",
                "response": "yes",
                "origin": Origin(generator="fake", format="bonito-v1", seed=7),
                "evidence": (Span(start=4, end=9),),
                "scores": {"grounded": 1.0},
                **changes,
            }
        )
        place = Place(source="orders/one.md", start=100, end=100 + len(task.context), page=2)
        return Row(task=task, pair=task_pairs([task], book)[0], book=book, place=place)

    return made
