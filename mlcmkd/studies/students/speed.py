"""How long the networks of a table of light students take for a face.

Milliseconds belong to a network and a machine, not to a run: whoever taught it, and whatever its
weights, a network has one speed in a table. `time_again` measures all of them side by side, which
makes them comparable; rows that are added to a table take the speed that stands there.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm.auto import tqdm

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.quantise import quantise
from mlcmkd.evaluation.cost import file_latency_ms
from mlcmkd.evaluation.frontier import COLUMNS, benchmark_label
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies.students.plan import (
    KTL_STUDENT,
    TEACHER,
    Planned,
    StudentsConfig,
    big_networks,
)
from mlcmkd.studies.table import read_table, rewrite
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock

ROUNDS = 5  # in turns: what a machine does meanwhile falls on all networks alike
Kind = tuple[ModelSpec, bool]  # a network, and whether it is in 8 bits


def kind(
    config: StudentsConfig, benchmark: str, modality: Modality, network: str, method: str
) -> Kind:
    """What a network is, before it is made; which scheme and radiometry costs no time."""
    teacher = big_networks(config, benchmark).teacher
    size, head, int8 = teacher.size, teacher.head, False  # of the two big networks
    if method not in (TEACHER, KTL_STUDENT):
        small, how = config.networks[network], config.methods[method]
        size, head, int8 = small.size, small.head, how.int8
    spec = ModelSpec(
        size=size,
        head=head,
        input_px=teacher.input_px,
        modality=modality,
        radiometry=FACE_CELSIUS if modality == "thermal" else None,
    )
    return spec, int8


def kind_of(config: StudentsConfig, planned: Planned) -> Kind:
    """The network that a planned student is."""
    return kind(config, planned.benchmark, planned.modality, planned.network, planned.method)


def in_table(config: StudentsConfig) -> dict[Kind, float]:
    """Milliseconds of every network of the table, by its first row."""
    found: dict[Kind, float] = {}
    for row, of in _rows(config):
        if of is not None:
            found.setdefault(of[0], float(row["latency_ms"]))
    return found


def latencies(config: StudentsConfig, left: Iterable[Planned]) -> dict[Kind, float]:
    """Milliseconds of every network of the students left to do: the table's, or measured now."""
    found = in_table(config)
    asked = {kind_of(config, each): each.config.data for each in left}
    return found | measured({key: data for key, data in asked.items() if key not in found})


def measured(kinds: dict[Kind, DataConfig], progress: bool = False) -> dict[Kind, float]:
    """Milliseconds a face of each network: ONNX Runtime, batch 1, one thread, random weights.

    Args:
        kinds: the networks, and the data whose validation faces calibrate one in 8 bits.
        progress: show a bar.

    Returns:
        The median over ROUNDS rounds, in which the networks take turns, of each round's median call.
    """
    with TemporaryDirectory() as folder:
        files = {
            each: _exported(each, data, Path(folder) / str(number))
            for number, (each, data) in enumerate(kinds.items())
        }
        found: dict[Kind, list[float]] = {each: [] for each in kinds}
        for _ in tqdm(range(ROUNDS), desc="ms a face", unit="round", disable=not progress):
            for each, path in files.items():
                found[each].append(file_latency_ms(path).median)
    return {each: round(statistics.median(times), 3) for each, times in found.items()}


def time_again(
    config: StudentsConfig, *, progress: bool = True, say: Callable[[str], None] = print
) -> None:
    """Measures every network of the table anew and writes its milliseconds into all of its rows.

    Args:
        config: whose table.
        progress: show a bar.
        say: where lines of text go.

    Raises:
        InputError: the table has no row, or rows of networks that the config does not name, or another
            command adds rows to it. The table is as it was then.
    """
    with file_lock(config.table, "another command is adding rows to it; time it when that is done"):
        rows = list(_rows(config))
        if not rows:
            raise InputError(
                f"{config.table}: no rows yet; `mlcmkd students` without --time makes them"
            )
        for number, (row, of) in enumerate(rows, start=2):
            if of is None:
                what = ", ".join((row["benchmark"], row["modality"], row["model"], row["method"]))
                raise InputError(
                    f"{config.table}: line {number} ({what}) is of no network of this parameter file; "
                    "name the file that made the table"
                )
        now = measured(dict(of for _, of in rows), progress)
        rewrite(
            config.table,
            COLUMNS,
            (row | {"latency_ms": now[network]} for row, (network, _) in rows),
        )
    for (spec, int8), ms in now.items():
        name = f"{spec.size}, {spec.head}, reads {spec.modality}" + (", int8" if int8 else "")
        say(f"{name}: {ms:.3f} ms")


def _rows(
    config: StudentsConfig,
) -> Iterator[tuple[dict[str, str], tuple[Kind, DataConfig] | None]]:
    """Each row of the table with its network and its benchmark's data; None where there is none."""
    counts = {grid.labelled for grid in config.grids} | {None}
    for row in read_table(config.table, COLUMNS):
        yield row, next(_networks(config, row, counts), None)


def _networks(
    config: StudentsConfig, row: dict[str, str], counts: set[int | None]
) -> Iterator[tuple[Kind, DataConfig]]:
    """The networks of the config that a row may be of: one at most, where benchmarks' names differ."""
    ours = row["model"] in config.networks and row["method"] in config.methods
    if not ours and row["method"] not in (TEACHER, KTL_STUDENT):
        return
    for name, benchmark in config.benchmarks.items():
        known = benchmark.names.get(row["modality"])
        if known and row["benchmark"] in {benchmark_label(known, count) for count in counts}:
            of = kind(config, name, row["modality"], row["model"], row["method"])
            yield of, benchmark.data


def _exported(of: Kind, data: DataConfig, folder: Path) -> Path:
    """The network as a file for ONNX Runtime; its weights cost it no time."""
    spec, int8 = of
    folder.mkdir()
    plain, small = folder / "plain.onnx", folder / "int8.onnx"
    export_onnx(Landmarker(spec).eval(), plain, "crop")
    if not int8:
        return plain
    quantise(plain, small, data.load("val", spec.input_px, progress=False))
    return small
