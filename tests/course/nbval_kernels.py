"""A plugin of the pytest that runs nbval: its kernels are forked."""

import pytest

from tests.course.kernels import forked_kernels


def pytest_configure(config: pytest.Config) -> None:
    patch = forked_kernels()
    patch.__enter__()
    config.add_cleanup(lambda: patch.__exit__(None, None, None))
