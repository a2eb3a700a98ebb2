from __future__ import annotations

from katsuo.executors.local import LocalExecutor
from katsuo.protocols import Executor


def test_shards_run_one_after_the_other_in_their_order() -> None:
    executor: Executor = LocalExecutor()
    begun: list[int] = []

    def work(shard: int) -> int:
        begun.append(shard)
        return shard * shard

    results = executor.map(work, [3, 1, 2])
    assert begun == []
    assert next(results) == 9
    assert begun == [3]
    assert list(results) == [1, 4]
