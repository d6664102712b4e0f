"""A line in a notebook while PyTorch is imported, which takes seconds on a slow machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOTICE = "Importing PyTorch, which takes some seconds ..."


@contextmanager
def import_notice() -> Iterator[None]:
    """Shows a line in the output of the cell while torch is imported, and removes it afterwards.

    Without a kernel of Jupyter, or with torch imported already, nothing is shown.
    """
    if "torch" in sys.modules or not _in_kernel():
        yield
        return
    from IPython.display import clear_output, display

    display({"text/plain": NOTICE}, raw=True)
    try:
        yield
    finally:
        clear_output()


def _in_kernel() -> bool:
    """Whether this process is a kernel, whose cells have outputs that can be removed."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
