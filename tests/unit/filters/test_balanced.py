from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import RecipeError
from katsuo.filters.balanced import Balanced
from katsuo.protocols import Signature


def signatures(labels: list[str], type_: str = "ynqa") -> list[Signature]:
    return [
        Signature(id=f"t{i}", type=type_, score=1, text=f"{type_}\nIs it so?\n{label}")
        for i, label in enumerate(labels)
    ]


def kept(rows: list[Signature], how: Balanced | None = None) -> Counter[str]:
    verdicts = dict((how or Balanced()).select(rows))
    assert verdicts.keys() == {row.id for row in rows}
    return Counter(row.text.rpartition("\n")[2] for row in rows if verdicts[row.id].keep)


def test_the_commoner_label_is_brought_near_the_rarer() -> None:
    assert kept(signatures(["yes"] * 80 + ["no"] * 20)) == {"yes": 25, "no": 20}


def test_labels_of_several_vocabularies_play_the_same_roles() -> None:
    labels = ["yes"] * 30 + ["True"] * 30 + ["correct"] * 20 + ["No"] * 10 + ["incorrect"] * 10
    found = kept(signatures(labels), Balanced(max_ratio=1))
    assert sum(found[word] for word in ("yes", "True", "correct")) == 20
    assert found["No"] + found["incorrect"] == 20


def test_three_classes_are_balanced_and_a_stray_word_counts_for_nothing() -> None:
    labels = ["Yes"] * 60 + ["No"] * 50 + ["Maybe"] * 20 + ["Perhaps"] * 2
    found = kept(signatures(labels, "nli"), Balanced(max_ratio=1))
    assert found == {"Yes": 20, "No": 20, "Maybe": 20, "Perhaps": 2}


@pytest.mark.parametrize("type_", ["exqa", "mcqa", "topic_class"])
def test_types_without_lasting_labels_pass(type_: str) -> None:
    assert kept(signatures(["a"] * 50 + ["b"], type_)).total() == 51


def test_one_label_alone_passes() -> None:
    assert kept(signatures(["yes"] * 9)).total() == 9


def test_the_better_scored_stay() -> None:
    rows = signatures(["no"] * 5 + ["yes"] * 10)
    rows[14] = Signature(id="best", type="ynqa", score=2, text=rows[14].text)
    verdicts = dict(Balanced(max_ratio=1).select(rows))
    assert verdicts["best"].keep


@given(st.permutations(signatures(["yes"] * 12 + ["no"] * 5 + ["maybe"] * 2)))
def test_the_order_of_the_tasks_does_not_matter(rows: list[Signature]) -> None:
    whole = dict(Balanced().select(signatures(["yes"] * 12 + ["no"] * 5 + ["maybe"] * 2)))
    assert dict(Balanced().select(rows)) == whole


@pytest.mark.parametrize(
    ("labels", "shares", "left"),
    [
        pytest.param({"yes": 80, "no": 20}, {"yes": 0.5, "no": 0.5}, {"yes": 20, "no": 20},
                     id="even"),
        pytest.param({"yes": 80, "no": 20}, {True: 0.75, False: 0.25}, {"yes": 60, "no": 20},
                     id="yaml"),
        pytest.param({"yes": 60, "no": 30, "hm": 2}, {"yes": 0.5, "no": 0.5},
                     {"yes": 30, "no": 30, "hm": 2}, id="a-stray-stays"),
        pytest.param({"yes": 60, "no": 30, "maybe": 10}, {"yes": 0.5, "no": 0.5},
                     {"yes": 30, "no": 30}, id="a-role-without-a-share-goes"),
        pytest.param({"yes": 60, "no": 30}, {"yes": 0.25, "no": 0.25, "open": 0.5},
                     {"yes": 30, "no": 30}, id="a-role-that-no-task-has"),
    ],
)  # fmt: skip
def test_stated_shares_are_reached_by_choice(
    labels: dict[str, int], shares: dict[str, float], left: dict[str, int]
) -> None:
    rows = signatures([label for label, n in labels.items() for _ in range(n)])
    assert kept(rows, Balanced(targets={"ynqa": shares})) == left


def test_a_type_without_a_target_keeps_to_the_ratio() -> None:
    how = Balanced(targets={"nli": {"yes": 0.5, "no": 0.5}})
    assert kept(signatures(["yes"] * 80 + ["no"] * 20), how) == {"yes": 25, "no": 20}


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        pytest.param({"exqa": {"yes": 1.0}}, "targets.exqa: no such type", id="type"),
        pytest.param({"ynqa": {}}, "write shares, such as", id="none"),
        pytest.param(
            {"ynqa": {"correct": 0.5, "no": 0.5}}, "correct is called yes here", id="role"
        ),
        pytest.param({"ynqa": {"yes": 0.9, "no": 0.2}}, "add up to 1.1", id="sum"),
        pytest.param({"ynqa": {"yes": 2.0, "no": -1.0}}, "it must lie in", id="share"),
    ],
)
def test_targets_that_cannot_be_are_refused(
    targets: dict[str, dict[str, float]], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        Balanced(targets=targets)


def test_labels_of_a_users_own_are_balanced_and_say_themselves() -> None:
    own = ("good", "positive", "bad")
    rows = [
        Signature(id=f"t{i}", type="mood", score=1, text=f"mood\nHow?\n{label}", labels=own)
        for i, label in enumerate(["good"] * 30 + ["positive"] * 10 + ["bad"] * 10)
    ]
    assert kept(rows, Balanced(max_ratio=1)) == {"good": 10, "positive": 10, "bad": 10}
    asked = Balanced(max_ratio=1, shares={"mood": {"good": 0.6, "positive": 0.2, "bad": 0.2}})
    assert kept(rows, asked) == {"good": 30, "positive": 10, "bad": 10}


@pytest.mark.parametrize("settings", [{"max_ratio": 0.5}, {"least_share": 1}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"curate\.balanced"):
        Balanced(**settings)
