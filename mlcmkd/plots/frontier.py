"""Figures of light students: error against cost, and comparison of methods for one network."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.evaluation.frontier import (
    COSTS,
    Entry,
    Row,
    best,
    entries,
    is_int8,
    key_of,
    network_of,
)
from mlcmkd.plots.style import (
    BLACK,
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    WIDTH,
    plain_logarithm,
    styled,
)

_UNITS = {"params": 1e6, "flops": 1e6, "latency_ms": 1.0}
TOLERANCE = 1.03  # the goal of a light student: its NME relative to that of the largest network


def _interval_lengths(entry: Entry) -> np.ndarray:
    """Distances from the mean to the lower and upper end of the interval; 0 with one seed."""
    nme = entry.nme
    return np.nan_to_num([nme.mean - nme.low, nme.high - nme.mean])[:, None]


@styled
def frontier(rows: Iterable[Row], title: str = "") -> Figure:
    """NME against parameters, FLOPs and latency; a row of panels for each benchmark and modality.

    Each network is shown with its best method, 8-bit networks (int8) in orange. Vertical lines are 95 %
    intervals over seeds. Lower left is better. The dashed line is 3 % above the NME of the largest
    network.

    Args:
        rows: rows of a table of light students.
        title: title of the figure.
    """
    best_entries = best(entries(rows))
    groups = list(dict.fromkeys((entry.benchmark, entry.modality) for entry in best_entries))
    models = list(dict.fromkeys(entry.model for entry in best_entries))
    markers = {model: MARKERS[number % len(MARKERS)] for number, model in enumerate(models)}
    figure = Figure(figsize=(WIDTH, 3.2 * len(groups) + 0.6))
    grid = figure.subplots(len(groups), len(COSTS), squeeze=False, sharey="row")
    for panels, group in zip(grid, groups, strict=True):
        entries_of_group = [
            entry for entry in best_entries if (entry.benchmark, entry.modality) == group
        ]
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            for entry in entries_of_group:
                _point(axes, entry, cost, markers[entry.model])
            axes.axhline(
                TOLERANCE * entries_of_group[0].nme.mean, color=GREY, linestyle="--", linewidth=1.2
            )
            axes.set_xscale("log")
            axes.margins(x=0.25, y=0.2)
            plain_logarithm(axes.xaxis)
            axes.set_xlabel(label + (", millions" if _UNITS[cost] > 1 else ""))
        panels[0].set_ylabel("NME, inter-ocular (%)")
        panels[0].set_title(f"{group[0]}, {group[1]} input", loc="left")
        panels[-1].set_title("dashed: 3 % above the largest", loc="right", fontsize=9, color=GREY)
    handles = [
        grid[0][0].plot([], [], color=colour, marker=marker, linestyle="none", label=label)[0]
        for colour, marker, label in _legend(best_entries, markers)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.suptitle(title)
    return figure


def _colour(entry: Entry) -> str:
    return ORANGE if is_int8(entry.method) else BLUE


def _point(axes: Axes, entry: Entry, cost: str, marker: str) -> None:
    costs = {"params": entry.params, "flops": entry.flops, "latency_ms": entry.latency_ms}
    axes.errorbar(
        costs[cost] / _UNITS[cost],
        entry.nme.mean,
        yerr=_interval_lengths(entry),
        color=_colour(entry),
        marker=marker,
        markersize=7,
        linestyle="none",
        capsize=3,
    )


def _legend(shown: list[Entry], markers: dict[str, str]) -> list[tuple[str, str, str]]:
    """Colour, marker and label of each network with its methods."""
    labels: dict[tuple[str, str], list[str]] = {}
    for entry in shown:
        methods = labels.setdefault((entry.model, _colour(entry)), [])
        if entry.method not in methods:
            methods.append(entry.method)
    return [
        (colour, markers[model], f"{model} ({' / '.join(methods)})")
        for (model, colour), methods in labels.items()
    ]


@styled
def methods_compared(rows: Iterable[Row], title: str = "", *, least: int = 3) -> Figure:
    """NME of the methods of each network; a panel for each network and modality.

    Bars are 95 % intervals over seeds, dots are seeds. The best method is at the top. The dashed line is
    the NME of the largest network of the same benchmark and modality.

    Args:
        rows: rows of a table of light students.
        title: title of the figure.
        least: networks with fewer methods have no panel.
    """
    rows = list(rows)
    all_entries = entries(rows)
    panels: dict[tuple, list[Entry]] = {}
    for entry in all_entries:
        panels.setdefault(network_of(entry), []).append(entry)
    panels = {key: methods for key, methods in panels.items() if len(methods) >= least}
    heights = [len(methods) + 1 for methods in panels.values()] or [1]
    figure = Figure(figsize=(WIDTH, 0.34 * sum(heights) + 0.7 * len(heights) + 0.5))
    grid = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, ((benchmark, modality, model, _), methods) in zip(grid, panels.items(), strict=False):
        methods = sorted(methods, key=lambda entry: entry.nme.mean)
        for place, entry in enumerate(methods):
            seeds = [row.nme for row in rows if key_of(row) == key_of(entry)]
            axes.plot(seeds, [place + 0.28] * len(seeds), ".", color=GREY, markersize=5)
            axes.errorbar(
                entry.nme.mean,
                place,
                xerr=_interval_lengths(entry),
                color=BLUE,
                marker="o",
                capsize=3,
            )
        axes.set_yticks(range(len(methods)), [entry.method for entry in methods])
        axes.set_ylim(len(methods) - 0.5, -0.5)
        largest = next(e for e in all_entries if (e.benchmark, e.modality) == (benchmark, modality))
        axes.axvline(largest.nme.mean, color=BLACK, linestyle="--", linewidth=1.2)
        axes.set_title(f"{benchmark}, {modality} input: {model}", loc="left")
        axes.set_title(f"dashed: {largest.name}", loc="right", fontsize=9, color=GREY)
        axes.set_xlabel("NME, inter-ocular (%)")
    figure.suptitle(title)
    return figure
