"""The wire format: byte-compatible with the published generators, and invertible."""

from __future__ import annotations

from typing import Any

import pytest

from katsuo import wire
from katsuo.errors import RecipeError
from katsuo.types import Flaw, TaskType
from katsuo.wire import Draft, Wish

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


def test_in_our_own_format_all_tasks_about_a_passage_begin_alike() -> None:
    prompts = [wire.katsuo_prompt(f" {PASSAGE}\n", Wish(type=kind)) for kind in TaskType]
    prefix = f"<|context|>\n{PASSAGE}\n"
    assert wire.katsuo_prefix(PASSAGE) == prefix
    assert all(prompt.startswith(f"{prefix}<|tasktype|>\n") for prompt in prompts)
    assert prompts[0] == f"{prefix}<|tasktype|>\nextractive question answering\n<|task|>\n"


def test_a_wish_is_said_between_type_and_task() -> None:
    wish = Wish(
        type=TaskType.TOPIC_CLASS,
        labels=(("berths", "who lies where"), ("fees", "")),
        answer="fees",
        answerable=False,
        voice="clerk",
        book="closed",
    )
    assert wire.katsuo_prompt(PASSAGE, wish) == (
        f"<|context|>\n{PASSAGE}\n<|tasktype|>\ntopic classification\n"
        "<|labels|>\nberths: who lies where\nfees\n<|answer|>\nfees\n<|answerable|>\nno\n"
        "<|voice|>\nclerk\n<|book|>\nclosed\n<|task|>\n"
    )


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"labels": (("a\nb", ""),)}, id="line-break"),
        pytest.param({"labels": (("a", "see <|task|>"),)}, id="marker-in-description"),
        pytest.param({"labels": (("a: b", ""),)}, id="colon"),
        pytest.param({"labels": ((" ", "x"),)}, id="empty-label"),
        pytest.param({"voice": "<|book|>"}, id="marker-in-voice"),
        pytest.param({"answer": "a\nb"}, id="answer-of-two-lines"),
    ],
)
def test_a_wish_that_would_read_as_structure_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="cannot be told"):
        Wish(type=TaskType.NLI, **wish)


def test_an_answer_that_is_no_label_is_refused() -> None:
    with pytest.raises(RecipeError, match="'maybe' is none of the labels"):
        Wish(type=TaskType.YNQA, labels=(("yes", ""), ("no", "")), answer="maybe")
