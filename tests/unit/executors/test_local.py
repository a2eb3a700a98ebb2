from __future__ import annotations

from pathlib import Path
from types import ModuleType

from katsuo.executors.local import LocalExecutor
from katsuo.protocols import Executor


def test_shards_run_one_after_the_other_in_their_order(duties: ModuleType, tmp_path: Path) -> None:
    executor: Executor = LocalExecutor()
    duty = duties.Squaring(notes=tmp_path)
    results = executor.map(duty, [3, 1, 2], lambda _: None)
    assert not duty.noted("begun-3")
    assert next(results) == 9
    assert duty.noted("begun-3")
    assert not duty.noted("begun-1")
    assert list(results) == [1, 4]
    assert len(duty.noted("opened")) == 1
