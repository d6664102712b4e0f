import ctypes
import subprocess
import sys

import pytest

from mlcmkd.utils.memory import keep_freed_memory

# Requests and frees 24 MB in each of 20 rounds; prints how many pages the system had to provide for
# the last ten rounds, and whether something was changed.
PROGRAM = """
import ctypes, resource
from mlcmkd.utils.memory import keep_freed_memory
changed = {keep} and keep_freed_memory()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
def work():
    blocks = [ctypes.c_void_p(c.malloc(3 * 2**20)) for _ in range(8)]
    for block in blocks:
        ctypes.memset(block, 1, 3 * 2**20)
    for block in blocks:
        c.free(block)
for _ in range(10):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, changed)
"""
PAGES = 10 * 24 * 2**20 // 4096


def run(keep: bool, **environment: str) -> tuple[int, bool]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(keep=keep)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), **environment},
    )
    pages, changed = done.stdout.split()
    return int(pages), changed == "True"


glibc = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt")),
    reason="needs glibc",
)


@glibc
def test_freed_memory_is_used_again():
    assert run(keep=False)[0] > PAGES / 2, "otherwise the test shows nothing"
    pages, changed = run(keep=True)
    assert changed and pages < PAGES / 50


@glibc
def test_values_of_the_user_are_kept():
    assert run(keep=True, MALLOC_TRIM_THRESHOLD_="100000")[1] is False


def test_nothing_happens_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
