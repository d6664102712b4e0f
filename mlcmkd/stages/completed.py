"""Whether a directory contains the completed run of a config.

Runs are compared by content: their config, and the hashes of the manifest and of the weights that they
started from. Dates and paths are not compared, so a folder may be copied or moved.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlcmkd.stages.common import StageConfig
from mlcmkd.training.provenance import file_hash, further_stamps, manifest_stamp
from mlcmkd.training.run_directory import CONFIG, INPUTS, PROVENANCE, RESULT, WEIGHTS

TEACHERS = ("teacher", "tough", "tolerant", "first")  # fields that hold the weights of other runs
_MANIFEST, _ALSO = "manifest", "also"


def is_complete(config: StageConfig) -> bool:
    """Whether `config.out` contains the completed run of this config, see `is_run_of`."""
    complete = (config.out / RESULT).is_file() and (config.out / WEIGHTS).is_file()
    return complete and is_run_of(config)


def is_run_of(config: StageConfig) -> bool:
    """Whether the run in `config.out` was started with this config, and from the same data and weights.

    A run of an earlier version did not record its data or its teachers. It counts as a run of this
    config if nothing contradicts this.
    """
    provenance = read_provenance(config.out)
    try:
        # Read as a config: a field that a later version added has its default in an older run.
        stored = type(config).model_validate_json((config.out / CONFIG).read_text(encoding="utf-8"))
    except (ValidationError, OSError, UnicodeDecodeError):
        return False
    if provenance is None:
        return False
    before, now = (json.loads(each.model_dump_json()) for each in (stored, config))
    if provenance.get(_MANIFEST) is not None:  # it identifies the data, also in another folder
        for fields in (before, now):
            fields["data"].pop("source")
        if provenance[_MANIFEST] != manifest_stamp(config.data.source):
            return False
    elif _MANIFEST in provenance and manifest_stamp(config.data.source) is not None:
        return False
    if provenance.get(_ALSO) != further_stamps(config.data.also):
        return False
    for fields in (before, now):  # identified by their stamps, also elsewhere
        fields["data"].pop(_ALSO, None)
    weights = started_from(config)
    compared = [name for name, path in weights.items() if INPUTS in provenance and path.is_file()]
    for fields in (before, now):
        fields.pop("out")
        for name in TEACHERS:  # their folder may have been moved
            fields[name] = Path(fields[name]).parent.name if fields.get(name) else None
        for name in compared:  # compared by their hashes, below
            fields[name] = fields.get(name) is not None
    return before == now and made_from(config.out, weights)


def started_from(config: StageConfig) -> dict[str, Path]:
    """The weights that the training of a config starts from, by the names of its fields."""
    fields = dict(config)  # each stage has some of them
    named = {name: fields.get(name) for name in (*TEACHERS, "init")}
    return {name: path for name, path in named.items() if isinstance(path, Path)}


def made_from(run: Path, files: dict[str, Path]) -> bool:
    """Whether a run was made from files with this content; a missing file does not contradict it.

    Args:
        run: the run directory.
        files: paths by the fields of the run's config.
    """
    recorded = (read_provenance(run) or {}).get(INPUTS)
    present = {name: path for name, path in files.items() if path.is_file()}
    if recorded is None:
        # An earlier version made this run, so it cannot come from weights that a later one has trained.
        return not any(records_inputs(path.parent) for path in present.values())
    return all(recorded.get(name) == file_hash(path) for name, path in present.items())


def read_provenance(run: Path) -> dict[str, Any] | None:
    """The content of a run's provenance.json; None if it cannot be read."""
    try:
        found = json.loads((run / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def records_inputs(run: Path) -> bool:
    """Whether a run recorded the hashes of its inputs; those of earlier versions did not."""
    return INPUTS in (read_provenance(run) or {})
