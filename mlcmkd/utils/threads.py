"""Threads of the arithmetic that leave the cores to other programs while they wait for one another."""

import os
import sys


def sleep_while_waiting() -> None:
    """Asks OpenMP that threads sleep while they wait, instead of spinning.

    At the end of every parallel region the faster threads wait for the slowest. If another program uses
    its core, threads that spin use up the time in which the slowest could finish, and a training step
    takes many times as long (`benchmarks/busy_machine.py`, docs/performance/speed.md).

    OpenMP reads the variable once, when torch is imported: this function has no effect after that. What
    the user has set is kept.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
