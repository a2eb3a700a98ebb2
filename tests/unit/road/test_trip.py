from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.road.trip import Counts, Event, Trip, key_of, peak_mib, reset_peak
from katsuo.sections import Recipe
from katsuo.store.runs import Run, StageFolder
from katsuo.types import Dropped
from katsuo.version import VERSION


def lines(*reasons: str) -> list[Dropped]:
    return [Dropped(item_id=str(n), stage="s", by="b", reason=r) for n, r in enumerate(reasons)]


class Work:
    """A stage's work that counts how often it is done."""

    def __init__(self, **facts: Any) -> None:  # noqa: ANN401
        self.facts = facts
        self.times = 0

    def __call__(self, folder: StageFolder) -> dict[str, Any]:
        self.times += 1
        folder.part(0).write_text("rows", "utf-8")
        counts = Counts(unit="task")
        counts.keep(2)
        counts.drop(lines("too-short"))
        return {"counts": counts.facts, **self.facts}


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def trip(tmp_path: Path, heard: list[Event]) -> Trip:
    return Trip(recipe=Recipe(seed=5), run=Run.at(tmp_path / "run"), listen=heard.append)


def test_a_stage_writes_its_manifest_and_says_what_became_of_everything(
    trip: Trip, heard: list[Event]
) -> None:
    trip.stage("curate", "key", Work(note="worth reading"))
    manifest = trip.manifest("curate")
    assert (manifest["stage"], manifest["key"], manifest["seed"]) == ("curate", "key", 5)
    assert manifest["katsuo"] == VERSION
    assert list(manifest["outputs"]) == ["part-00000.parquet"]
    assert manifest["peak_mib"] > 0
    (event,) = heard
    assert (event.stage, event.finished, event.note) == ("curate", True, "worth reading")
    assert (event.done, event.total, event.kept, event.dropped) == (3, 3, 2, 1)


def test_a_stage_is_done_once_for_its_key(trip: Trip, heard: list[Event]) -> None:
    work = Work()
    for key in ("one", "one", "two"):
        trip.stage("curate", key, work)
    assert work.times == 2
    assert [event.note for event in heard] == ["", "done already", ""]
    assert [event.kept for event in heard] == [2, 2, 2]
    assert heard[1].seconds == 0


def test_seconds_of_earlier_processes_are_counted(trip: Trip, heard: list[Event]) -> None:
    trip.stage("curate", "key", Work(seconds=1234.5))
    assert trip.manifest("curate")["seconds"] == 1234.5
    assert heard[0].seconds < 1234.5


def test_a_stage_that_fails_is_not_done(trip: Trip, heard: list[Event]) -> None:
    def failing(_folder: StageFolder) -> dict[str, Any]:
        raise ValueError("a bug")

    trip.stage("curate", "old", Work())
    with pytest.raises(ValueError, match="a bug"):
        trip.stage("curate", "new", failing)
    assert trip.manifest("curate") == {}
    assert len(heard) == 1


@given(
    kept=st.lists(st.integers(0, 5), max_size=4),
    reasons=st.lists(st.sampled_from(["a", "b", "c"]), max_size=8),
)
def test_what_arrived_passed_or_was_dropped(kept: list[int], reasons: list[str]) -> None:
    counts, whole = Counts(unit="task"), Counts(unit="task")
    for number in kept:
        counts.keep(number)
    counts.drop(lines(*reasons))
    facts = counts.facts
    assert facts["arrived"] == sum(kept) + len(reasons)
    assert facts["passed"] == sum(kept)
    assert facts["dropped"] == {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    assert list(facts["dropped"]) == sorted(facts["dropped"])
    whole.add(facts)
    whole.add(facts)
    assert whole.facts["arrived"] == 2 * facts["arrived"]


def test_a_ledger_that_leaks_is_a_bug() -> None:
    counts = Counts(unit="task", arrived=2, passed=1)
    with pytest.raises(AssertionError, match="the ledger leaks"):
        _ = counts.facts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", "b"), ("ab",), id="parts"),
        pytest.param(("a", "b"), ("b", "a"), id="order"),
        pytest.param((1,), ("1",), id="kind"),
        pytest.param(({"a": 1},), ({"a": 2},), id="value"),
    ],
)
def test_other_inputs_have_another_key(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert key_of(*one) != key_of(*other)


def test_the_order_of_settings_does_not_change_a_key() -> None:
    assert key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})


def test_peak_memory_is_what_a_process_may_have() -> None:
    reset_peak()
    assert 1 < peak_mib() < 1_000_000
