"""Functions that tests run in other processes; this module imports little, so that they start fast."""

import time
from pathlib import Path

from mlcmkd.utils.errors import InputError

PATIENCE = 120  # seconds


def stamp(name: str, folder: Path, beside: str = "", fails: bool = False) -> tuple[float, float]:
    """When this job began and ended, seconds.

    Args:
        name: of the job.
        folder: where a job leaves a file NAME when it has begun.
        beside: a job that has to run at the same time; this one waits until it has begun.
        fails: raise an InputError at the end.
    """
    began = time.time()
    (folder / name).touch()
    while beside and not (folder / beside).exists():
        if time.time() - began > PATIENCE:
            raise TimeoutError(f"{name}: {beside} has not begun")
        time.sleep(0.02)
    if fails:
        raise InputError(f"{name}: a cell failed")
    return began, time.time()
