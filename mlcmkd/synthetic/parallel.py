"""Renders blocks of faces one after the other or by several processes, in order."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

Block = TypeVar("Block")
Rendered = TypeVar("Rendered")


def in_order(
    render: Callable[[Block], Rendered], blocks: list[Block], workers: int
) -> Iterator[Rendered]:
    """The rendered blocks in order; by processes where that is faster, since rendering holds the GIL.

    Args:
        render: a function of a module, so that other processes can import it.
        blocks: its arguments.
        workers: largest number of processes.
    """
    done = 0
    # A daemonic process, such as a worker of a data loader, must not have children.
    if min(workers, len(blocks) // 2) > 1 and not multiprocessing.current_process().daemon:
        # Forked children need no importable __main__, so notebooks and scripts without a main guard
        # work. On other systems than Linux a fork is unsafe; they use their default method.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        pool = ProcessPoolExecutor(min(workers, len(blocks)), context)
        try:
            # Before the fork: threads that exist by then are missing in the children.
            with _one_thread():
                for block in pool.map(render, blocks):
                    yield block
                    done += 1
        except BrokenProcessPool:
            pass  # processes are unavailable (a script without a main guard, too little memory)
        finally:
            pool.shutdown(cancel_futures=True)
    with _one_thread():
        for block in blocks[done:]:
            yield render(block)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limits OpenCV and BLAS to one thread each, also in processes that are forked meanwhile.

    Such small images gain nothing from more, and the threads of several processes wait for each other.
    """
    previous = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(previous)
