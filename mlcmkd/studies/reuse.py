"""A run that stands is not made again."""

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
_told: set[Path] = set()  # run directories that this process has already told about


def get_or_train(stage: Callable[..., Any], config: StageConfig, *, progress: bool = True) -> Path:
    """The run directory of a config: taken if its run stands, else made.

    Another process that is making it is waited for. One line says which, the first time that it is
    asked for.
    """
    # Several processes of one training come here together; they must not wait for each other.
    with file_lock(config.out) if config.fit.devices == config.fit.nodes == 1 else nullcontext():
        if not is_complete(config):
            print(f"{config.out.name}: {stage.__name__}, {config.fit.steps} steps")
            stage(config, progress=progress)
        elif config.out not in _told:
            print(f"{config.out.name}: found, not made again")
    _told.add(config.out)
    return config.out


def is_complete(config: StageConfig) -> bool:
    """Whether `config.out` holds the finished run of this very config, of the data that its folder holds
    now, and newer than the weights that it began with."""
    if not ((config.out / RESULT).is_file() and (config.out / WEIGHTS).is_file()):
        return False
    made = (config.out / RESULT).stat().st_mtime
    began = (getattr(config, name, None) for name in (*TEACHERS, "init"))
    return (
        same_config(config)
        and _same_data(config)
        and all(each.stat().st_mtime <= made for each in began if isinstance(each, Path))
    )


def _same_data(config: StageConfig) -> bool:
    """Whether the manifest is the one that the run was made of, as far as the run knows it."""
    try:
        told = json.loads((config.out / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return _MANIFEST not in told or told[_MANIFEST] == manifest_stamp(config.data.source)


def same_config(config: StageConfig) -> bool:
    """Whether the run directory `config.out` was begun with this very config."""
    try:
        # Through the model: a field that a later version added has its default in an older run.
        before = type(config).model_validate_json((config.out / CONFIG).read_text(encoding="utf-8"))
    except (ValidationError, OSError):
        return False
    kept, wanted = (json.loads(each.model_dump_json()) for each in (before, config))
    for told in (kept, wanted):
        told.pop("out")  # a work folder may be moved, together with the teachers in it
        for name in TEACHERS:
            told[name] = Path(told[name]).parent.name if told.get(name) else None
    return kept == wanted
