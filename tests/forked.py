"""Processes that are forked from one that has imported the library: real, and started in no time.

A new Python imports torch, timm and pandas again, about 5 CPU seconds. What is forked has a process id,
an exit status and an environment of its own, and can be killed like any other.

The server is itself forked from pytest, when all tests are collected and none has run: it has imported
what they import, and nothing is patched.
"""

import functools
import importlib
import logging
import multiprocessing
import os
import select
import socket
import sys
from multiprocessing import connection, forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext

import psutil

# tqdm before IPython, as in `mlcmkd.course.execution`.
MODULES = (
    "mlcmkd.utils.progress", "tests.one_thread", "tests.conftest", "timm", "torchvision",
    "torch._dynamo", "captum.attr", "pandas", "scipy.stats", "scipy.optimize", "lightning_fabric",
    "onnxruntime", "mlcmkd.plots", "mlcmkd.synthetic.faces", "mlcmkd.stages.kd_loss",
    "mlcmkd.studies.ktl.run", "distributed", "ipykernel.kernelapp", "ipywidgets",
)  # fmt: skip


def fork_server() -> ForkServerContext:
    """The server of this process. All tests share it."""
    assert forkserver._forkserver._forkserver_pid is not None, "see `start_fork_server`"
    return multiprocessing.get_context("forkserver")


def start_fork_server() -> None:
    """Fork the server of `multiprocessing` from this process, instead of from a new Python."""
    server = forkserver._forkserver
    sys.warnoptions.append("ignore::UserWarning")  # of semaphores of processes that are killed
    resource_tracker.ensure_running()
    sys.warnoptions.pop()
    with socket.socket(socket.AF_UNIX) as listener:
        address = connection.arbitrary_address("AF_UNIX")
        listener.bind(address)
        if not util.is_abstract_socket_namespace(address):
            os.chmod(address, 0o600)
        listener.listen()
        alive_r, alive_w = os.pipe()  # this process has the end to write: the server ends with it
        pid = os.fork()
        if pid == 0:
            try:
                os.close(alive_w)
                _serve(listener.detach(), alive_r)
            finally:
                os._exit(0)
        os.close(alive_r)
    server._forkserver_address, server._forkserver_alive_fd = address, alive_w
    server._forkserver_pid = pid


def _serve(listener: int, alive: int) -> None:
    """Wait for the first process that is asked for; most runs of a single file ask for none."""
    for name in ("stdin", "stdout", "stderr"):  # instead of pytest's
        setattr(sys, name, getattr(sys, f"__{name}__"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # kernels say how to end them
    sys.meta_path[:] = [each for each in sys.meta_path if "pytest" not in type(each).__module__]
    logging.getLogger().handlers.clear()
    ready, _, _ = select.select([listener, alive], [], [])
    if listener in ready:
        for name in MODULES:
            importlib.import_module(name)
        forkserver.main(listener, alive, [])


def seconds_of_fork_server() -> float:
    """CPU time of the server and of its ended processes, which are not counted as this process's."""
    pid = forkserver._forkserver._forkserver_pid
    try:
        return 0.0 if pid is None else sum(_process(pid).cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0


@functools.cache
def _process(pid: int) -> psutil.Process:
    return psutil.Process(pid)
