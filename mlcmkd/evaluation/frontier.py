"""Summaries of a table of light students: error against costs, for each network and method."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlcmkd.evaluation.statistics import Interval, difference, interval
from mlcmkd.evaluation.tables import read_typed
from mlcmkd.utils.errors import InputError


class Row(NamedTuple):
    """A run: a network, its costs (parameters, FLOPs and ms a face), its NME (inter-ocular, percent)."""

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
_LABELS = " labels"  # at the end of a benchmark's name if its students have only some labels
COSTS = {"params": "parameters", "flops": "FLOPs a face", "latency_ms": "ms a face, one thread"}


class Entry(NamedTuple):
    """A network and method: mean over its seeds."""

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
    """The rows of a table of light students; raises as `statistics.read_typed`."""
    return read_typed(path, Row, "mlcmkd students")


def is_int8(method: str) -> bool:
    """Whether a method is quantised to 8 bits, by its name."""
    return method.endswith("int8")


def benchmark_label(benchmark: str, labelled: int | None) -> str:
    """Name in the table of a benchmark whose students have `labelled` labels; None for all."""
    return benchmark if labelled is None else f"{benchmark}, {labelled}{_LABELS}"


def has_all_labels(row: Row) -> bool:
    """Whether a row's students have all labels."""
    return not row.benchmark.endswith(_LABELS)


def key_of(row: Row | Entry) -> tuple[str, str, str, int, str]:
    """Network and method; rows that share it differ in the seed and form one entry."""
    return *network_of(row), row.method


def network_of(row: Row | Entry) -> tuple[str, str, str, int]:
    """Benchmark, modality, network and input size; methods are compared within these."""
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
                f"{row.benchmark}, {row.modality}, {row.model}, {row.method}: seed {row.seed} is there "
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
    """The method with the lowest mean NME of each network, and of its 8-bit version, in order."""
    chosen: dict[tuple, Entry] = {}
    for entry in candidates:
        key = (*network_of(entry), is_int8(entry.method))
        if key not in chosen or entry.nme.mean < chosen[key].nme.mean:
            chosen[key] = entry
    return list(chosen.values())


def table(rows: Iterable[Row]) -> list[dict[str, str]]:
    """One line an entry, as text; NME also relative to the largest network of the same modality."""
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
    """Differences of all methods from the controls, paired by seed, as text.

    Args:
        rows: of a table.
        controls: methods. Networks without any of them are left out.

    Returns:
        One line for each network and method.
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
