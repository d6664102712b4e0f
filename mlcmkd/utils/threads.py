"""Torch's threads: how long a waiting thread occupies its core before it sleeps."""

import os
import sys

# How often a waiting thread checks before it sleeps. The default of GNU OpenMP: 300,000, some ms.
SPINS = "10000"


def sleep_soon() -> None:
    """Makes waiting threads of torch sleep soon, instead of spinning (checking without a pause).

    At the end of every parallel region the faster threads wait for the slowest. If another program uses
    the core of the slowest thread, spinning threads take the time in which it could finish. A training
    step can then take thirty times as long (docs/performance/speed.md).

    GNU OpenMP, which torch uses on Linux, reads the variable GOMP_SPINCOUNT once, when torch is
    imported. This function has no effect after that. Values that the user has set are kept.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
