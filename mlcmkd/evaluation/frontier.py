"""What a table of light students says: error against size, one entry a network and method."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlcmkd.evaluation.statistics import Interval, difference, interval
from mlcmkd.evaluation.tables import read_typed
from mlcmkd.utils.errors import InputError


class Row(NamedTuple):
    """One network: what it costs (FLOPs of a face, ms a face) and its NME in percent, inter-ocular."""

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
_LABELS = " labels"  # ends a benchmark's name where its students have not all of them
COSTS = {"params": "parameters", "flops": "FLOPs a face", "latency_ms": "ms a face, one thread"}


class Entry(NamedTuple):
    """A network and method over its seeds."""

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
        """Network and method in words."""
        return f"{self.model}, {self.method}"


def read_rows(path: Path | str) -> list[Row]:
    """The rows of a table of light students; errors as `ablation.read_typed` has them."""
    return read_typed(path, Row, "mlcmkd students")


def is_int8(method: str) -> bool:
    """Whether a method's name speaks of 8 bits."""
    return method.endswith("int8")


def benchmark_label(benchmark: str, labelled: int | None) -> str:
    """What the table calls a benchmark whose students have so many labels, None for all."""
    return benchmark if labelled is None else f"{benchmark}, {labelled}{_LABELS}"


def has_all_labels(row: Row) -> bool:
    """Whether a row's benchmark is one with all labels."""
    return not row.benchmark.endswith(_LABELS)


def key_of(each: Row | Entry) -> tuple[str, str, str, int, str]:
    """What makes rows one entry: all but the seed."""
    return *network_of(each), each.method


def network_of(each: Row | Entry) -> tuple[str, str, str, int]:
    """What methods are compared within: benchmark, side, network and the pixels that it reads."""
    return each.benchmark, each.modality, each.model, each.input_px


def _by_seed(rows: Iterable[Row]) -> dict[int, Row]:
    """An entry's rows by seed.

    Raises:
        InputError: a seed is there twice, which no mean and no interval may hide.
    """
    held: dict[int, Row] = {}
    for row in rows:
        if row.seed in held:
            raise InputError(
                f"{row.benchmark}, {row.modality}, {row.model}, {row.method}: seed {row.seed} is there "
                f"twice (runs {held[row.seed].run} and {row.run}); take the row out that no longer holds"
            )
        held[row.seed] = row
    return held


def entries(rows: Iterable[Row]) -> list[Entry]:
    """One entry a benchmark, side, network and method, the largest network first; see `_by_seed`."""
    together: dict[tuple, list[Row]] = {}
    for row in rows:
        together.setdefault(key_of(row), []).append(row)
    held = {key: list(_by_seed(each).values()) for key, each in together.items()}
    found = [
        Entry(
            *key, each[0].params, each[0].flops, each[0].latency_ms, interval([r.nme for r in each])
        )
        for key, each in held.items()
    ]
    return sorted(found, key=lambda entry: (entry.benchmark, entry.modality, -entry.params))


def best(found: Iterable[Entry]) -> list[Entry]:
    """Of each network and its 8-bit twin the method with the lowest mean NME, in the given order."""
    held: dict[tuple, Entry] = {}
    for entry in found:
        key = (*network_of(entry), is_int8(entry.method))
        if key not in held or entry.nme.mean < held[key].nme.mean:
            held[key] = entry
    return list(held.values())


def table(rows: Iterable[Row]) -> list[dict[str, str]]:
    """One line an entry, as text; the share is against the largest network of its side."""
    lines, found = [], entries(rows)
    for entry in found:
        big = next(
            e for e in found if (e.benchmark, e.modality) == (entry.benchmark, entry.modality)
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
                "of the largest": f"{entry.nme.mean / big.nme.mean:.2f}",
                "seeds": str(entry.nme.seeds),
            }
        )
    return lines


def against(rows: Iterable[Row], rivals: tuple[str, ...] = ("l2", "l1")) -> list[dict[str, str]]:
    """One line a method of every network that a rival was tried on: differences paired by seed."""
    together: dict[tuple, dict[str, list[Row]]] = {}
    for row in rows:
        together.setdefault(network_of(row), {}).setdefault(row.method, []).append(row)
    lines = []
    for (benchmark, modality, model, _), each in together.items():
        methods = {
            name: {seed: row.nme for seed, row in _by_seed(found).items()}
            for name, found in each.items()
        }
        for method, ours in methods.items():
            if not set(rivals) & set(methods):
                continue
            line = {"benchmark": benchmark, "reads": modality, "network": model, "method": method}
            line["NME (%)"] = interval(list(ours.values())).text()
            for rival in rivals:
                shared = method != rival and set(ours) & set(methods.get(rival, {}))
                line[f"minus {rival}"] = difference(ours, methods[rival]).text() if shared else ""
            lines.append(line)
    return lines
