"""Summaries of a table of light students: error and costs of each network and method."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlcmkd.evaluation.statistics import Interval, difference, interval
from mlcmkd.evaluation.tables import read_typed
from mlcmkd.utils.errors import InputError


class Row(NamedTuple):
    """A run: its network, method and seed, costs and error.

    Attributes:
        params: number of parameters.
        flops: floating-point operations per face.
        latency_ms: milliseconds per face, on one CPU thread.
        nme: inter-ocular NME, percent.
        run: hash of the run's config.
    """

    benchmark: str
    modality: str
    model: str
    input_px: int
    method: str
    seed: int
    params: int
    flops: int
    latency_ms: float
    nme: float
    run: str


COLUMNS = Row._fields  # of the table's file
_LABELS = " labels"  # end of a benchmark's name if only some of its training pairs have labels
COSTS = {"params": "parameters", "flops": "FLOPs a face", "latency_ms": "ms a face, one thread"}


class Entry(NamedTuple):
    """A network and a method, with the mean NME over its seeds in percent; costs as in `Row`."""

    benchmark: str
    modality: str
    model: str
    input_px: int
    method: str
    params: int
    flops: int
    latency_ms: float
    nme: Interval

    @property
    def name(self) -> str:
        """Network and method."""
        return f"{self.model}, {self.method}"


def read_rows(path: Path | str) -> list[Row]:
    """Reads the rows of a table of light students; errors as in `tables.read_typed`."""
    return read_typed(path, Row, "mlcmkd students")


def is_int8(method: str) -> bool:
    """Whether a method is quantised to 8 bits, by its name."""
    return method.endswith("int8")


def benchmark_label(benchmark: str, labelled: int | None) -> str:
    """A benchmark's name in the table. `labelled`: number of labels, None if all pairs have one."""
    return benchmark if labelled is None else f"{benchmark}, {labelled}{_LABELS}"


def has_all_labels(row: Row) -> bool:
    """Whether all training pairs of a row's student have labels."""
    return not row.benchmark.endswith(_LABELS)


def key_of(row: Row | Entry) -> tuple[str, str, str, int, str]:
    """Network and method as a key; rows with the same key differ only in the seed and form one entry."""
    return *network_of(row), row.method


def network_of(row: Row | Entry) -> tuple[str, str, str, int]:
    """Benchmark, modality, network and input size as a key; methods are compared within one key."""
    return row.benchmark, row.modality, row.model, row.input_px


def _by_seed(rows: Iterable[Row]) -> dict[int, Row]:
    """An entry's rows by seed.

    Raises:
        InputError: a seed occurs twice, which would bias the mean and the interval.
    """
    by_seed: dict[int, Row] = {}
    for row in rows:
        if row.seed in by_seed:
            raise InputError(
                f"{row.benchmark}, {row.modality}, {row.model}, {row.method}: seed {row.seed} occurs "
                f"twice (runs {by_seed[row.seed].run} and {row.run}); remove the outdated row"
            )
        by_seed[row.seed] = row
    return by_seed


def entries(rows: Iterable[Row]) -> list[Entry]:
    """An entry for each benchmark, modality, network and method, the largest network first.

    Raises:
        InputError: an entry has a seed twice.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    means = []
    for key, group in groups.items():
        runs = list(_by_seed(group).values())
        first, nme = runs[0], interval([run.nme for run in runs])
        means.append(Entry(*key, first.params, first.flops, first.latency_ms, nme))
    return sorted(means, key=lambda entry: (entry.benchmark, entry.modality, -entry.params))


def best(candidates: Iterable[Entry]) -> list[Entry]:
    """The entry with the lowest mean NME of each network, and of its 8-bit version, in input order."""
    chosen: dict[tuple, Entry] = {}
    for entry in candidates:
        key = (*network_of(entry), is_int8(entry.method))
        if key not in chosen or entry.nme.mean < chosen[key].nme.mean:
            chosen[key] = entry
    return list(chosen.values())


def table(rows: Iterable[Row]) -> list[dict[str, str]]:
    """One row of texts per entry; the NME also as a multiple of that of the largest network.

    The largest network is that of the same benchmark and modality.

    Raises:
        InputError: as `entries`.
    """
    lines, ordered = [], entries(rows)
    for entry in ordered:
        largest = next(
            e for e in ordered if (e.benchmark, e.modality) == (entry.benchmark, entry.modality)
        )
        lines.append(
            {
                "benchmark": entry.benchmark,
                "reads": entry.modality,
                "network": entry.model,
                "input (px)": str(entry.input_px),
                "method": entry.method,
                "parameters (M)": f"{entry.params / 1e6:.2f}",
                "FLOPs (M)": f"{entry.flops / 1e6:.0f}",
                "ms a face": f"{entry.latency_ms:.2f}",
                "NME (%)": entry.nme.text(),
                "of the largest": f"{entry.nme.mean / largest.nme.mean:.2f}",
                "seeds": str(entry.nme.seeds),
            }
        )
    return lines


def against(rows: Iterable[Row], controls: tuple[str, ...] = ("l2", "l1")) -> list[dict[str, str]]:
    """Differences in NME of all methods from the control methods, paired by seed, as text.

    Args:
        rows: rows of a table.
        controls: names of the control methods. Networks without any of them are left out.

    Returns:
        one row of texts for each network and method; NME and differences in percent.

    Raises:
        InputError: a network and method has a seed twice.
    """
    networks: dict[tuple, dict[str, list[Row]]] = {}
    for row in rows:
        networks.setdefault(network_of(row), {}).setdefault(row.method, []).append(row)
    lines = []
    for (benchmark, modality, model, _), by_method in networks.items():
        methods = {
            name: {seed: row.nme for seed, row in _by_seed(runs).items()}
            for name, runs in by_method.items()
        }
        if not set(controls) & set(methods):
            continue
        for method, nme in methods.items():
            line = {"benchmark": benchmark, "reads": modality, "network": model, "method": method}
            line["NME (%)"] = interval(list(nme.values())).text()
            for control in controls:
                paired = method != control and set(nme) & set(methods.get(control, {}))
                line[f"minus {control}"] = (
                    difference(nme, methods[control]).text() if paired else ""
                )
            lines.append(line)
    return lines
