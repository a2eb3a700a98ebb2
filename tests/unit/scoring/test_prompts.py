from __future__ import annotations

from itertools import combinations

import pytest

from katsuo.errors import RecipeError
from katsuo.scoring.probes import VOCABULARIES, Kind, SetSpec
from katsuo.scoring.prompts import prompts_of

CONTEXT = "A {{ strange }} passage."
QUESTION = "Is <this> so?"


def spec(kind: Kind, role_by_label: dict[str, str]) -> SetSpec:
    return SetSpec(
        name="mine",
        source="mine.jsonl",
        kind=kind,
        labels=tuple(role_by_label),
        roles=tuple(role_by_label.values()),
        n_probes=2,
    )


SPECS = [
    pytest.param(spec(Kind.SPAN, {}), id="span"),
    pytest.param(spec(Kind.CHECK, {}), id="check"),
    pytest.param(spec(Kind.LABELS, {"a b": "a b", "c": "c"}), id="labels"),
    *(
        pytest.param(spec(kind, dict(chosen)), id="-".join(["", *dict(chosen)]).strip("-"))
        for kind, vocabulary in VOCABULARIES
        for n_labels in range(2, len(vocabulary) + 1)
        for chosen in combinations(vocabulary.items(), n_labels)
    ),
]


@pytest.mark.parametrize("found", SPECS)
def test_every_prompt_shows_passage_question_and_exactly_its_own_choices(found: SetSpec) -> None:
    prompts = prompts_of(found)
    assert len({prompt.id for prompt in prompts}) == 5
    assert len({prompt.source for prompt in prompts}) == 5
    for prompt in prompts:
        text = prompt.text(CONTEXT, QUESTION)
        assert CONTEXT in text
        assert QUESTION in text
        assert len(prompt.choices) == len(set(prompt.choices)) == len(found.labels)
        if found.labels:
            *firsts, last = prompt.choices
            assert f"{', '.join(firsts)} or {last}" in text


@pytest.mark.parametrize(
    ("role_by_label", "absent"),
    [
        pytest.param({"yes": "yes", "no": "no"}, "aybe", id="two-labels-offer-two-words"),
        pytest.param({"no": "no", "maybe": "maybe"}, "Yes", id="whichever-two-they-are"),
    ],
)
def test_words_that_the_set_does_not_use_are_not_mentioned(
    role_by_label: dict[str, str], absent: str
) -> None:
    for prompt in prompts_of(spec(Kind.YES_NO, role_by_label)):
        assert absent not in prompt.text(CONTEXT, QUESTION)


def test_choices_stand_in_the_order_of_the_labels() -> None:
    labels = {"SUPPORTS": "true", "REFUTES": "false", "NOT ENOUGH INFO": "open"}
    first, second, *_ = prompts_of(spec(Kind.NLI, labels))
    assert first.labels == second.labels == tuple(labels)
    assert first.choices == ("True", "False", "Inconclusive")
    assert second.choices == ("Yes", "No", "Maybe")


def test_an_instruction_to_be_checked_stands_nearly_bare() -> None:
    prompts = prompts_of(spec(Kind.CHECK, {}))
    assert prompts[0].text("", "Say yes.") == "Say yes."
    assert prompts[0].text("A text.", "Say yes.") == "A text.\n\nSay yes."
    texts = {prompt.text("", "Say yes.") for prompt in prompts}
    assert len(texts) == 5
    assert all("\n\n\n" not in text and len(text.split()) <= 12 for text in texts)


def test_fewer_prompts_are_the_first_ones() -> None:
    found = spec(Kind.SPAN, {})
    assert prompts_of(found, 2) == prompts_of(found)[:2]


@pytest.mark.parametrize("n_prompts", [0, 6])
def test_there_are_one_to_five_prompts(n_prompts: int) -> None:
    with pytest.raises(RecipeError, match="must lie in 1 to 5"):
        prompts_of(spec(Kind.SPAN, {}), n_prompts)
