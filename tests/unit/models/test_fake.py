from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from katsuo import wire
from katsuo.extracts import longest
from katsuo.models.fake import FakeModel, FakeTuner
from katsuo.protocols import Completes, Hold, Question, Ranks, Request, Sampling, Tunes
from katsuo.types import Pair, TaskType

CONTEXT = "The harbour master may close the eastern basin at any hour."


def asked(number: int, kind: TaskType = TaskType.EXQA) -> Request:
    return Request(
        id=str(number), prompt=wire.prompt(CONTEXT, kind), sampling=Sampling(), seed=number
    )


@given(order=st.permutations(range(8)), cut=st.integers(0, 8))
def test_a_completion_depends_on_its_request_alone(order: list[int], cut: int) -> None:
    model: Completes = FakeModel()
    alone = {n: next(iter(model.complete([asked(n)]))) for n in range(8)}
    parts = (order[:cut], order[cut:])
    together = [c for part in parts for c in model.complete([asked(n) for n in part])]
    assert together == [alone[n] for n in order]


@pytest.mark.parametrize("kind", list(TaskType), ids=str)
def test_most_drafts_are_tasks_and_some_are_not(kind: TaskType) -> None:
    found = [
        wire.parse(completion.text, CONTEXT)
        for completion in FakeModel().complete([asked(number, kind) for number in range(200)])
    ]
    drafts = [draft for draft in found if isinstance(draft, wire.Draft)]
    assert 150 < len(drafts) < 200
    assert all(draft.instruction.startswith(CONTEXT) for draft in drafts)


@pytest.mark.parametrize(
    "hold",
    [Hold(only=("Yes", "No")), Hold(within=CONTEXT), Hold(only=("-",), within=CONTEXT), Hold()],
    ids=["only", "within", "both", "plain"],
)
def test_a_completion_is_what_it_is_held_to(hold: Hold) -> None:
    for completion in FakeModel().complete([replace(asked(n), hold=hold) for n in range(40)]):
        text = completion.text
        assert hold.is_plain or text in hold.only or longest(text, hold.within) == text
        assert text


def test_any_other_prompt_is_answered_with_its_longest_word() -> None:
    request = replace(asked(0), prompt="Who may close it? The harbourmaster, perhaps.")
    assert next(iter(FakeModel().complete([request]))).text == "harbourmaster"
    empty = next(iter(FakeModel().complete([replace(request, prompt="")])))
    assert (empty.text, empty.finished) == ("", True)


def test_two_seeds_are_two_models() -> None:
    requests = [asked(number) for number in range(20)]
    assert list(FakeModel().complete(requests)) != list(FakeModel(seed=1).complete(requests))


@given(choices=st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True))
def test_ranking_ignores_the_order_of_the_choices(choices: list[str]) -> None:
    model: Ranks = FakeModel()
    there, back = model.rank(
        [
            Question(id="there", prompt="p", choices=tuple(choices)),
            Question(id="back", prompt="p", choices=tuple(reversed(choices))),
        ]
    )
    assert there.nats == tuple(reversed(back.nats))
    assert all(-8 <= nats <= 0 for nats in there.nats)
    assert there.n_tokens == tuple(len(choice.split()) + 1 for choice in choices)


def test_an_adapter_folder_has_the_shape_of_a_real_one(tmp_path: Path) -> None:
    tuner: Tunes = FakeTuner(max_steps=4)
    report = tuner.tune([Pair(prompt="a b", target="c")], tmp_path / "adapter")
    folder = tmp_path / "adapter"
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    assert config["peft_type"] == "LORA"
    with safe_open(folder / "adapter_model.safetensors", framework="numpy") as tensors:
        assert "seen" in tensors.metadata()
    rows = [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert (report.steps, report.first_loss, report.last_loss) == (4, 2.0, 1.25)
    assert (report.target_tokens, report.trained_tokens) == (1, 3)


def test_other_pairs_make_another_adapter(tmp_path: Path) -> None:
    for name, target in (("one", "c"), ("same", "c"), ("other", "d")):
        FakeTuner().tune([Pair(prompt="a", target=target)], tmp_path / name)
    one, same, other = (
        (tmp_path / name / "adapter_model.safetensors").read_bytes()
        for name in ("one", "same", "other")
    )
    assert one == same != other


def test_the_same_words_lie_at_one_place_in_whatever_order() -> None:
    one, other, third, none = FakeModel().embed(
        ["the pilot waits", "Waits the pilot?", "the tug waits", ""]
    )
    assert float(one @ other) == pytest.approx(1)
    assert float(one @ third) < 0.99
    assert not none.any()
