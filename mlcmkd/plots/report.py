"""Figures of `mlcmkd report`: NME of every configuration, and validation NME over the steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.evaluation.statistics import interval
from mlcmkd.plots.style import CYCLE, DASHES, GREY, WIDTH, styled


@styled
def nme_by_configuration(groups: Mapping[str, Mapping[int, float]]) -> Figure:
    """NME of every configuration: a dot for each seed, the mean and its 95 % interval.

    Args:
        groups: configuration -> seed -> NME in percent; the first is drawn on top.
    """
    figure = Figure(figsize=(WIDTH, 1.2 + 0.42 * len(groups)))
    axes = figure.add_subplot()
    for place, values in enumerate(groups.values()):
        nme = interval(list(values.values()))
        axes.plot(
            list(values.values()), [place] * len(values), "o", color=GREY, alpha=0.5, markersize=5
        )
        reach = [[nme.mean - nme.low], [nme.high - nme.mean]] if nme.seeds > 1 else None
        axes.errorbar(nme.mean, place, xerr=reach, fmt="D", color=CYCLE[0], capsize=4, markersize=6)
    axes.set(
        yticks=range(len(groups)),
        yticklabels=list(groups),
        xlabel="NME (%): seeds (dots), mean with 95 % interval",
        ylim=(len(groups) - 0.5, -0.5),
    )
    return figure


@styled
def training_by_configuration(
    groups: Mapping[str, Sequence[Sequence[Mapping[str, float]]]],
) -> Figure:
    """Validation NME over the steps: thin lines for runs, a thick line for the mean over seeds.

    Args:
        groups: configuration -> lines of metrics.jsonl of its runs.
    """
    figure = Figure(figsize=(WIDTH, 4.2 + 0.12 * len(groups)))
    axes = figure.add_subplot()
    for number, (name, logs) in enumerate(groups.items()):
        colour, dash = CYCLE[number % len(CYCLE)], DASHES[number // len(CYCLE) % len(DASHES)]
        lines = [
            ([line["step"] for line in log], [100 * line["val_nme"] for line in log])
            for log in logs
        ]
        for steps, values in lines:
            axes.plot(steps, values, color=colour, alpha=0.3, linewidth=0.8)
        # Interrupted runs are left out of the mean, because it would jump where they end.
        complete = [values for steps, values in lines if steps == lines[0][0]]
        axes.plot(
            lines[0][0],
            np.mean(complete, axis=0),
            color=colour,
            linestyle=dash,
            marker="o",
            label=name,
        )
    axes.set(xlabel="step", ylabel="validation NME (%)", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    # Below the axes, because there may be many long names.
    figure.legend(loc="outside lower center", ncols=2)
    return figure
