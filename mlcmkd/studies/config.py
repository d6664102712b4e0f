"""The common fields of the parameter files of all studies, and the hash that identifies a run.

The studies have different parameter files, because they vary different fields. The KTL sweep varies
strategies and amounts of data, the levels only the route and the seed, the light students networks and
methods, and a notebook study the parameters of a notebook. One general format could not check the names
and values of these fields. All files have `table` and `out`. Files of studies that train networks have
`benchmarks` and `split`. Grids vary the seed slowest; `leave_out` excludes combinations.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mlcmkd.data.config import DataConfig
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.completed import TEACHERS
from mlcmkd.stages.train import TrainConfig
from mlcmkd.training.provenance import file_hash, further_stamps, manifest_stamp
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
_PLACES = ("out", *TEACHERS)  # fields that are paths; they do not decide a result


class StudyConfig(Config):
    """Fields of every study.

    Attributes:
        table: the CSV file of the results.
        out: folder of the runs.
    """

    table: Path
    out: Path


class Benchmark(Config):
    """A data set, and the RGB teacher trained on all of its pairs.

    Attributes:
        data: the pairs.
        teacher: fields of TrainConfig except `out` and `data`.
    """

    data: DataConfig
    teacher: dict[str, Any] = Field(default_factory=dict)


class BenchmarkStudyConfig(StudyConfig):
    """Fields of every study that trains networks.

    Attributes:
        split: the split on which students are scored: "val" to choose, "test" to report.
        benchmarks: the data sets by name. The name is part of the name of a run directory.
    """

    split: Literal["val", "test"] = "test"
    benchmarks: dict[FolderName, Benchmark]


class GridConfig(Config):
    """All combinations of the listed values.

    Attributes:
        name: name of the setting, for the reader and for messages.
        leave_out: combinations that are not run. A combination is left out if it agrees with an entry in
            every value that the entry names.
    """

    name: str
    leave_out: list[dict[str, Any]] = []

    def product_of(self, values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """The combinations in order. Seeds vary slowest, so an interrupted table is still balanced.

        Args:
            values: the values of each name; one of the names may be "seed".

        Raises:
            InputError: `leave_out` has a name that does not vary.
        """
        for names in self.leave_out:
            self.check_names("name in leave_out", names, values)
        order = sorted(values, key=lambda name: name != "seed")
        for chosen in product(*(values[name] for name in order)):
            combination = dict(zip(order, chosen, strict=True))
            if not any(left_out.items() <= combination.items() for left_out in self.leave_out):
                yield {name: combination[name] for name in values}

    def check_names(self, kind: str, names: Collection[str], known: Collection[str]) -> None:
        """Raises an InputError for a name that is not among the known ones."""
        if unknown := set(names) - set(known):
            raise InputError(
                f"grid '{self.name}': {kind} '{min(unknown)}' is not among {', '.join(known)}"
            )


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Nested dicts merged field by field; later dicts take precedence."""
    total: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            nested = isinstance(value, dict) and isinstance(total.get(key), dict)
            total[key] = merged(total[key], value) if nested else value
    return total


def teacher_config(config: BenchmarkStudyConfig, name: str) -> TrainConfig:
    """The RGB teacher of a benchmark.

    Raises:
        InputError: fields that TrainConfig does not have.
    """
    benchmark = config.benchmarks[name]
    fields = {**benchmark.teacher, "out": config.out / f"teacher-{name}", "data": benchmark.data}
    return TrainConfig.validated(f"teacher of '{name}'", fields)


def run_id(config: StageConfig, teacher: TrainConfig, split: str) -> str:
    """Hash of everything that decides a run's result, 12 hexadecimal digits; it ignores paths.

    Args:
        config: config of the run.
        teacher: config of the RGB teacher.
        split: split on which the run is scored.

    Raises:
        InputError: weights that the teacher or the student starts from do not exist.
    """
    student, origin = (json.loads(each.model_dump_json()) for each in (config, teacher))
    for fields in (student, origin):
        for place in _PLACES:
            fields.pop(place, None)
        source = fields["data"]["source"]
        fields["data"]["source"] = manifest_stamp(source) or source
        if also := further_stamps(fields["data"].get("also", ())):
            fields["data"]["also"] = also
    if origin.pop("init") is not None:  # weights are identified by their bytes
        if not teacher.init.is_file():
            raise InputError(f"{teacher.init}: no such weights for the teacher to start from")
        origin["init"] = file_hash(teacher.init)
    if first := getattr(config, "first", None):
        if not first.is_file():
            raise InputError(f"{first}: no such weights of a first student")
        student["first"] = file_hash(first)
    return short_hash(json.dumps([student, origin, split], sort_keys=True))


def short_hash(text: str) -> str:
    """The first 12 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
