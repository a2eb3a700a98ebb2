"""Personal details leave a row whole, or the row leaves."""

from __future__ import annotations

import re

import pytest

from katsuo.errors import RecipeError
from katsuo.filters.grounded import Grounded
from katsuo.filters.private import Private
from katsuo.types import Origin, Span, Task, TaskType, Verdict

PASSAGE = "Write to anna.keller@firma.de or ring +44 20 7946 0958; the berth costs 30 a day."


def task(question: str, response: str, **changes: object) -> Task:
    """A task about the passage."""
    facts: dict[str, object] = {
        "id": "t", "document_id": "d", "context_id": "c", "context": PASSAGE,
        "type": TaskType.EXQA, "instruction": f"{PASSAGE}\n\n{question}", "response": response,
        "origin": Origin(generator="g", format="f", seed=0),
    }  # fmt: skip
    return Task(**{**facts, **changes})  # type: ignore[arg-type]


def rewritten(made: Task, **settings: object) -> Task | Verdict:
    """What the filter makes of one task."""
    (found,) = Private(**settings).rewrite([made])  # type: ignore[arg-type]
    return found


def kept(made: Task, **settings: object) -> Task:
    """The same, where it must stay."""
    found = rewritten(made, **settings)
    assert isinstance(found, Task)
    return found


def test_a_row_without_details_stays_as_it_is() -> None:
    made = task("What does a berth cost?", "30", context="It costs 30.", instruction="It costs 30.")
    assert rewritten(made) is made


def test_the_same_detail_is_replaced_alike_in_all_texts_of_all_rows() -> None:
    first = kept(task("Whose address is anna.keller@firma.de?", "+44 20 7946 0958"))
    second = kept(task("Who is at 02079460958?", "anna.keller@firma.de"))
    assert first.context == second.context
    assert first.instruction.startswith(first.context)
    assert first.response in first.context
    assert second.response in second.context
    assert second.response in first.instruction
    for text in (first.context, first.instruction, second.instruction):
        assert "keller" not in text
        assert "7946" not in text


def test_a_row_says_how_many_places_hold_surrogates() -> None:
    assert kept(task("What is the address?", "anna.keller@firma.de")).surrogates == 3
    assert task("What is the address?", "anna.keller@firma.de").surrogates == 0


def test_evidence_still_shows_the_answer() -> None:
    at = PASSAGE.index("+44")
    evidence = (Span(start=at, end=at + len("+44 20 7946 0958")),)
    made = kept(task("Which number?", "+44 20 7946 0958", evidence=evidence))
    assert made.context[evidence[0].start : evidence[0].end] == made.response
    assert Grounded().judge([made])[0].evidence == made.evidence == evidence


def test_documents_have_surrogates_of_their_own() -> None:
    made = task("Which number?", "+44 20 7946 0958")
    other = task("Which number?", "+44 20 7946 0958", document_id="e")
    assert kept(made).response != kept(other).response
    assert kept(made).response != kept(made, seed=1).response


def test_details_are_replaced_where_no_spaces_are_set() -> None:
    text = "请写信至john.smith@example.com或联系王小明先生。"
    made = task("谁", "王小明", context=text, instruction=f"{text}\n\n谁")
    found = kept(made, names=("王小明",))
    assert found.surrogates == 3
    assert not re.search("王小明|john|smith", found.instruction + found.context)
    assert found.context.startswith("请写信至")
    assert found.response in found.context


def test_names_are_replaced_where_they_are_listed() -> None:
    context = "Anna Keller owes 30."
    made = task("Who?", "Anna Keller", context=context, instruction=f"{context}\nWho?")
    assert rewritten(made) is made
    assert "Keller" not in kept(made, names=("Anna Keller",)).instruction


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        pytest.param("anna.keller", "private-left", id="name-in-an-address"),
        pytest.param("7946", "answer-inside-private", id="group-of-a-number"),
    ],
)
def test_a_row_that_would_keep_a_piece_is_dropped(response: str, reason: str) -> None:
    found = rewritten(task("Which?", response))
    assert isinstance(found, Verdict)
    assert found.reason == reason


def test_it_may_drop_instead() -> None:
    found = rewritten(task("What does a berth cost?", "30"), mode="drop")
    assert isinstance(found, Verdict)
    assert found.reason == "holds-email"


def test_another_mode_is_refused() -> None:
    with pytest.raises(RecipeError, match="mode is 'hide'; it must be surrogate or drop"):
        Private(mode="hide")
