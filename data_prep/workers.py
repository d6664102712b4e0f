"""A `map` over entries, in order, on one core or all of them, with a progress bar."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2
from tqdm.auto import tqdm

Run = Callable[[Callable, Iterable], Iterable]

# Entries a process has waiting: enough to keep it busy, few enough to keep the memory flat.
_AHEAD = 16


def cores() -> int:
    """Cores this process may use; on a cluster they are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def runner(workers: int, total: int, progress: bool, desc: str) -> Iterator[Run]:
    """A `map` with a progress bar, over `workers` processes; 1 is this process itself.

    Args:
        total: items to come, for the bar.
        desc: what the bar says.
    """

    def bar(results: Iterable) -> Iterable:
        return tqdm(results, total=total, desc=desc, unit="row", disable=not progress)

    if workers == 1:
        yield lambda function, items: bar(map(function, items))
        return
    # A forked child would inherit locks of threads that torch or OpenCV hold; a fresh one is safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        try:
            yield lambda function, items: bar(_in_order(pool, function, items, workers * _AHEAD))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one_thread() -> None:
    """A process a core leaves nothing for OpenCV's own threads."""
    cv2.setNumThreads(1)


def _in_order(
    pool: ProcessPoolExecutor, function: Callable, items: Iterable, ahead: int
) -> Iterator:
    """Results in the items' order. The pool's own `map` would take in all items at once."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
