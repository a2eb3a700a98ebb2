"""The same shards on a Ray cluster of this machine; `make test-ray` runs this."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from katsuo import recipe as recipes
from katsuo.errors import DataError, RecipeError, WorkerError
from katsuo.executors.ray import RayExecutor
from katsuo.executors.turns import TRIES
from katsuo.road import Event, travel
from katsuo.store.runs import Run

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to mend
    pytest.mark.slow,
]
DUTIES = Path(__file__).parents[1] / "unit" / "executors" / "posted"


@pytest.fixture(scope="module")
def duties() -> Iterator[ModuleType]:
    """The duties of the other executors, and one cluster for all tests, whose actors know them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DUTIES)
        ray.init(
            address="local", num_cpus=4, include_dashboard=False, logging_level="error",
            runtime_env={"env_vars": {"PYTHONPATH": _path()}},
        )  # fmt: skip
        yield importlib.import_module("duties")
        ray.shutdown()


def _path() -> str:
    import os

    return os.pathsep.join([str(DUTIES), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_shards(
    duties: ModuleType, tmp_path: Path, workers: int
) -> None:
    heard: list[str] = []
    duty = duties.Squaring(notes=tmp_path)
    found = list(RayExecutor(workers=workers).map(duty, range(20), heard.append))
    assert found == [i * i for i in range(20)]
    assert sorted(heard) == sorted(f"{i} begun" for i in range(20))
    assert len(duty.noted("opened")) <= workers


def test_a_shard_whose_actor_died_is_tried_again(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, dies_at=3, dies=TRIES - 1)
    found = list(RayExecutor().map(duty, range(8), lambda _: None))
    assert found == [i * i for i in range(8)]
    assert len(duty.noted("begun-3")) == TRIES


def test_a_shard_that_kills_every_actor_is_named(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, dies_at=3, dies=99)
    with pytest.raises(WorkerError, match="shard 3: 3 workers died at it"):
        list(RayExecutor().map(duty, range(8), lambda _: None))


def test_an_error_of_the_users_comes_as_it_was_raised(duties: ModuleType, tmp_path: Path) -> None:
    duty = duties.Squaring(notes=tmp_path, refuses=2)
    with pytest.raises(DataError, match="shard 2: line 3: no number"):
        list(RayExecutor().map(duty, range(8), lambda _: None))


def test_a_cluster_ends_in_the_same_bytes(
    duties: ModuleType, fake_recipe: Path, tmp_path: Path
) -> None:
    heard: list[Event] = []

    def travelled(home: str, *changes: str) -> dict[str, bytes]:
        run = Run.at(tmp_path / home / "run")
        travel(recipes.load(fake_recipe, changes), run, until="evaluate", listen=heard.append)
        found = sorted(run.folder.rglob("*.parquet"))
        return {str(path.relative_to(run.folder)): path.read_bytes() for path in found}

    assert travelled("ray", "execution.executor=ray") == travelled("alone")


def test_a_cluster_of_its_own_is_stopped_again(duties: ModuleType, tmp_path: Path) -> None:
    ray.shutdown()
    duty = duties.Surroundings()
    assert len(list(RayExecutor(workers=1).map(duty, [0], lambda _: None))) == 1
    assert not ray.is_initialized()


def test_an_address_where_nobody_answers_is_said(duties: ModuleType) -> None:
    with pytest.raises(RecipeError, match="no Ray cluster answers there"):
        list(RayExecutor(address="auto").map(duties.Surroundings(), [0], lambda _: None))
