from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import WorkerError
from katsuo.executors.turns import TRIES, Turns
from katsuo.protocols import Hear
from katsuo.road.narrowing import Shard
from katsuo.store.runs import Cell
from katsuo.types import Context


def context(name: str) -> Context:
    return Context(id=name, document_id="0", text=name, start=0, end=len(name))


CONTEXTS = [context(name) for name in "abcdefgh"]


class DeathError(Exception):
    """A worker's death, in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Implements `Duty` and `Narrows`: what is left of a shard, unless a killer is tried."""

    killers: str
    everywhere: bool = False
    """Whether it dies behind all passages, whichever there are."""

    def named(self, shard: Shard, /) -> str:
        return shard.part.name

    def closer(self, shard: Shard, /) -> Shard | None:
        return shard.closer()

    def open(self, say: Hear) -> Callable[[Shard], str]:
        def work(shard: Shard) -> str:
            for one in shard.tried(CONTEXTS):
                self._try(one)
            kept = [one for one in CONTEXTS if one.id not in shard.left_out]
            for one in kept:
                self._try(one)
            if self.everywhere:
                raise DeathError
            return "".join(one.id for one in kept)

        return work

    def _try(self, one: Context) -> None:
        if one.id in self.killers:
            raise DeathError


def shard_in(folder: Path) -> Shard:
    return Shard(part=folder / "part-00000.parquet", first=Cell(folder=folder / "cell"))


def ended(duty: Drafting, folder: Path, deaths: list[str] | None = None) -> str:
    """What an executor makes of one shard."""
    turns = Turns(duty=duty, shards=iter([shard_in(folder)]), n_workers=1)
    while (given_ := turns.take()) is not None:
        try:
            turns.put(given_, duty.open(lambda _: None)(given_[1]))
        except DeathError:
            if deaths is not None:
                deaths.append("died")
            turns.died(given_, "of a passage")
    return next(turns.ready())


@given(st.sets(st.sampled_from("abcdefgh"), max_size=4))
def test_the_passages_that_kill_are_left_out_and_no_others(killers: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = ended(Drafting(killers="".join(killers)), Path(folder))
        assert found == "".join(name for name in "abcdefgh" if name not in killers)
        assert not list(Path(folder).iterdir())


def test_too_many_passages_that_kill_are_no_matter_of_a_passage(tmp_path: Path) -> None:
    deaths: list[str] = []
    with pytest.raises(WorkerError, match=r"part-00000.parquet: \d+ workers died at it"):
        ended(Drafting(killers="abcdef"), tmp_path, deaths)
    assert len(deaths) < 16


def test_what_kills_behind_all_passages_blames_none(tmp_path: Path) -> None:
    deaths: list[str] = []
    with pytest.raises(WorkerError, match="4 workers died at it"):
        ended(Drafting(killers="", everywhere=True), tmp_path, deaths)
    assert len(deaths) == TRIES + 1


def test_one_death_at_a_passage_does_not_leave_it_out(tmp_path: Path) -> None:
    careful = shard_in(tmp_path).closer()
    assert careful is not None
    next(careful.tried(CONTEXTS[2:]))
    once = careful.closer()
    assert once is not None
    assert once.died_at == ("c",)
    assert not once.left_out
    assert [one.id for one in once.tried(CONTEXTS)] == list("cdefgh")
    assert not once.mark.exists()


def test_a_shard_that_nobody_died_at_is_not_tried_passage_by_passage(tmp_path: Path) -> None:
    assert not list(shard_in(tmp_path).tried(CONTEXTS))


def test_a_mark_of_an_earlier_run_blames_nobody(tmp_path: Path) -> None:
    shard = shard_in(tmp_path)
    shard.mark.write_text("a", "utf-8")
    careful = shard.closer()
    assert careful is not None
    assert careful.closer() is None
