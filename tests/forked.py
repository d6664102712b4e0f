"""Processes that are forked from one that has imported the library: real, and started in no time.

A new Python imports torch, timm and pandas again, about 5 CPU seconds. What is forked has a process id,
an exit status and an environment of its own, and can be killed like any other.
"""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

import psutil

# tqdm before IPython, as in `mlcmkd.course.execution`.
MODULES = (
    "mlcmkd.utils.progress", "tests.conftest", "timm", "torchvision", "torch._dynamo", "captum.attr",
    "pandas", "scipy.stats", "scipy.optimize", "lightning_fabric", "onnxruntime", "mlcmkd.plots",
    "mlcmkd.synthetic.faces", "mlcmkd.stages.kd_loss", "ipykernel.kernelapp", "ipywidgets",
)  # fmt: skip


def fork_server() -> ForkServerContext:
    """The server of this process, which its first process starts. All tests share it."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(list(MODULES))
    return server


def seconds_of_fork_server() -> float:
    """CPU time of the server and of its ended processes, which are no children of this process."""
    pid = forkserver._forkserver._forkserver_pid
    if pid is None:
        return 0.0
    try:
        return sum(psutil.Process(pid).cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0
