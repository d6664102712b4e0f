"""Jobs for the workers of test_cluster.py, which import this module and not all that the tests need."""

import os
import signal
import time
from pathlib import Path

from mlcmkd.utils.errors import InputError


def log(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text + "\n")


def fails_at_first(folder: Path, job: int) -> int:
    """Succeeds at the second attempt."""
    before = folder / f"tried-{job}"
    log(folder / "tries", str(job))
    if not before.exists():
        before.touch()
        raise RuntimeError("not yet")
    return job


def refuses(folder: Path, job: int) -> int:
    log(folder / "tries", str(job))
    raise InputError(f"job {job} cannot be done")


def dies_at_first(folder: Path, job: int) -> int:
    before = folder / f"tried-{job}"
    log(folder / "tries", str(job))
    if job == 1 and not before.exists():
        before.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def which_gpu(job: int) -> tuple[str, float, float]:
    start = time.time()
    time.sleep(0.4)
    return os.environ["CUDA_VISIBLE_DEVICES"], start, time.time()


def seeded(job: int) -> tuple[str, list[float]]:
    """As a training: seeds torch's random state, and draws from it for a while."""
    import torch

    torch.manual_seed(job)
    drawn = []
    for _ in range(5):
        drawn.append(float(torch.rand(())))
        time.sleep(0.05)
    return os.getcwd(), drawn


def which_process(job: int) -> int:
    return os.getpid()
