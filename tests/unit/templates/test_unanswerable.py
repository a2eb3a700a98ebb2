from __future__ import annotations

import pytest

from katsuo.errors import RecipeError
from katsuo.templates import Filled, Record, decode
from katsuo.types import Flaw

YAML = """
source: harbour
data: harbour
splits: [train]
licence: CC0
context: text
templates:
  - name: asked
    type: exqa
    unanswerable: not stated
    instruction: "{{context}} {{ question }} Copy it, or write: not stated."
    response: "{{ answer }}"
  - name: judged
    type: nli
    choices: [refuted, supported, open]
    unanswerable: open
    instruction: "{{context}} Claim: {{ question }}"
    response: supported
"""
ROW = {"text": "Ada lit the lamp.", "question": "Who lit it?", "answer": "Ada"}


def record() -> Record:
    found = decode(YAML, "harbour.yaml").read(ROW, seed=1)
    assert isinstance(found, Record)
    return found


@pytest.mark.parametrize(
    ("number", "own", "other"), [(0, "Ada", "not stated"), (1, "supported", "open")]
)
def test_in_another_passage_the_question_has_the_answer_for_that_case(
    number: int, own: str, other: str
) -> None:
    template = decode(YAML, "harbour.yaml").templates[number]
    answered = template.fill(record())
    assert isinstance(answered, Filled)
    assert answered.response == own
    moved = template.fill(record(), instead="The mill stood still.")
    assert isinstance(moved, Filled)
    assert moved.response == other
    assert moved.instruction.startswith("The mill stood still.")
    assert "Ada lit" not in moved.instruction


def test_an_answer_that_is_not_quoted_is_refused_where_the_passage_is_its_own() -> None:
    template = decode(YAML.replace("{{ answer }}", "Tom"), "harbour.yaml").templates[0]
    assert template.fill(record()) == Flaw(reason="answer-not-in-context")


def test_the_answer_for_that_case_must_be_a_choice() -> None:
    with pytest.raises(RecipeError, match="unanswerable is 'open', which is none of the choices"):
        decode(YAML.replace("supported, open]", "supported]"), "harbour.yaml")
