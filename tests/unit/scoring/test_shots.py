from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import yaml

from katsuo.errors import RecipeError
from katsuo.scoring import shots
from katsuo.scoring.probes import VOCABULARIES, Kind, SetSpec
from katsuo.scoring.prompts import prompts_of
from katsuo.scoring.shots import MAX_SHOTS, shots_of

BOOK = yaml.safe_load(Path(shots.__file__).with_suffix(".yaml").read_text("utf-8"))


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
    pytest.param(spec(kind, dict(chosen)), id="-".join(["", *dict(chosen)]).strip("-"))
    for kind, vocabulary in VOCABULARIES
    for n_labels in range(2, len(vocabulary) + 1)
    for chosen in combinations(vocabulary.items(), n_labels)
]


@pytest.mark.parametrize("found", SPECS)
def test_a_closed_set_is_shown_three_examples_with_more_than_one_label(found: SetSpec) -> None:
    for prompt in prompts_of(found):
        turns = shots_of(found, prompt, 3)
        answers = [answer for _, answer in turns]
        assert len(turns) == 3
        assert set(answers) <= set(prompt.choices)
        assert len(set(answers)) >= 2
        assert len(set(answers[:2])) == 2


@pytest.mark.parametrize("found", SPECS[:1])
def test_examples_are_worded_as_the_questions_that_follow(found: SetSpec) -> None:
    first, second = prompts_of(found, 2)
    example = next(entry for entry in BOOK["yes_no"] if entry["role"] == "no")
    word = {"yes": 0, "no": 1}["no"]
    for prompt in (first, second):
        turn = (prompt.text(example["context"], example["question"]), prompt.choices[word])
        assert shots_of(found, prompt, 1) == (turn,)


def test_a_span_set_is_shown_spans() -> None:
    found = spec(Kind.SPAN, {})
    (prompt,) = prompts_of(found, 1)
    turns = shots_of(found, prompt, 3)
    assert len(turns) == 3
    assert all(answer in asked for asked, answer in turns)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(spec(Kind.LABELS, {"later": "later", "urgent": "urgent"}), id="labels"),
        pytest.param(spec(Kind.CHECK, {}), id="check"),
    ],
)
def test_sets_with_answers_of_their_own_have_no_examples(found: SetSpec) -> None:
    assert shots_of(found, prompts_of(found, 1)[0], 3) == ()


def test_fewer_examples_are_the_first_ones_and_none_is_none() -> None:
    found = spec(Kind.SPAN, {})
    (prompt,) = prompts_of(found, 1)
    assert shots_of(found, prompt, 1) == shots_of(found, prompt, 3)[:1]
    assert shots_of(found, prompt, 0) == ()


@pytest.mark.parametrize("n", [-1, MAX_SHOTS + 1])
def test_there_are_at_most_three_examples(n: int) -> None:
    found = spec(Kind.SPAN, {})
    with pytest.raises(RecipeError, match=f"few_shot is {n}; it must lie in 0 to 3"):
        shots_of(found, prompts_of(found, 1)[0], n)


@pytest.mark.parametrize("kind", BOOK)
def test_contexts_are_short_and_answers_are_of_the_right_form(kind: str) -> None:
    roles = {
        role for known, vocabulary in VOCABULARIES if known == kind for role in vocabulary.values()
    }
    for example in BOOK[kind]:
        assert 25 <= len(example["context"].split()) <= 60
        if kind == Kind.SPAN:
            assert example["answer"] in example["context"]
        else:
            assert example["role"] in roles
