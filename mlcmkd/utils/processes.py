"""Which of several processes this is, before they have met.

Fabric starts the others (`fit.devices` above 1), or torchrun does; either tells each its rank in the
environment. The first writes the run directory and talks to the terminal; the others compute.
"""

import os

_RANKS = ("RANK", "LOCAL_RANK")  # torchrun's, over all nodes; Fabric's own, on one node


def is_first() -> bool:
    """Whether this process is alone, or the first of several."""
    return next((int(os.environ[name]) for name in _RANKS if name in os.environ), 0) == 0


def started_by_torchrun() -> tuple[int, int] | None:
    """(nodes, processes a node) that torchrun started; None where it did not."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    a_node = int(os.environ["LOCAL_WORLD_SIZE"])
    return int(os.environ["WORLD_SIZE"]) // a_node, a_node
