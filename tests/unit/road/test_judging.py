"""A verdict is given once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from katsuo.filters.well_formed import WellFormed
from katsuo.road.judging import Remembering, edition_of
from katsuo.store.runs import Cell
from katsuo.types import KEEP, Origin, Span, Task, TaskType, Verdict, drop


def task(id: str) -> Task:
    return Task(
        id=id,
        document_id="d",
        context_id="c",
        context="rent",
        type=TaskType.QA,
        instruction="rent: what is it?",
        response="rent",
        origin=Origin(generator="g", format="f", seed=0),
    )


class Judge:
    """Drops the task `b`, finds evidence for the others, and says whom it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        self.seen += [each.id for each in tasks]
        found = Verdict(keep=True, score=0.1 + 0.2, evidence=(Span(start=0, end=4),))
        return [drop("is-b", score=0.0) if each.id == "b" else found for each in tasks]


def test_only_tasks_that_stand_for_the_first_time_are_judged(tmp_path: Path) -> None:
    judge = Judge()
    part = Remembering(part=judge, cell=Cell(folder=tmp_path / "cell"))
    first = part.judge([task("a"), task("b")])
    again = part.judge([task("c"), task("b"), task("a")])
    assert judge.seen == ["a", "b", "c"]
    assert again == [first[0], first[1], first[0]]
    assert first == Judge().judge([task("a"), task("b")])


def test_a_filter_that_keeps_without_a_score_is_remembered_so(tmp_path: Path) -> None:
    class Keep:
        def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
            return [KEEP for _ in tasks]

    cell = Cell(folder=tmp_path / "cell")
    assert Remembering(part=Keep(), cell=cell).judge([task("a")]) == [KEEP]
    assert Remembering(part=Keep(), cell=cell).judge([task("a")]) == [KEEP]


def test_a_filter_that_came_to_drop_other_tasks_has_an_edition_for_its_keys() -> None:
    assert edition_of(Judge()) == 1
    assert edition_of(WellFormed()) > 1
