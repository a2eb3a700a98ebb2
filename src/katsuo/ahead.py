"""What is wanted soon: work done in threads before its result is asked for.

It pays where the work reads, writes, packs or waits for another machine, which leaves the
interpreter to others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int = 2,
    most: int = 3,
    over: Event | None = None,
) -> Iterator[Result]:
    """`map(work, items)`, the next results made in threads while one is used.

    Nothing is begun any more when `work` fails or the iterator is closed.

    Args:
        work: Called in threads.
        items: Taken in this thread, and only as many as needed.
        workers: Threads, >= 1.
        most: Results under way or made and not yet taken, >= 1; so many are held in memory.
        over: Set when no result is taken any more, so that work that waits can end.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            if over is not None:
                over.set()
            pool.shutdown(wait=False, cancel_futures=True)
