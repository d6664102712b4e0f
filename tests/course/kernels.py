"""Kernels in forked processes (`tests.forked`) instead of a new Python each.

A kernel imports the library anew, as in a new Python, so a lesson that forgets an import fails.
"""

import os
import runpy
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from tests.forked import fork_server

LAUNCHER = "jupyter_client.provisioning.local_provisioner.launch_kernel"
INLINE = (
    "module://matplotlib_inline.backend_inline"  # what a kernel chooses before matplotlib's import
)


OURS = ("mlcmkd", "data_prep", "tests")  # imported anew in each kernel


class ForkedKernel:
    """What `jupyter_client` uses of a `subprocess.Popen`, for a process that was forked."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess):
        self.pid = process.pid
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def launch(
    command: list[str],
    *,
    env: dict[str, str],
    cwd: str | None = None,
    stderr: Any = None,
    **_: Any,
) -> ForkedKernel:
    """`jupyter_client.launcher.launch_kernel` of `python -c CODE` or `python -m MODULE` with options."""
    server = fork_server()
    ready, begun = server.Pipe(duplex=False)
    quiet = stderr is not None
    process = server.Process(target=_kernel, args=(command, env, cwd or os.getcwd(), begun, quiet))
    process.start()
    ready.recv()
    return ForkedKernel(process)


def _kernel(
    command: list[str], env: dict[str, str], cwd: str, begun: Connection, quiet: bool
) -> None:
    os.setsid()  # before anybody asks for the process group that a signal is sent to
    begun.send(None)
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.environ.clear()
    # The kernel ends with its parent, which is the server here.
    os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
    os.chdir(cwd)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    import matplotlib

    matplotlib.rcParams["backend"] = env.get("MPLBACKEND", INLINE)
    option = next(word for word in command if word in ("-c", "-m"))
    code, *rest = command[command.index(option) + 1 :]
    sys.argv = [option, *rest]
    if option == "-m":
        runpy.run_module(code, run_name="__main__", alter_sys=True)
    else:
        exec(code, {"__name__": "__main__"})


@contextmanager
def forked_kernels() -> Iterator[None]:
    """Kernels of this process are forked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LAUNCHER, launch)
        yield
