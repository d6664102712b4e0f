"""Light students: error against what a network costs, and the methods of one network side by side."""

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
NEAR = 1.03  # of the largest network's NME: what a light student should stay below


def _reach(entry: Entry) -> np.ndarray:
    """How far the interval reaches down and up; nothing with one seed."""
    nme = entry.nme
    return np.nan_to_num([nme.mean - nme.low, nme.high - nme.mean])[:, None]


@styled
def frontier(rows: Iterable[Row], title: str = "") -> Figure:
    """NME against parameters, FLOPs and latency, a row of panels a benchmark and side.

    Each network stands with its best method, orange in 8 bits; lines are 95 % intervals over seeds. Left
    and low is good; the dashed line is 3 % above the largest network.

    Args:
        rows: of a table of light students.
        title: of the figure.
    """
    found = best(entries(rows))
    sides = list(dict.fromkeys((entry.benchmark, entry.modality) for entry in found))
    models = list(dict.fromkeys(entry.model for entry in found))
    markers = {model: MARKERS[number % len(MARKERS)] for number, model in enumerate(models)}
    figure = Figure(figsize=(WIDTH, 3.2 * len(sides) + 0.6))
    grid = figure.subplots(len(sides), len(COSTS), squeeze=False, sharey="row")
    for panels, side in zip(grid, sides, strict=True):
        here = [entry for entry in found if (entry.benchmark, entry.modality) == side]
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            for entry in here:
                _point(axes, entry, cost, markers[entry.model])
            axes.axhline(NEAR * here[0].nme.mean, color=GREY, linestyle="--", linewidth=1.2)
            axes.set_xscale("log")
            axes.margins(x=0.25, y=0.2)
            plain_logarithm(axes.xaxis)
            axes.set_xlabel(label + (", millions" if _UNITS[cost] > 1 else ""))
        panels[0].set_ylabel("NME, inter-ocular (%)")
        panels[0].set_title(f"{side[0]}, reads {side[1]}", loc="left")
        panels[-1].set_title("dashed: 3 % above the largest", loc="right", fontsize=9, color=GREY)
    handles = [
        grid[0][0].plot([], [], color=colour, marker=marker, linestyle="none", label=label)[0]
        for colour, marker, label in _legend(found, markers)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.suptitle(title)
    return figure


def _colour(entry: Entry) -> str:
    return ORANGE if is_int8(entry.method) else BLUE


def _point(axes: Axes, entry: Entry, cost: str, marker: str) -> None:
    axes.errorbar(
        getattr(entry, cost) / _UNITS[cost],
        entry.nme.mean,
        yerr=_reach(entry),
        color=_colour(entry),
        marker=marker,
        markersize=7,
        linestyle="none",
        capsize=3,
    )


def _legend(found: list[Entry], markers: dict[str, str]) -> list[tuple[str, str, str]]:
    """Colour, marker and words of each network with its methods, once."""
    told: dict[tuple[str, str], list[str]] = {}
    for entry in found:
        methods = told.setdefault((entry.model, _colour(entry)), [])
        if entry.method not in methods:
            methods.append(entry.method)
    return [
        (colour, markers[model], f"{model} ({' / '.join(methods)})")
        for (model, colour), methods in told.items()
    ]


@styled
def methods_compared(rows: Iterable[Row], title: str = "", *, least: int = 3) -> Figure:
    """The methods of each network that has at least `least` of them, a panel a network and side.

    Bars are 95 % intervals over seeds, dots below them the seeds; the best method is at the top, the
    dashed line is the largest network of that side.

    Args:
        rows: of a table of light students.
        title: of the figure.
        least: how many methods make a panel.
    """
    rows = list(rows)
    found = entries(rows)
    panels: dict[tuple, list[Entry]] = {}
    for entry in found:
        panels.setdefault(network_of(entry), []).append(entry)
    panels = {key: held for key, held in panels.items() if len(held) >= least}
    heights = [len(held) + 1 for held in panels.values()] or [1]
    figure = Figure(figsize=(WIDTH, 0.34 * sum(heights) + 0.7 * len(heights) + 0.5))
    grid = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, ((benchmark, modality, model, _), held) in zip(grid, panels.items(), strict=False):
        held = sorted(held, key=lambda entry: entry.nme.mean)
        for place, entry in enumerate(held):
            seeds = [row.nme for row in rows if key_of(row) == key_of(entry)]
            axes.plot(seeds, [place + 0.28] * len(seeds), ".", color=GREY, markersize=5)
            axes.errorbar(
                entry.nme.mean, place, xerr=_reach(entry), color=BLUE, marker="o", capsize=3
            )
        axes.set_yticks(range(len(held)), [entry.method for entry in held])
        axes.set_ylim(len(held) - 0.5, -0.5)
        largest = next(e for e in found if (e.benchmark, e.modality) == (benchmark, modality))
        axes.axvline(largest.nme.mean, color=BLACK, linestyle="--", linewidth=1.2)
        axes.set_title(f"{benchmark}, reads {modality}: {model}", loc="left")
        axes.set_title(f"dashed: {largest.name}", loc="right", fontsize=9, color=GREY)
        axes.set_xlabel("NME, inter-ocular (%)")
    figure.suptitle(title)
    return figure
