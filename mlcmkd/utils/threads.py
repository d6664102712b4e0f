"""Threads of the arithmetic that leave the cores to other programs while they wait for one another."""

import os
import sys

# How often a waiting thread checks before it sleeps. The default of GNU OpenMP: 300,000, some ms.
SPINS = "10000"


def sleep_soon() -> None:
    """Lets the threads of torch sleep soon while they wait, instead of checking all the time.

    At the end of every parallel region the faster threads wait for the slowest. If another program uses
    its core, threads that check all the time use up the time in which the slowest could finish. Then a
    training step can take thirty times as long (docs/performance/speed.md).

    GNU OpenMP, which torch uses on Linux, reads the variable once, when torch is imported: this function
    has no effect after that. What the user has set is kept.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
