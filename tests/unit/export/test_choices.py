from __future__ import annotations

from collections.abc import Callable

import pytest

from katsuo.export.choices import Ranked, ranked
from katsuo.export.rows import Row
from katsuo.types import Flaw, TaskType


@pytest.mark.parametrize(
    ("kind", "question", "response", "choices", "answer"),
    [
        pytest.param("ynqa", "So? Answer yes or no.", "No", ("yes", "no"), 1, id="as-offered"),
        pytest.param("ynqa", "Is it closed?", "yes", ("yes", "no"), 0, id="no-offer-but-yes-no"),
        pytest.param(
            "nli", "Does it follow? Yes, No or Maybe.", "maybe", ("Yes", "No", "Maybe"), 2, id="nli"
        ),
        pytest.param(
            "mcqa", "When? (a) at dawn (b) in a gale", "b", ("a", "b"), 1, id="letters"
        ),
        pytest.param(
            "mcqa", "When?\n(a) at dawn\n(b) in a gale", "in a gale", ("at dawn", "in a gale"), 1,
            id="what-stands-behind-letters",
        ),
        pytest.param(
            "topic_class", "Options: Weather / Pilots / Fuel", "pilots",
            ("Weather", "Pilots", "Fuel"), 1, id="a-list",
        ),
    ],
)  # fmt: skip
def test_a_closed_task_is_ranked_among_what_it_offers(
    row: Callable[..., Row], kind: str, question: str, response: str, choices: tuple[str, ...],
    answer: int,
) -> None:  # fmt: skip
    task = row(type=TaskType(kind), instruction=question, response=response).task
    assert ranked(task) == Ranked(choices=choices, answer=answer)


def test_stated_labels_come_before_what_the_instruction_says(row: Callable[..., Row]) -> None:
    task = row(labels=("open", "shut"), response="Shut.").task
    assert ranked(task) == Ranked(choices=("open", "shut"), answer=1)


@pytest.mark.parametrize(
    ("question", "response", "reason"),
    [
        pytest.param("What of it?", "perhaps", "choices-not-offered", id="none-offered"),
        pytest.param("Answer yes or no.", "perhaps", "response-not-offered", id="another-answer"),
    ],
)
def test_what_cannot_be_ranked_says_why(
    row: Callable[..., Row], question: str, response: str, reason: str
) -> None:
    assert ranked(row(instruction=question, response=response).task) == Flaw(reason=reason)
