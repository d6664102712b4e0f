"""The rank of this process in distributed training, before the process group is initialised.

Fabric (with `fit.devices` above 1) or torchrun starts the processes and sets their ranks in the
environment. The first process writes the run directory and the terminal output; the others compute.
"""

import os

_RANKS = ("RANK", "LOCAL_RANK")  # torchrun's over all nodes; Fabric's on one node


def is_first() -> bool:
    """Whether this is the only process or the first of several."""
    return next((int(os.environ[name]) for name in _RANKS if name in os.environ), 0) == 0


def started_by_torchrun() -> tuple[int, int] | None:
    """Return (nodes, processes per node) if torchrun started this process, otherwise None."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    per_node = int(os.environ["LOCAL_WORLD_SIZE"])
    return int(os.environ["WORLD_SIZE"]) // per_node, per_node
