"""The nouns: names of task types, verdicts, ids."""

from __future__ import annotations

import pytest

from katsuo.errors import RecipeError
from katsuo.types import FULL_NAMES, Document, TaskType, Verdict, digest


def test_there_are_sixteen_types_and_each_has_a_full_name() -> None:
    assert len(TaskType) == 16
    assert set(FULL_NAMES) == set(TaskType)
    assert len(set(FULL_NAMES.values())) == 16


@pytest.mark.parametrize("kind", list(TaskType))
def test_a_type_is_found_by_either_name(kind: TaskType) -> None:
    assert TaskType.named(kind.value) is kind
    assert TaskType.named(f" {kind.full_name.upper()} ") is kind


def test_an_unknown_type_names_the_sixteen() -> None:
    with pytest.raises(RecipeError, match=r"'poetry' is unknown.*natural language inference"):
        TaskType.named("poetry")


@pytest.mark.parametrize(("keep", "reason"), [(True, "x"), (False, "")])
def test_a_verdict_has_a_reason_exactly_when_it_drops(*, keep: bool, reason: str) -> None:
    with pytest.raises(AssertionError):
        Verdict(keep=keep, reason=reason)


def test_an_edited_document_is_another_document() -> None:
    assert Document.of(text="a", source="x.md").id != Document.of(text="b", source="x.md").id


def test_no_two_lists_of_parts_share_their_digest_by_concatenation() -> None:
    assert digest("ab", "c") != digest("a", "bc")
