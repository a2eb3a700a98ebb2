"""Decisions are kept, and two who decide at once are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from katsuo.errors import DataError
from katsuo.store.decisions import DROP, FILE, KEEP, Decisions, stated, undecided
from katsuo.types import Origin, Task, TaskType

SECRET = "The lantern on the western mole is lit at six in the evening."


def task(id_: str = "t", document: str = "d", response: str = "at six") -> Task:
    return Task(
        id=id_,
        document_id=document,
        context_id="c",
        context=SECRET,
        type=TaskType.EXQA,
        instruction=f"{SECRET}\n\nWhen is the lantern lit?",
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    return Decisions(folder=tmp_path)


def test_looking_makes_no_file(decisions: Decisions) -> None:
    assert decisions.of(task()) == undecided(task())
    assert decisions.standing() == {}
    assert not decisions.path.exists()


def test_what_was_decided_is_read_back(decisions: Decisions) -> None:
    assert decisions.put(replace(undecided(task()), verdict=DROP))
    found = decisions.of(task())
    assert (found.verdict, found.version) == (DROP, 1)
    assert list(decisions.standing()) == ["t"]


def test_a_writer_who_has_not_seen_the_last_decision_is_told(decisions: Decisions) -> None:
    seen = decisions.of(task())
    assert decisions.put(replace(seen, verdict=DROP))
    assert not decisions.put(replace(seen, verdict=KEEP))
    assert decisions.of(task()).verdict == DROP


def test_a_decision_that_is_taken_back_goes_but_its_version_stays(decisions: Decisions) -> None:
    decisions.put(replace(decisions.of(task()), verdict=DROP))
    decisions.put(replace(decisions.of(task()), verdict=""))
    assert decisions.standing() == {}
    assert decisions.of(task()).version == 2


def test_a_draft_in_other_words_is_undecided(decisions: Decisions) -> None:
    decisions.put(replace(decisions.of(task()), verdict=DROP))
    found = decisions.of(task(response="at seven"))
    assert (found.is_open, found.version) == (True, 1)


def test_of_two_writers_none_loses_a_decision(decisions: Decisions) -> None:
    def decide(_: int) -> int:
        n_told = 0
        while not decisions.put(replace(decisions.of(task()), verdict=KEEP)):
            n_told += 1
        return n_told

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decide, range(30)))
    assert decisions.of(task()).version == 30


def test_two_writers_decide_on_different_tasks_together(decisions: Decisions) -> None:
    def decide(number: int) -> bool:
        return decisions.put(replace(undecided(task(f"t{number}")), verdict=KEEP))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(decide, range(40)))
    assert len(decisions.standing()) == 40


def test_what_a_forgotten_document_had_leaves_no_byte(decisions: Decisions) -> None:
    decisions.put(replace(undecided(task()), instruction=SECRET, response="six"))
    decisions.put(replace(undecided(task("u", "other")), verdict=KEEP))
    decisions.forget({"d"})
    assert list(decisions.standing()) == ["u"]
    held = b"".join(path.read_bytes() for path in decisions.folder.iterdir())
    assert b"lantern" not in held


def test_the_digest_does_not_hang_on_order_or_on_how_often(decisions: Decisions) -> None:
    one = replace(undecided(task("a")), verdict=KEEP)
    other = replace(undecided(task("b")), verdict=DROP, version=7)
    assert stated({"a": one, "b": other}) == stated({"b": replace(other, version=1), "a": one})
    assert stated({"a": one}) != stated({"a": replace(one, verdict=DROP)})


def test_a_file_that_is_no_database_is_named(decisions: Decisions) -> None:
    (decisions.folder / FILE).write_text("no database at all, but long enough to be looked at" * 9)
    with pytest.raises(DataError, match=r"review\.sqlite: cannot be used"):
        decisions.standing()
