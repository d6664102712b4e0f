"""Kernels in forked processes (`tests.forked`) instead of a new Python each.

A kernel imports the library anew, as in a new Python, so a lesson that forgets an import fails.
"""

import os
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
    command: list[str], *, env: dict[str, str], cwd: str | None = None, **_: Any
) -> ForkedKernel:
    """`jupyter_client.launcher.launch_kernel` of a command `python -c CODE OPTIONS`."""
    server = fork_server()
    ready, begun = server.Pipe(duplex=False)
    process = server.Process(target=_kernel, args=(command, env, cwd or os.getcwd(), begun))
    process.start()
    ready.recv()
    return ForkedKernel(process)


def _kernel(command: list[str], env: dict[str, str], cwd: str, begun: Connection) -> None:
    os.setsid()  # before anybody asks for the process group that a signal is sent to
    begun.send(None)
    os.environ.clear()
    # The kernel ends with its parent, which is the server here.
    os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
    os.chdir(cwd)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mlcmkd", "tests")]:
        del sys.modules[name]
    import matplotlib

    matplotlib.rcParams["backend"] = env.get("MPLBACKEND", INLINE)
    _, option, code, *rest = command
    assert option == "-c"
    sys.argv = [option, *rest]
    exec(code, {"__name__": "__main__"})


@contextmanager
def forked_kernels() -> Iterator[None]:
    """Kernels of this process are forked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LAUNCHER, launch)
        yield
