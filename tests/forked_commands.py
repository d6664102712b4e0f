"""Commands in forked processes: `python -m MODULE WORDS` without the imports of a new Python.

A command has a process id and an exit status, gets signals, and starts processes of its own, such as the
workers of a cluster. These are forked from the same server, so they import nothing either.
"""

import os
import runpy
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import NamedTuple

import dask
import distributed.utils
import psutil

from tests.forked import fork_server

ROOT = Path(__file__).parents[1]
PATIENCE = 900.0  # s; a busy machine is no reason to fail
FORKED = {"distributed.worker.multiprocessing-method": "forkserver"}


class Ended(NamedTuple):
    """The exit status of a command, and what it printed."""

    status: int
    output: str
    errors: str


class ForkedCommand:
    """A running command.

    Args:
        words: a module and its arguments.
        folder: an existing folder for the files of what it prints.
        environment: variables that are added.
    """

    def __init__(self, *words: str, folder: Path, **environment: str):
        name = f"{words[0]}-{time.monotonic_ns()}"
        self._files = [folder / f"{name}.{end}" for end in ("out", "err")]
        files = tuple(map(str, self._files))
        self._process = fork_server().Process(target=_command, args=(words, files, environment))
        self._process.start()
        self.pid = self._process.pid

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self, seconds: float = PATIENCE) -> Ended:
        """What it left when it has ended, by itself or by a signal."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it did not end in time"
        return Ended(self._process.exitcode, *(file.read_text() for file in self._files))

    def kill(self) -> None:
        """End it, if it still runs; the workers of a cluster end with it."""
        self._process.kill()
        self._process.join(30)


def forked_processes() -> dict[int, psutil.Process]:
    """What the server has forked and what still runs, by process id."""
    pid = forkserver._forkserver._forkserver_pid
    running = psutil.Process(pid).children() if pid else []
    return {each.pid: each for each in running if is_running(each)}


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def forked_workers() -> Iterator[None]:
    """The workers of an embedded cluster of this process are forked; by default they are spawned."""
    fork_server()
    distributed.utils._forkserver_preload_set = True  # otherwise dask imports all that it can use
    with dask.config.set(FORKED):
        yield


def _command(words: tuple[str, ...], files: tuple[str, str], environment: dict[str, str]) -> None:
    for stream, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    # Tests that run in the background may ignore Ctrl-C, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    os.chdir(ROOT)
    # A forked process knows the address of its server but would start another one.
    forkserver._forkserver._forkserver_pid = os.getppid()
    forkserver._forkserver.ensure_running = lambda: None
    distributed.utils._forkserver_preload_set = True
    dask.config.set(FORKED)
    sys.argv = list(words)
    if words[0].startswith("tests."):
        sys.modules.pop(words[0], None)  # a module of tests, which pytest has imported
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
