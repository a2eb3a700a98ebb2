"""What the manifest of curate tells beside its counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.filters.unleaked import Unleaked
from katsuo.filters.well_formed import WellFormed
from katsuo.road.tallying import Tally
from katsuo.types import Dropped, Origin, Task, TaskType

EXAM = "May a vessel take fuel on board between sunset and sunrise at the eastern berth?"
NEAR = "At the eastern berth: fuel on board of a vessel from sunset, to sunrise?"
SHORT = "Who pays the pilot?"
UNLEAKED = Unleaked(texts=(EXAM, SHORT), sets=("pilots", "fees"), documents=("order-1", "order-2"))


def task(id: str, response: str = "yes", *, type: TaskType = TaskType.YNQA,
         question: str = "Is the basin closed?") -> Task:  # fmt: skip
    return Task(
        id=id,
        document_id="d",
        context_id="c",
        context="The basin is closed.",
        type=type,
        instruction=f"The basin is closed.\n{question}",
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


def line(id: str, by: str = "unleaked") -> Dropped:
    return Dropped(item_id=id, stage="curate", by=by, reason="evaluation-question")


def keep(tally: Tally, *tasks: Task) -> None:
    tally.kept([each.type.value for each in tasks], [each.response for each in tasks])


def labels(arrived: list[Task], kept: list[Task]) -> Any:  # noqa: ANN401 -- JSON
    tally = Tally([])
    tally.arrived(arrived, [])
    keep(tally, *kept)
    return tally.facts.get("labels")


def leaks(*asked: str) -> Any:  # noqa: ANN401 -- JSON
    """What is told of tasks that ask `asked`, all of them dropped for it."""
    tally = Tally([("unleaked", UNLEAKED)])
    tasks = [task(f"t{i}", question=question) for i, question in enumerate(asked)]
    tally.arrived(tasks, [line(each.id) for each in tasks])
    return tally.facts.get("leaks")


def test_labels_are_told_before_and_after() -> None:
    arrived = [task("a", "yes"), task("b", "yes"), task("c", "no")]
    assert labels(arrived, arrived[1:]) == {
        "ynqa": {"yes": {"before": 2, "after": 1}, "no": {"before": 1, "after": 1}}
    }


def test_words_that_say_the_same_are_one_label() -> None:
    arrived = [task("a", "Yes."), task("b", "true"), task("c", "Supported")]
    assert labels(arrived, arrived) == {"ynqa": {"yes": {"before": 3, "after": 3}}}


def test_a_label_of_which_nothing_is_kept_is_told_with_none() -> None:
    assert labels([task("a", "no")], []) == {"ynqa": {"no": {"before": 1, "after": 0}}}


def test_types_are_told_apart() -> None:
    arrived = [task("a", "yes"), task("b", "yes", type=TaskType.TE)]
    assert labels(arrived, arrived[:1]) == {
        "te": {"yes": {"before": 1, "after": 0}},
        "ynqa": {"yes": {"before": 1, "after": 1}},
    }


@pytest.mark.parametrize("kind", [TaskType.QA, TaskType.MCQA, TaskType.TOPIC_CLASS])
def test_a_type_without_lasting_labels_is_not_told(kind: TaskType) -> None:
    arrived = [task("a", "red", type=kind)]
    assert labels(arrived, arrived) is None


@pytest.mark.parametrize(
    ("n_rare", "shown"),
    [
        pytest.param(1, {"yes", "other"}, id="below-one-in-a-hundred"),
        pytest.param(2, {"yes", "perhaps"}, id="one-in-a-hundred"),
    ],
)
def test_rare_labels_are_told_together(n_rare: int, shown: set[str]) -> None:
    arrived = [task(f"t{i}", "yes" if i >= n_rare else "perhaps") for i in range(200)]
    assert labels(arrived, arrived)["ynqa"].keys() == shown


def test_what_rare_labels_are_told_together_with_adds_up() -> None:
    stray = [task("a", "perhaps"), task("b", "surely"), task("c", "rather")]
    arrived = [*stray, *(task(f"t{i}") for i in range(400))]
    assert labels(arrived, stray[:1])["ynqa"]["other"] == {"before": 3, "after": 1}


def test_shards_add_up() -> None:
    tally = Tally([])
    for shard in ([task("a"), task("b", "no")], [task("c")]):
        tally.arrived(shard, [])
        keep(tally, *shard)
    assert tally.facts["labels"]["ynqa"] == {
        "no": {"before": 1, "after": 1},
        "yes": {"before": 2, "after": 2},
    }


def test_nothing_is_told_of_nothing() -> None:
    tally = Tally([("unleaked", UNLEAKED)])
    tally.arrived([], [])
    tally.kept([], [])
    assert tally.facts == {}


def test_a_leak_is_told_with_its_set_its_document_and_its_way() -> None:
    assert leaks(EXAM) == [
        {
            "set": "pilots",
            "document": "order-1",
            "tasks": 1,
            "ways": {"words-in-a-row": 1},
            "most_overlap": 1.0,
        }
    ]


def test_leaks_of_one_document_are_counted_by_their_way() -> None:
    (found,) = leaks(EXAM, NEAR, EXAM)
    assert found["tasks"] == 3
    assert found["ways"] == {"near-duplicate": 1, "words-in-a-row": 2}


def test_the_nearest_leak_is_told_in_three_digits() -> None:
    (found,) = leaks(NEAR)
    assert found["most_overlap"] == 0.778  # seven of nine words


def test_the_most_often_asked_document_comes_first() -> None:
    assert [found["set"] for found in leaks(EXAM, SHORT, SHORT)] == ["fees", "pilots"]


def test_documents_asked_as_often_come_by_name() -> None:
    assert [found["set"] for found in leaks(EXAM, SHORT)] == ["fees", "pilots"]


def test_no_more_than_fifty_documents_are_named() -> None:
    texts = tuple(f"Does order {i} name berth {i} in rule {i}?" for i in range(60))
    part = Unleaked(texts=texts, sets=("exam",) * 60, documents=tuple(map(str, range(60))))
    tally = Tally([("unleaked", part)])
    tasks = [task(f"t{i}", question=text) for i, text in enumerate(texts)]
    tally.arrived(tasks, [line(each.id) for each in tasks])
    assert len(tally.facts["leaks"]) == 50


def test_what_another_filter_dropped_is_no_leak() -> None:
    tally = Tally([("well_formed", WellFormed()), ("unleaked", UNLEAKED)])
    tally.arrived([task("a", question=EXAM)], [line("a", by="well_formed")])
    assert "leaks" not in tally.facts


def test_a_kept_task_is_no_leak() -> None:
    tally = Tally([("unleaked", UNLEAKED)])
    tally.arrived([task("a", question=EXAM)], [])
    assert "leaks" not in tally.facts


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TaskType), st.sampled_from(["yes", "No", "true", "red"]), st.booleans()
        ),
        max_size=300,
    ),
    st.integers(1, 40),
)
def test_what_arrived_has_passed_or_was_dropped(
    told: list[tuple[TaskType, str, bool]], shard: int
) -> None:
    tasks = [task(str(i), said, type=kind) for i, (kind, said, _) in enumerate(told)]
    stays = {str(i) for i, (_, _, kept) in enumerate(told) if kept}
    tally = Tally([])
    for start in range(0, len(tasks), shard):
        some = tasks[start : start + shard]
        tally.arrived(some, [line(one.id, by="fresh") for one in some if one.id not in stays])
        keep(tally, *(one for one in some if one.id in stays))
    for kind, rows in tally.facts.get("labels", {}).items():
        arrived = [one for one in tasks if one.type == kind]
        dropped = [one for one in arrived if one.id not in stays]
        assert sum(row["before"] for row in rows.values()) == len(arrived)
        assert sum(row["before"] - row["after"] for row in rows.values()) == len(dropped)
        assert all(row["after"] <= row["before"] for row in rows.values())
