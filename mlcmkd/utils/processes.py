"""The rank of this process in distributed training, and the state that its threads share.

Environment variables do not prove a rank. `RANK`, `LOCAL_RANK` or `SLURM_PROCID` are also set in a shell
or a program that another launcher has started, and in every task of srun. A process has a rank once it
has joined the others, see `training.fabric.join`. The first process writes the run directory and the
terminal output; the others compute.
"""

import os
import sys
import threading

# Lightning reads these as numbers while it is imported.
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")

# All threads of a process share torch's random state and the working directory. Two threads that train
# at the same time would get other results than one alone. Code that changes either of them locks this.
process_state = threading.RLock()


def is_first() -> bool:
    """Whether this process has rank 0, or is the only process of its training."""
    distributed = sys.modules.get("torch.distributed")  # without torch, nothing was joined
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return distributed.get_rank() == 0


def started_by_torchrun() -> tuple[int, int] | None:
    """Return (nodes, processes per node) if torchrun started this process, otherwise None."""
    per_node, world = number_of("LOCAL_WORLD_SIZE"), number_of("WORLD_SIZE")
    if "TORCHELASTIC_RUN_ID" not in os.environ or not per_node or not world:
        return None
    return world // per_node, per_node


def cores() -> int:
    """Return the number of cores this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def number_of(variable: str) -> int | None:
    """A whole number from the environment; None if the variable is missing or not a whole number."""
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() else None


def forget_unusable_ranks() -> None:
    """Removes ranks from the environment that are not numbers, such as an empty one."""
    for name in _RANKS:
        if name in os.environ and number_of(name) is None:
            del os.environ[name]
