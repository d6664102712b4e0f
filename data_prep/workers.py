"""An ordered `map` over entries in one or several processes, with a progress bar."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2

from mlcmkd.utils.progress import tqdm

Run = Callable[[Callable, Iterable], Iterable]

# Entries queued per process: enough to keep it busy, few enough to limit the memory.
_AHEAD = 16


@contextmanager
def runner(workers: int, total: int, progress: bool, desc: str) -> Iterator[Run]:
    """Provide a `map` with a progress bar over `workers` processes; 1 is this process itself.

    Args:
        total: number of items, for the progress bar.
        desc: text of the progress bar.
    """

    def bar(results: Iterable) -> Iterable:
        return tqdm(results, total=total, desc=desc, unit="row", disable=not progress)

    if workers == 1:
        yield lambda function, items: bar(map(function, items))
        return
    # A forked process would inherit locks held by threads of torch or OpenCV; a spawned one does not.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        try:
            yield lambda function, items: bar(_in_order(pool, function, items, workers * _AHEAD))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one_thread() -> None:
    """Disable OpenCV's own threads, because there is already one process per core."""
    cv2.setNumThreads(1)


def _in_order(
    pool: ProcessPoolExecutor, function: Callable, items: Iterable, ahead: int
) -> Iterator:
    """Yield results in the items' order; unlike the pool's own `map`, read only some items ahead."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
