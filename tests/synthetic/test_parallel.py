"""Blocks come back in order, and every process renders with one thread."""

import os

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mlcmkd.synthetic import faces
from mlcmkd.synthetic.frames import frames
from mlcmkd.synthetic.parallel import in_order


def blas_threads() -> list[int]:
    """Number of threads of each BLAS library that this process has loaded."""
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def where(block: int) -> dict:
    """Takes the place of the rendering of a block: where it runs, and with how many threads."""
    return {
        "block": block,
        "process": os.getpid(),
        "blas": blas_threads(),
        "opencv": cv2.getNumThreads(),
    }


@pytest.fixture
def two_threads():
    """Lets OpenCV and BLAS use two threads, whatever the environment says."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(2, user_api="blas"):
        assert cv2.getNumThreads() == 2 and set(blas_threads()) == {2}
        yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_renders_with_one_thread(two_threads, workers):
    found = list(in_order(where, list(range(4)), workers))
    assert [block["block"] for block in found] == [0, 1, 2, 3]
    elsewhere = {block["process"] for block in found} - {os.getpid()}
    assert bool(elsewhere) == (workers > 1)
    for block in found:
        assert set(block["blas"]) == {1}
        assert block["opencv"] == 1
    # Afterwards the rest of the program has its threads again.
    assert cv2.getNumThreads() == 2 and set(blas_threads()) == {2}


@pytest.mark.parametrize("module, make", [(faces, faces.make_faces), (frames, frames.make_frames)])
@pytest.mark.parametrize("usable, expected", [(3, 3), (20, 8)])
def test_the_cores_that_the_process_may_use_count(monkeypatch, module, make, usable, expected):
    """The machine may have more, for example where a batch system has assigned a part of a node."""

    class Started(Exception):
        pass

    def record(render, blocks, workers):
        raise Started(workers)

    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(usable)), raising=False)
    monkeypatch.setattr(module, "in_order", record)
    with pytest.raises(Started) as caught:
        make(2)
    assert caught.value.args == (expected,)
