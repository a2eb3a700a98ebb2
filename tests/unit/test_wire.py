"""The wire format: byte-compatible with the published generators, and invertible."""

from __future__ import annotations

import pytest

from katsuo import wire
from katsuo.types import Flaw, TaskType
from katsuo.wire import Draft

PASSAGE = "Vessels over 40 metres take a pilot."


def test_the_prompt_is_the_published_one_byte_for_byte() -> None:
    expected = (
        "<|tasktype|>\nextractive question answering\n<|context|>\n"
        "Vessels over 40 metres take a pilot.\n<|task|>\n"
    )
    assert wire.prompt(f"  {PASSAGE}\n", TaskType.EXQA) == expected


def test_the_passage_is_abstracted_in_both_parts() -> None:
    draft = Draft(instruction=f"{PASSAGE}\nWho takes a pilot?", response=f"See: {PASSAGE}")
    assert wire.render(draft, PASSAGE) == (
        "{{context}}\nWho takes a pilot?\n<|pipe|>\nSee: {{context}}"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("no marker at all", "pipe-missing", id="no-pipe"),
        pytest.param("a<|pipe|>b<|pipe|>c", "pipe-repeated", id="two-pipes"),
        pytest.param("  \n<|pipe|>\nb", "instruction-empty", id="no-instruction"),
        pytest.param("a\n<|pipe|>\n ", "response-empty", id="no-response"),
    ],
)
def test_a_completion_that_is_no_task_says_why(text: str, reason: str) -> None:
    assert wire.parse(text, PASSAGE) == Flaw(reason=reason)


@pytest.mark.parametrize(
    ("draft", "context", "reason"),
    [
        pytest.param(Draft(instruction="a", response="b"), " ", "context-empty", id="no-context"),
        pytest.param(
            Draft(instruction="a <|pipe|>", response="b"), PASSAGE, "marker-in-text", id="marker"
        ),
        pytest.param(
            Draft(instruction="a", response="b"),
            "x <|task|> y",
            "marker-in-text",
            id="marker-in-passage",
        ),
        pytest.param(
            Draft(instruction="a ", response="b"), PASSAGE, "not-invertible", id="outer-space"
        ),
        pytest.param(
            Draft(instruction="say {{context}}", response="b"),
            PASSAGE,
            "not-invertible",
            id="slot-in-data",
        ),
    ],
)
def test_what_could_not_come_back_is_refused(draft: Draft, context: str, reason: str) -> None:
    assert wire.render(draft, context) == Flaw(reason=reason)
