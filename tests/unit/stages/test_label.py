from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.own import Example, OwnTask
from katsuo.stages.label import NOTHING, Choosing, Chosen, choose, label, questions
from katsuo.types import Context, Dropped, Task, TaskType

LABELS = ("fees", "wind", "fuel")
TASK = OwnTask(
    name="topic",
    like=TaskType.TOPIC_CLASS,
    answer="label",
    labels={"fees": "what berths cost", "wind": "", "fuel": ""},
    wordings=("{{ context }}\n\nWhich: {{ labels }}?",),
)
EVEN = Choosing(shares=dict.fromkeys(LABELS, 1 / 3), prior="empty", use=1)
ZERO = {f"nothing/{number}": (0.0, 0.0, 0.0) for number in range(len(NOTHING))}


def given_out(rows: Mapping[str, tuple[float, ...]], how: Choosing = EVEN) -> dict[str, str]:
    chosen = choose(TASK, {**rows, **ZERO}, how)
    assert chosen.keys() == rows.keys()
    return {id_: one if isinstance(one, str) else one.label for id_, one in chosen.items()}


def test_a_passage_gets_its_clearest_label_while_there_is_room() -> None:
    rows = {"a": (-1.0, -9.0, -9.0), "b": (-9.0, -1.0, -9.0), "c": (-9.0, -9.0, -1.0)}
    assert given_out(rows) == {"a": "fees", "b": "wind", "c": "fuel"}


def test_a_label_that_nobody_talks_about_is_filled_with_what_is_least_far_from_it() -> None:
    rows = {"a": (-1.0, -2.0, -9.0), "b": (-1.0, -9.0, -3.0), "c": (-1.0, -9.0, -9.0)}
    assert given_out(rows) == {"a": "wind", "b": "fuel", "c": "fees"}


ONE_SIDED = {
    "a": (-1.0, -9.0, -9.0),
    "b": (-1.0, -8.0, -9.0),
    "c": (-9.0, -1.0, -9.0),
    "d": (-9.0, -9.0, -1.0),
    "e": (-1.0, -1.5, -9.0),
    "f": (-2.0, -9.0, -1.0),
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {"fees": 2, "wind": 2, "fuel": 2}, id="all-forced"),
        pytest.param(
            {"min_margin": 0.0}, {"fees": 1, "wind": 1, "fuel": 1}, id="clear-and-balanced"
        ),
        pytest.param(
            {"min_margin": 0.0, "hold_shares": False},
            {"fees": 2, "wind": 1, "fuel": 2},
            id="clear-whatever-the-balance",
        ),
        pytest.param({"use": 0.5}, {"fees": 1, "wind": 1, "fuel": 1}, id="the-clearest-half"),
        pytest.param(
            {"shares": {"fees": 0.5, "wind": 1 / 3, "fuel": 1 / 6}},
            {"fees": 3, "wind": 2, "fuel": 1},
            id="own-shares",
        ),
    ],
)
def test_settings_say_whether_clearness_or_balance_wins(
    changes: dict[str, object], expected: dict[str, int]
) -> None:
    found = given_out(ONE_SIDED, replace(EVEN, **changes))  # type: ignore[arg-type]  # a table
    counts = Counter(one for one in found.values() if one in LABELS)
    assert counts == expected


def test_what_gets_no_label_has_a_reason() -> None:
    rows = {**ONE_SIDED, "g": ()}
    found = given_out(rows, replace(EVEN, min_margin=1.0))
    assert found["e"] == "margin-too-small"
    assert found["b"] == "label-in-excess"
    assert found["g"] == "passage-too-long"


@pytest.mark.parametrize("prior", ["passages", "empty"])
def test_a_likely_word_is_no_vote(prior: str) -> None:
    rows = {"a": (0.0, -8.0, -9.0), "b": (-1.0, -5.0, -9.0), "c": (-1.0, -8.0, -6.0)}
    nothing = dict.fromkeys(ZERO, (-0.7, -7.0, -8.0))
    how = replace(EVEN, prior=prior)  # type: ignore[arg-type]  # a table
    chosen = choose(TASK, {**rows, **nothing}, how)
    labels = [one.label for one in chosen.values() if isinstance(one, Chosen)]
    assert labels == ["fees", "wind", "fuel"]


NATS = st.tuples(*[st.floats(-50, 0)] * 3)


@given(
    st.lists(NATS, min_size=6, max_size=40),
    st.sampled_from(["passages", "empty"]),
    st.floats(0.4, 1),
)
def test_among_enough_passages_every_label_has_its_share(
    rows: list[tuple[float, ...]], prior: str, use: float
) -> None:
    how = replace(EVEN, prior=prior, use=use)  # type: ignore[arg-type]  # a table
    found = given_out({f"p{n}": row for n, row in enumerate(rows)}, how)
    counts = Counter(one for one in found.values() if one in LABELS)
    assert set(counts) == set(LABELS)
    assert len(set(counts.values())) == 1


@given(st.permutations(sorted(ONE_SIDED)))
def test_the_order_of_the_passages_does_not_matter(order: list[str]) -> None:
    assert given_out({id_: ONE_SIDED[id_] for id_ in order}) == given_out(ONE_SIDED)


def test_a_reader_hears_descriptions_examples_and_passages_that_say_nothing() -> None:
    shown = replace(TASK, examples=(Example(passage="It blows.", response="wind"),))
    asked = list(questions(shown, "What is it about?", {"a": "A berth costs 40."}))
    assert [one.id for one in asked] == ["a", *ZERO]
    assert asked[0].prompt == "A berth costs 40.\n\nWhat is it about?"
    assert asked[0].choices == ("fees: what berths cost", "wind", "fuel")
    assert asked[0].shots == (("It blows.\n\nWhat is it about?", "wind"),)


def test_a_labelled_passage_is_a_task_and_another_one_a_line() -> None:
    contexts = [
        Context(id=id_, document_id="d", text="A berth costs 40.", start=0, end=17)
        for id_ in ("a", "b")
    ]
    chosen: dict[str, Chosen | str] = {
        "a": Chosen(label="fees", margin=0.0),
        "b": "label-in-excess",
    }
    task, line = label(TASK, contexts, chosen, reader="r", seed=1)
    assert isinstance(task, Task)
    assert (task.name, task.type, task.response) == ("topic", TaskType.TOPIC_CLASS, "fees")
    assert task.instruction == "A berth costs 40.\n\nWhich: fees, wind, fuel?"
    assert (task.labels, task.scores) == (LABELS, {"labelled": 0.5})
    assert isinstance(line, Dropped)
    assert (line.reason, line.by) == ("label-in-excess", "labels")
