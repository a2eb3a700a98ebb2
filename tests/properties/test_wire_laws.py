"""The law of the joint: what is rendered can be parsed back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from katsuo import wire
from katsuo.types import Flaw
from katsuo.wire import Draft

PIECES = st.sampled_from(
    ["{{context}}", "{{", "}}", "<|pipe|>", "<|task|>", "\n", " ", "the harbour", "Who?", "é", "|"]
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=8).map("".join))


@given(instruction=TEXTS, response=TEXTS, context=TEXTS)
def test_what_is_rendered_can_be_parsed_back(instruction: str, response: str, context: str) -> None:
    draft = Draft(instruction=instruction, response=response)
    rendered = wire.render(draft, context)
    if not isinstance(rendered, Flaw):
        assert wire.parse(rendered, context) == draft


@given(question=st.from_regex(r"[A-Za-z][A-Za-z ]{0,30}\?", fullmatch=True))
def test_an_ordinary_task_is_never_refused(question: str) -> None:
    passage = "Vessels over 40 metres take a pilot; smaller ones may ask for one."
    draft = Draft(instruction=f"{passage}\n{question}", response="yes")
    assert not isinstance(wire.render(draft, passage), Flaw)


@given(text=st.text())
def test_parsing_never_raises(text: str) -> None:
    assert isinstance(wire.parse(text, "a passage"), Draft | Flaw)
