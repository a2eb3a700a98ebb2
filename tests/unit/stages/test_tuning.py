from __future__ import annotations

from dataclasses import replace

import pytest

from katsuo import wire
from katsuo.stages.tuning import (
    Limit,
    arm_steps,
    as_long_as,
    fit,
    tapt_pairs,
    task_pairs,
    teach_pairs,
)
from katsuo.training import TuneSettings, plan
from katsuo.types import Context, Dropped, Origin, Pair, Task, TaskType

PASSAGE = "The lease ends in May."


def task(instruction: str = f"{PASSAGE}\nWhen does it end?", response: str = "May") -> Task:
    return Task(
        id="t1",
        document_id="d1",
        context_id="c1",
        context=PASSAGE,
        type=TaskType.EXQA,
        instruction=instruction,
        response=response,
        origin=Origin(generator="test", format=wire.BONITO_V1, seed=0),
    )


def words(pair: Pair) -> tuple[int, int]:
    return len(pair.prompt.split()), len(pair.target.split())


def test_adapting_learns_the_response_as_an_answer_to_a_users_turn() -> None:
    assert task_pairs([task()]) == [
        Pair(prompt=f"{PASSAGE}\nWhen does it end?", target="May", chat=True)
    ]


def test_next_word_prediction_learns_the_whole_passage() -> None:
    context = Context(id="c1", document_id="d1", text=PASSAGE, start=0, end=len(PASSAGE))
    assert tapt_pairs([context]) == [Pair(prompt="", target=PASSAGE, chat=False)]


def test_what_teaching_shows_is_what_generating_asks_and_parses() -> None:
    (pair,) = teach_pairs([task()])
    assert isinstance(pair, Pair)
    assert pair.prompt == wire.prompt(PASSAGE, TaskType.EXQA)
    assert not pair.chat
    assert wire.parse(pair.target, PASSAGE) == wire.Draft(
        instruction=task().instruction, response="May"
    )


def test_a_task_that_the_wire_format_cannot_carry_is_dropped_with_its_reason() -> None:
    (dropped,) = teach_pairs([task(response="a <|pipe|> b")])
    assert isinstance(dropped, Dropped)
    assert (dropped.item_id, dropped.stage, dropped.by, dropped.reason) == (
        "t1",
        "teach",
        "wire",
        "marker-in-text",
    )


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        pytest.param(Pair(prompt="a b c", target="d"), None, id="just-fits"),
        pytest.param(Pair(prompt="a b c", target="d e"), "too-long", id="one-token-too-long"),
        pytest.param(Pair(prompt="a", target="  "), "target-empty", id="blank-target"),
        pytest.param(Pair(prompt="a " * 9, target=""), "target-empty", id="empty-before-too-long"),
    ],
)
def test_a_pair_is_learned_whole_or_not_at_all(pair: Pair, reason: str | None) -> None:
    kept, dropped = fit([pair], words, Limit(max_tokens=4))
    assert kept == ([pair] if reason is None else [])
    assert [entry.reason for entry in dropped] == ([] if reason is None else [reason])


@pytest.mark.parametrize("size", [(1, 0), (0, 1)])
def test_a_text_of_one_token_has_nothing_to_learn(size: tuple[int, int]) -> None:
    _, dropped = fit([Pair(prompt="", target="x", chat=False)], lambda _: size, Limit(max_tokens=9))
    assert [entry.reason for entry in dropped] == ["target-empty"]


def test_what_arrives_is_kept_or_dropped_and_keeps_its_order() -> None:
    pairs = [Pair(prompt="p", target="x " * n) for n in range(6)]
    kept, dropped = fit(pairs, words, Limit(max_tokens=4, stage="teach"))
    assert kept == pairs[1:4]
    assert len(kept) + len(dropped) == len(pairs)
    assert {entry.stage for entry in dropped} == {"teach"}


def test_the_tapt_arm_takes_as_many_steps_as_the_arm_of_tasks() -> None:
    settings = TuneSettings(batch_tokens=64, epochs=2)
    tapt = as_long_as([30] * 21, settings)
    assert tapt.max_steps == arm_steps([30] * 21, settings) == 22
    assert len(plan([50, 60], tapt)) == 22


def wished(number: int) -> Task:
    return replace(
        task(),
        id=f"t{number}",
        type=TaskType.NLI,
        labels=("Yes", "No"),
        answerable=number % 2 == 0,
        voice="clerk",
    )


def test_our_own_format_says_about_half_of_what_could_be_said() -> None:
    pairs = list(teach_pairs(map(wished, range(200)), wire_format=wire.KATSUO_V1, seed=3))
    prompts = [pair.prompt for pair in pairs if isinstance(pair, Pair)]
    assert len(prompts) == 200
    assert all(prompt.startswith(wire.katsuo_prefix(PASSAGE)) for prompt in prompts)
    for said in (
        f"{wire.LABELS_MARK}\n",
        f"{wire.ANSWERABLE_MARK}\n",
        f"{wire.VOICE_MARK}\nclerk\n",
        f"{wire.BOOK_MARK}\nopen\n",
    ):
        assert 70 < sum(said in prompt for prompt in prompts) < 130
    assert pairs == list(teach_pairs(map(wished, range(200)), wire_format=wire.KATSUO_V1, seed=3))


def test_labels_that_the_format_cannot_carry_are_left_unsaid() -> None:
    odd = [replace(wished(n), labels=("Yes: it is", "No")) for n in range(20)]
    for pair in teach_pairs(odd, wire_format=wire.KATSUO_V1):
        assert isinstance(pair, Pair)
        assert wire.LABELS_MARK not in pair.prompt
