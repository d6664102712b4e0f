"""The frontier: error against what a network costs."""

from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.frontier import COSTS, Row, entries
from mlcmkd.plots.style import MARKERS, WIDTH, colours, plain_logarithm, styled

_UNITS = {"params": 1e6, "flops": 1e6, "latency_ms": 1.0}


@styled
def frontier(rows: Iterable[Row], title: str = "") -> Figure:
    """NME against parameters, FLOPs and latency, a row of panels a benchmark and side.

    Colours are methods, markers are networks; lines are 95 % intervals over seeds. Left and low is good.

    Args:
        rows: of a table of light students.
        title: of the figure.
    """
    found = entries(rows)
    sides = list(dict.fromkeys((entry.benchmark, entry.modality) for entry in found))
    palette = colours(dict.fromkeys(entry.method for entry in found))
    models = list(dict.fromkeys(entry.model for entry in found))
    markers = {model: MARKERS[number % len(MARKERS)] for number, model in enumerate(models)}
    figure = Figure(figsize=(WIDTH, 3.2 * len(sides) + 0.9))
    grid = figure.subplots(len(sides), len(COSTS), squeeze=False, sharey="row")
    for panels, side in zip(grid, sides, strict=True):
        here = [entry for entry in found if (entry.benchmark, entry.modality) == side]
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            for entry in here:
                reach = np.nan_to_num(
                    [entry.nme.mean - entry.nme.low, entry.nme.high - entry.nme.mean]
                )
                axes.errorbar(
                    getattr(entry, cost) / _UNITS[cost],
                    entry.nme.mean,
                    yerr=reach[:, None],
                    color=palette[entry.method],
                    marker=markers[entry.model],
                    markersize=7,
                    linestyle="none",
                    capsize=3,
                )
            axes.set_xscale("log")
            plain_logarithm(axes.xaxis)
            axes.set_xlabel(label + (", millions" if _UNITS[cost] > 1 else ""))
        panels[0].set_ylabel("NME, inter-ocular (%)")
        panels[0].set_title(f"{side[0]}, reads {side[1]}", loc="left")
    handles = [
        panels[0].plot([], [], color=colour, marker="o", linestyle="none", label=method)[0]
        for method, colour in palette.items()
    ]
    handles += [
        panels[0].plot([], [], color="black", marker=marker, linestyle="none", label=model)[0]
        for model, marker in markers.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    figure.suptitle(title)
    return figure
