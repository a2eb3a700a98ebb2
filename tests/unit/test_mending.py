from __future__ import annotations

import pytest

from katsuo import mending
from katsuo.mending import Parts, Rule
from katsuo.protocols import Hold
from katsuo.types import TaskType

PASSAGE = "Gate 3 opens at dawn. The keeper, Ann Odd, has the key."
SLOT = "{{context}}\n"


def rule(kind: TaskType, *told: str) -> Rule:
    return Rule(kind=kind, passage=PASSAGE, told=told, extractive=kind.extractive)


@pytest.mark.parametrize(
    ("text", "finished", "parts"),
    [
        pytest.param("ask <|pipe|> yes", True, ("ask", "yes"), id="whole"),
        pytest.param("Is it? Say", False, ("Is it?", ""), id="cut-in-the-instruction"),
        pytest.param("no stop at al", False, ("no stop at", ""), id="cut-in-a-first-sentence"),
        pytest.param("Is it? Say", True, ("Is it? Say", ""), id="no-marker"),
        pytest.param("ask <|pipe|> ye", False, ("ask", ""), id="cut-in-the-response"),
        pytest.param("ask <|pipe|> yes <|pipe|> n", False, ("ask", "yes"), id="a-second-marker"),
        pytest.param("ask <|pipe|> yes <|task|> so", True, ("ask", "yes"), id="another-marker"),
        pytest.param("<|pipe|> yes", True, ("", "yes"), id="no-instruction"),
    ],
)
def test_a_completion_has_two_parts_whatever_it_lacks(
    text: str, finished: bool, parts: tuple[str, str]
) -> None:
    found = mending.parts(text, finished=finished)
    assert (found.instruction, found.response) == parts


@pytest.mark.parametrize(
    ("kind", "asked", "response", "found"),
    [
        pytest.param(TaskType.EXQA, "Who?", "Ann Odd", "Ann Odd", id="an-extract"),
        pytest.param(TaskType.EXQA, "Who?", "ann odd.", "Ann Odd", id="an-extract-spelled-else"),
        pytest.param(TaskType.EXQA, "Who?", "Bob", Hold(within=PASSAGE), id="no-extract"),
        pytest.param(
            TaskType.EXQA, 'Who? Or write "not stated".', "Not stated.", "Not stated.", id="blank"
        ),
        pytest.param(
            TaskType.EXQA,
            'Who? Or write "not stated".',
            "Bob",
            Hold(only=("not stated",), within=PASSAGE),
            id="no-extract-and-a-blank-offered",
        ),
        pytest.param(TaskType.NLI, "True or False?", "True", "True", id="a-label-offered"),
        pytest.param(
            TaskType.NLI, "True or False?", "Maybe", Hold(only=("True", "False")), id="not-offered"
        ),
        pytest.param(TaskType.YNQA, "Is it?", "Yes", "Yes", id="a-label-that-is-known"),
        pytest.param(
            TaskType.NLI, "1 for proven, 2 for open", "2", "2", id="words-of-the-question"
        ),
        pytest.param(
            TaskType.YNQA,
            "Is it?",
            "dawn",
            Hold(only=("Yes", "No", "True", "False")),
            id="no-label-at-all",
        ),
        pytest.param(
            TaskType.MCQA,
            "When?\nA) dawn\nB) noon",
            "night",
            Hold(only=("A", "dawn", "B", "noon")),
            id="lettered",
        ),
        pytest.param(
            TaskType.COREF, "Is it Ann? Yes or No.", "Ann", Hold(only=("Yes", "No")), id="coref"
        ),
        pytest.param(TaskType.COREF, "Who is it?", "Ann", "Ann", id="coref-asked-freely"),
        pytest.param(TaskType.SENTIMENT, "How does she feel?", "glad", "glad", id="none-readable"),
        pytest.param(TaskType.SUMMARIZATION, "Sum up.", "", Hold(), id="free-text"),
    ],
)
def test_a_response_stays_is_spelled_or_is_asked_for_again(
    kind: TaskType, asked: str, response: str, found: str | Hold
) -> None:
    draft = Parts(instruction=SLOT + asked, response=response)
    assert mending.mended(rule(kind), draft) == found


def test_labels_that_were_told_are_the_only_answers() -> None:
    told = rule(TaskType.TOPIC_CLASS, "fees", "safety")
    draft = Parts(instruction="Which topic? Options: a, b", response="Fees.")
    assert mending.mended(told, draft) == "fees"
    assert mending.hold(told, draft.instruction) == Hold(only=("fees", "safety"))


@pytest.mark.parametrize(
    ("hold", "text", "finished", "said"),
    [
        pytest.param(Hold(only=("Yes", "No")), "Yes", True, "Yes", id="a-choice"),
        pytest.param(Hold(only=("Yes", "No")), "Perhaps", True, "", id="no-choice"),
        pytest.param(
            Hold(within=PASSAGE), "Ann Odd, has the ke", False, "Ann Odd, has the", id="cut"
        ),
        pytest.param(Hold(within=PASSAGE), "keep", False, "keeper", id="not-a-whole-word"),
        pytest.param(Hold(), "One thing. And anoth", False, "One thing.", id="cut-sentence"),
        pytest.param(Hold(), "One thing. And anoth", True, "One thing. And anoth", id="whole"),
        pytest.param(Hold(), "One <|pipe|> two", True, "One", id="a-marker-all-the-same"),
    ],
)
def test_a_held_completion_gives_a_response(
    hold: Hold, text: str, finished: bool, said: str
) -> None:
    assert mending.response_of(hold, text, finished=finished) == said


def test_a_choice_is_never_cut_off() -> None:
    assert mending.most_tokens(Hold(only=("Yes", "naïve")), 4) == len("naïve".encode()) + 1
    assert mending.most_tokens(Hold(within=PASSAGE), 256) == 64
    assert mending.most_tokens(Hold(), 256) == 256
