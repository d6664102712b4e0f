"""Forked kernels are processes of their own, and know no more of the library than a new Python does."""

import os

import pytest

from mlcmkd.course.execution import execute
from mlcmkd.utils.errors import InputError
from tests.course.kernels import forked_kernels
from tests.course.test_notebook_run import notebook


def test_a_forked_kernel_is_another_process_and_imports_the_library_anew(tmp_path):
    path = notebook(
        tmp_path,
        "pid = 0",
        "import os, sys\nassert os.getpid() != pid and os.getsid(0) == os.getpid()",
        "assert 'timm' in sys.modules and 'mlcmkd.plots' not in sys.modules",
    )
    with forked_kernels():
        execute(path, tmp_path / "done.ipynb", {"pid": os.getpid()}, show=False)


def test_a_forked_kernel_that_is_killed_is_noticed(tmp_path):
    path = notebook(tmp_path, "a = 1", "import os; os.kill(os.getpid(), 9)")
    with forked_kernels(), pytest.raises(InputError, match="code cell 2: the kernel was killed"):
        execute(path, tmp_path / "done.ipynb", {}, show=False)
