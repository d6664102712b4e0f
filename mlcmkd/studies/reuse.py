"""Reuse of completed runs."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlcmkd.stages.common import StageConfig
from mlcmkd.training.provenance import manifest_stamp
from mlcmkd.training.run_directory import CONFIG, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.locks import file_lock

TEACHERS = ("teacher", "tough", "tolerant")  # fields that hold a teacher's weights
_MANIFEST = "manifest"
_reported: set[Path] = set()  # run directories that this process has printed a line about


def get_or_train(stage: Callable[..., Any], config: StageConfig, *, progress: bool = True) -> Path:
    """The run directory of a config, after training if its run is not complete.

    If another process trains the same run, this one waits for it. The first call for a directory prints
    a line.

    Args:
        stage: the function that trains, such as `train`.
        config: of the stage.
        progress: show a progress bar.
    """
    # The processes of one distributed training arrive here together and must not wait for each other.
    with file_lock(config.out) if config.fit.devices == config.fit.nodes == 1 else nullcontext():
        if not is_complete(config):
            print(f"{config.out.name}: {stage.__name__}, {config.fit.steps} steps")
            stage(config, progress=progress)
        elif config.out not in _reported:
            print(f"{config.out.name}: complete, reused")
    _reported.add(config.out)
    return config.out


def is_complete(config: StageConfig) -> bool:
    """Whether `config.out` contains the completed run of this config.

    Its data must be those that the data folder has now, and it must be newer than its teachers' weights.
    """
    if not ((config.out / RESULT).is_file() and (config.out / WEIGHTS).is_file()):
        return False
    ended = (config.out / RESULT).stat().st_mtime
    fields = dict(config)  # each stage has some of them
    weights = (fields.get(name) for name in (*TEACHERS, "init"))
    return (
        matches_stored_config(config)
        and _same_data(config)
        and all(path.stat().st_mtime <= ended for path in weights if isinstance(path, Path))
    )


def _same_data(config: StageConfig) -> bool:
    """Whether the manifest is unchanged since the run; True if the run did not record it."""
    try:
        provenance = json.loads((config.out / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if _MANIFEST not in provenance:
        return True
    return provenance[_MANIFEST] == manifest_stamp(config.data.source)


def matches_stored_config(config: StageConfig) -> bool:
    """Whether the run in `config.out` was started with this config, wherever its folder was then."""
    try:
        # Read as a config: a field that a later version added has its default in an older run.
        stored = type(config).model_validate_json((config.out / CONFIG).read_text(encoding="utf-8"))
    except (ValidationError, OSError):
        return False
    before, now = (json.loads(each.model_dump_json()) for each in (stored, config))
    for fields in (before, now):
        fields.pop("out")  # a work folder may be moved, together with the teachers in it
        for name in TEACHERS:
            fields[name] = Path(fields[name]).parent.name if fields.get(name) else None
    return before == now
