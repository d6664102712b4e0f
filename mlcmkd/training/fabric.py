"""Lightning Fabric: devices, processes and precision of a training."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import number_of, started_by_torchrun

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")


def join(config: FitConfig) -> "Fabric":
    """Starts the processes of a training, or joins them; from here on, each knows its rank.

    Raises:
        InputError: the processes cannot connect, their number is not that of the config, or as
            `make_fabric`.
    """
    fabric = make_fabric(config)
    named = f"fit.devices={config.devices}, fit.nodes={config.nodes}"
    try:
        fabric.launch()
    except (RuntimeError, ValueError) as error:  # raised by torch or Lightning
        raise InputError(
            f"{named}: the processes of this training could not connect: "
            f"{' '.join(str(error).split())}"
        ) from error
    if config.processes not in (None, fabric.world_size):
        raise InputError(
            f"{named}: the number of connected processes is {fabric.world_size}; start as many as the "
            "config names, with torchrun or `srun --ntasks-per-node`"
        )
    return fabric


def make_fabric(config: FitConfig) -> "Fabric":
    """Fabric with the devices and the precision of a config.

    A training of one process joins no others; the environment has no effect on it.

    Raises:
        InputError: torchrun or another launcher has started other processes than the config names (a
            run's config has to name them, since their number decides the result), or the accelerator is
            unavailable.
    """
    _check_world(config)
    from lightning_fabric import Fabric  # here, because its import takes longer than that of torch
    from lightning_fabric.plugins.environments import LightningEnvironment

    try:
        return Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision=config.precision,
            plugins=None if _may_be_launched(config) else [LightningEnvironment()],
        )
    except KeyError as error:  # raised by Lightning for a launcher's variable
        raise InputError(
            f"fit.devices={config.devices}: the environment has no {error.args[0]}, which a launcher "
            "sets; start the command with torchrun or srun"
        ) from None
    except (RuntimeError, ValueError, TypeError) as error:  # Lightning: unavailable devices
        raise InputError(
            f"fit.accelerator={config.accelerator}, fit.devices={config.devices}: "
            f"{' '.join(str(error).split())}"
        ) from None


def _may_be_launched(config: FitConfig) -> bool:
    """Whether Lightning should look for the launcher of this process: torchrun, SLURM, MPI and others.

    Each task of srun, such as a worker of a study, may train alone. The script of sbatch has the same
    environment variables as its tasks, but is not a task.
    """
    batch_script = "SLURM_NTASKS" in os.environ and "SLURM_STEP_ID" not in os.environ
    return config.processes != 1 and (started_by_torchrun() is not None or not batch_script)


def _check_world(config: FitConfig) -> None:
    """Compares the processes that a launcher has started with those of the config."""
    started = started_by_torchrun()
    if started:
        if started != (config.nodes, config.devices):
            nodes, devices = started
            raise InputError(
                f"torchrun started {devices} processes on each of {nodes} nodes; add "
                f"--set fit.devices={devices} --set fit.nodes={nodes}, or unset TORCHELASTIC_RUN_ID if "
                "torchrun did not start this command"
            )
        return
    wanted, world = config.processes, number_of("WORLD_SIZE")
    if wanted in (None, 1):
        return
    if "MASTER_PORT" not in os.environ:
        # Left by another program, since the others cannot be found; Lightning would wait for them.
        os.environ.pop("LOCAL_RANK", None)
    if "LOCAL_RANK" in os.environ and world not in (None, wanted):
        raise InputError(
            f"this process is one of {world} (WORLD_SIZE in the environment), but the config names "
            f"{config.devices} on each of {config.nodes} nodes; change fit.devices and fit.nodes, or "
            "unset RANK, LOCAL_RANK and WORLD_SIZE if no launcher started this command"
        )


@contextmanager
def entered_by_all(fabric: "Fabric", context: AbstractContextManager[T]) -> Iterator[T]:
    """Enters a context in every process; if the first process fails, all end with its error.

    Otherwise the other processes would wait for the first one until a time limit.

    Args:
        fabric: connects the processes.
        context: such as a run directory, which only the first process locks.

    Raises:
        InputError: the error of this process or of the first one.
    """
    with ExitStack() as stack:
        entered, own = None, ""
        try:
            entered = stack.enter_context(context)
        except InputError as error:
            own = str(error)
        if message := fabric.broadcast(own) or own:
            raise InputError(message)
        yield entered
