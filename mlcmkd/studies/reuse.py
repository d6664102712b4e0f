"""Reuse of completed runs, see `mlcmkd.stages.completed`."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.completed import is_complete, records_inputs, started_from
from mlcmkd.training.run_directory import lock_run

_reported: set[Path] = set()  # run directories that this process has printed a line about


def get_or_train(stage: Callable[..., Any], config: StageConfig, *, progress: bool = True) -> Path:
    """The run directory of a config, after training if its run is not complete.

    If another process trains the same run, this one waits for it. The first call for a directory prints
    a line.

    Args:
        stage: the function that trains, such as `train`.
        config: config of the stage.
        progress: show a progress bar.
    """
    # The processes of one distributed training arrive here together and must not wait for each other.
    alone = config.fit.processes == 1
    with lock_run(config.out, wait=True) if alone else nullcontext():
        if not is_complete(config):
            print(f"{config.out.name}: {stage.__name__}, {config.fit.steps} steps")
            stage(config, progress=progress)
        elif config.out not in _reported:
            print(f"{config.out.name}: complete, reused{_unknown_weights(config)}")
    _reported.add(config.out)
    return config.out


def _unknown_weights(config: StageConfig) -> str:
    """The end of the line on a reused run, if it cannot be checked which weights it started from."""
    weights = started_from(config)
    if not weights or records_inputs(config.out):
        return ""
    return f" (an earlier version made it and did not record its {' and '.join(weights)})"
