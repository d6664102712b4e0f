"""Latency of the networks in a table of light students, in milliseconds per face.

The latency depends on the network and the machine, not on the weights, so a network has one latency in a
table. A new row gets the latency that the table has for its network. `retime_table` measures all
networks again in turn, so that their latencies can be compared.
"""

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.quantise import quantise
from mlcmkd.evaluation.cost import file_latency_ms
from mlcmkd.evaluation.frontier import COLUMNS, benchmark_label
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies.students.config import StudentsConfig
from mlcmkd.studies.students.plan import PlannedStudent
from mlcmkd.studies.students.teachers import (
    KTL_STUDENT,
    TEACHER,
    LargeNetwork,
    teachers_of,
)
from mlcmkd.studies.table import read_table, rewrite
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock
from mlcmkd.utils.progress import tqdm

ROUNDS = 5  # all networks are timed in each round, so that other load affects all of them


class TimedNetwork(NamedTuple):
    """A network whose latency is measured: its spec, and whether it is quantised to 8 bits."""

    spec: ModelSpec
    int8: bool


def timed_network(
    config: StudentsConfig, benchmark: str, modality: Modality, network: str, method: str
) -> TimedNetwork:
    """The network of a row; its landmark scheme and radiometry have no effect on the latency.

    Args:
        config: config of the table.
        benchmark, network, method: names in the parameter file.
        modality: modality of the input.
    """
    teacher = teachers_of(config, benchmark).rgb
    size, head, int8 = teacher.size, teacher.head, False  # of the teachers' rows
    if method not in (TEACHER, KTL_STUDENT):
        light = config.networks[network]
        size, head, int8 = light.size, light.head, config.methods[method].int8
    spec = ModelSpec(
        size=size,
        head=head,
        input_px=teacher.input_px,
        modality=modality,
        radiometry=FACE_CELSIUS if modality == "thermal" else None,
    )
    return TimedNetwork(spec, int8)


def network_of(config: StudentsConfig, planned: PlannedStudent | LargeNetwork) -> TimedNetwork:
    """The network of a light student or of one of its teachers."""
    return timed_network(
        config, planned.benchmark, planned.modality, planned.network, planned.method
    )


def latencies(
    config: StudentsConfig, networks: dict[TimedNetwork, DataConfig]
) -> dict[TimedNetwork, float]:
    """Milliseconds per face of the table's networks and of these, which are measured if they are new.

    Args:
        config: config of the table.
        networks: networks, each with the data whose validation faces calibrate its 8-bit version.
    """
    known = table_latencies(config)
    new = {network: data for network, data in networks.items() if network not in known}
    return known | measure_latencies(new)


def table_latencies(config: StudentsConfig) -> dict[TimedNetwork, float]:
    """Milliseconds per face of every network in the table, from its first row."""
    known: dict[TimedNetwork, float] = {}
    for row, match in _rows_with_networks(config):
        if match is not None:
            known.setdefault(match[0], float(row["latency_ms"]))
    return known


def measure_latencies(
    networks: dict[TimedNetwork, DataConfig], progress: bool = False
) -> dict[TimedNetwork, float]:
    """Milliseconds per face of each network: ONNX Runtime, batch 1, one thread, random weights.

    Args:
        networks: networks, each with the data whose validation faces calibrate its 8-bit version.
        progress: show a progress bar.

    Returns:
        The median over ROUNDS rounds of the median call of each round. Each round times all networks.
    """
    with TemporaryDirectory() as folder:
        files = {
            network: _exported(network, data, Path(folder) / str(number))
            for number, (network, data) in enumerate(networks.items())
        }
        times: dict[TimedNetwork, list[float]] = {network: [] for network in networks}
        for _ in tqdm(range(ROUNDS), desc="ms a face", unit="round", disable=not progress):
            for network, path in files.items():
                times[network].append(file_latency_ms(path).median)
    return {network: round(statistics.median(values), 3) for network, values in times.items()}


def retime_table(
    config: StudentsConfig, *, progress: bool = True, say: Callable[[str], None] = print
) -> None:
    """Measures every network of the table again and writes its latency into all of its rows.

    Args:
        config: config of the table.
        progress: show a progress bar.
        say: prints a line.

    Raises:
        InputError: the table has no rows, or rows of networks that the config does not name, or another
            command adds rows to it. The table is unchanged then.
    """
    with file_lock(
        config.table, "another command is adding rows to it; use --time when it is done"
    ):
        rows = list(_rows_with_networks(config))
        if not rows:
            raise InputError(
                f"{config.table}: no rows yet; `mlcmkd students` without --time makes them"
            )
        for number, (row, match) in enumerate(rows, start=2):
            if match is None:
                names = ", ".join(
                    row[name] for name in ("benchmark", "modality", "model", "method")
                )
                raise InputError(
                    f"{config.table}: line {number} ({names}) belongs to no network of this parameter "
                    "file; give the file that made the table"
                )
        measured = measure_latencies(dict(match for _, match in rows), progress)
        rewrite(
            config.table,
            COLUMNS,
            (row | {"latency_ms": measured[network]} for row, (network, _) in rows),
        )
    for (spec, int8), ms in measured.items():
        name = f"{spec.size}, {spec.head}, {spec.modality} input" + (", int8" if int8 else "")
        say(f"{name}: {ms:.3f} ms")


def _rows_with_networks(
    config: StudentsConfig,
) -> Iterator[tuple[dict[str, str], tuple[TimedNetwork, DataConfig] | None]]:
    """Each row of the table with its network and its benchmark's data, or None if none matches."""
    counts = {grid.labelled for grid in config.grids} | {None}
    for row in read_table(config.table, COLUMNS):
        yield row, next(_matches(config, row, counts), None)


def _matches(
    config: StudentsConfig, row: dict[str, str], counts: set[int | None]
) -> Iterator[tuple[TimedNetwork, DataConfig]]:
    """The config's networks that a row may belong to: at most one if the benchmarks' names differ."""
    light = row["model"] in config.networks and row["method"] in config.methods
    if not light and row["method"] not in (TEACHER, KTL_STUDENT):
        return
    for name, benchmark in config.benchmarks.items():
        known = benchmark.names.get(row["modality"])
        if known and row["benchmark"] in {benchmark_label(known, count) for count in counts}:
            network = timed_network(config, name, row["modality"], row["model"], row["method"])
            yield network, benchmark.data


def _exported(network: TimedNetwork, data: DataConfig, folder: Path) -> Path:
    """The network as a file for ONNX Runtime; the values of its weights do not matter."""
    folder.mkdir()
    plain, int8 = folder / "plain.onnx", folder / "int8.onnx"
    export_onnx(Landmarker(network.spec).eval(), plain, "crop")
    if not network.int8:
        return plain
    spec = network.spec
    pairs = data.load("val", spec.input_px, modalities={spec.modality}, progress=False)
    quantise(plain, int8, pairs)
    return int8
