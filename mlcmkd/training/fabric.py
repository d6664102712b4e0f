"""Lightning Fabric: devices, processes and precision of a training."""

from lightning_fabric import Fabric

from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import started_by_torchrun


def make_fabric(config: FitConfig) -> Fabric:
    """Fabric with the devices and the precision of a config.

    Raises:
        InputError: torchrun has started other processes than the config names (a run's config has to
            name them, since their number decides the result), or the accelerator is unavailable.
    """
    started = started_by_torchrun()
    if started and started != (config.nodes, config.devices):
        nodes, devices = started
        raise InputError(
            f"torchrun started {devices} processes on each of {nodes} nodes; add "
            f"--set fit.devices={devices} --set fit.nodes={nodes}"
        )
    try:
        return Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision=config.precision,
        )
    except (RuntimeError, ValueError, TypeError) as error:  # Lightning's, for unavailable devices
        raise InputError(
            f"fit.accelerator={config.accelerator}, fit.devices={config.devices}: "
            f"{' '.join(str(error).split())}"
        ) from None
