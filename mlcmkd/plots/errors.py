"""Figures of errors: cumulative curves, regions of the face, tables, and error against size.

NME is the normalised mean error of a face. Arguments are shares (0.05 is 5 %); figures show percent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.evaluation.metrics import (
    area_under_curve,
    bootstrap_interval,
    cumulative_distribution,
    face_errors,
)
from mlcmkd.plots.style import (
    BLACK,
    DASHES,
    GREY,
    MARKERS,
    WIDTH,
    colours,
    plain_logarithm,
    styled,
)
from mlcmkd.schemes import get_scheme


@styled
def ced_curves(
    errors: Mapping[str, np.ndarray], *, threshold: float = 0.08, normaliser: str = "inter-ocular"
) -> Figure:
    """Cumulative error distributions (CED) up to 1.5 times the threshold; a line marks the threshold.

    Args:
        errors: name -> NME of every face, (N,), shares; NaN for a face that was not detected.
        threshold: threshold of the failure rate and of the AUC (area under the curve), a share.
        normaliser: distance by which the errors were divided, for the label.
    """
    figure = Figure(figsize=(WIDTH * 0.75, 4.2))
    axes = figure.subplots()
    palette = colours(errors)
    for number, (name, values) in enumerate(errors.items()):
        x, share = cumulative_distribution(values, 1.5 * threshold)
        area = area_under_curve(values, threshold)
        axes.plot(
            100 * x,
            100 * share,
            color=palette[name],
            linestyle=DASHES[number % len(DASHES)],
            label=f"{name}: {_mean_nme(values)}, AUC {area:.2f}",
        )
    axes.axvline(100 * threshold, color=GREY, linewidth=1)
    axes.annotate(
        f"threshold {100 * threshold:g} %",
        (100 * threshold, 2),
        xytext=(4, 0),
        textcoords="offset points",
        color=GREY,
    )
    axes.set(
        xlabel=f"NME of a face, {normaliser} (%)",
        ylabel="faces with at most this NME (%)",
        xlim=(0, 150 * threshold),
        ylim=(0, 102),
    )
    # Outside the axes, where it covers no curve.
    figure.legend(loc="outside right upper")
    figure.set_figwidth(WIDTH)
    return figure


def _mean_nme(values: np.ndarray) -> str:
    """The mean NME over detected faces, and the number of faces that were not detected."""
    detected = values[~np.isnan(values)]
    nme = f"NME {100 * detected.mean():.2f} %" if len(detected) else "no NME"
    failed = len(values) - len(detected)
    return f"{nme} ({failed} of {len(values)} failed)" if failed else nme


@styled
def per_region_bars(
    errors: Mapping[str, np.ndarray], *, scheme: str = "ibug68", normaliser: str = "inter-ocular"
) -> Figure:
    """NME of each region of the face, a bar for each method, with 95 % bootstrap intervals over faces.

    Args:
        errors: name -> (N, K) point errors, shares; NaN for a point without an error.
        scheme: landmark scheme of the K points.
        normaliser: distance by which the errors were divided, for the label.
    """
    regions = get_scheme(scheme).regions
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    palette = colours(errors)
    width = 0.8 / len(errors)
    for number, (name, values) in enumerate(errors.items()):
        by_region = [face_errors(values[:, list(points)]) for points in regions.values()]
        by_region = [region[~np.isnan(region)] for region in by_region]
        means = np.array([100 * region.mean() for region in by_region])
        ends = np.array([bootstrap_interval(region, draws=500) for region in by_region]).T * 100
        axes.bar(
            np.arange(len(regions)) + (number - (len(errors) - 1) / 2) * width,
            means,
            width * 0.92,
            yerr=np.abs(ends - means),
            color=palette[name],
            error_kw={"elinewidth": 1, "ecolor": BLACK},
            label=name,
        )
    axes.set_xticks(range(len(regions)), list(regions))
    axes.set_ylabel(f"NME, {normaliser} (%)")
    axes.grid(False, axis="x")
    axes.legend(ncols=len(errors), loc="upper right")
    axes.margins(y=0.18)
    return figure


@styled
def nme_bars(rows: Sequence[Mapping[str, Any]], *, split: str = "test") -> Figure:
    """A results table: NME with intervals, the best at the top, and the failure rate (FR) beside it.

    Args:
        rows: mappings with the keys "name", "nme_percent", "nme_low_percent", "nme_high_percent",
            "failure_rate", "threshold" and "normaliser" (`Scores.summary` plus a name).
        split: name of the split, for the label.
    """
    ordered = sorted(rows, key=lambda row: row["nme_percent"], reverse=True)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.38 * len(rows)))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    places = np.arange(len(ordered))
    nme = np.array([row["nme_percent"] for row in ordered])
    low = nme - [row["nme_low_percent"] for row in ordered]
    high = np.array([row["nme_high_percent"] for row in ordered]) - nme
    left.errorbar(nme, places, xerr=(low, high), fmt="o", color=BLACK, capsize=3, linewidth=1.2)
    for place, value, end in zip(places, nme, high, strict=True):
        left.annotate(
            f"{value:.2f}",
            (value + end, place),
            xytext=(6, -3),
            textcoords="offset points",
            fontsize=9,
        )
    left.set_yticks(places, [row["name"] for row in ordered])
    left.set_xlabel(
        f"NME on the {split} split, {rows[0]['normaliser']} (%), 95 % interval over faces"
    )
    left.set_xlim(0, 1.15 * float((nme + high).max()))
    left.margins(y=0.08)
    right.barh(places, [100 * row["failure_rate"] for row in ordered], color=GREY, height=0.6)
    right.set_xlabel(f"FR at {100 * rows[0]['threshold']:g} % (%)")
    right.set_xlim(0, 100)
    for axes in (left, right):
        axes.grid(False, axis="y")
    return figure


@styled
def errors_against_parameters(
    rows: Sequence[Mapping[str, Any]], *, split: str = "validation"
) -> Figure:
    """NME against the number of parameters, logarithmic; equal numbers are drawn side by side.

    Args:
        rows: as for `nme_bars`, also with the key "parameters".
        split: name of the split, for the label.
    """
    figure = Figure(figsize=(WIDTH * 0.8, 3.8))
    axes = figure.subplots()
    palette = colours(str(row["name"]) for row in rows)
    for number, row in enumerate(rows):
        nme = row["nme_percent"]
        same_size = [n for n, other in enumerate(rows) if other["parameters"] == row["parameters"]]
        offset = 1.1 ** (same_size.index(number) - (len(same_size) - 1) / 2)
        axes.errorbar(
            offset * row["parameters"] / 1e6,
            nme,
            yerr=[[nme - row["nme_low_percent"]], [row["nme_high_percent"] - nme]],
            fmt=MARKERS[number % len(MARKERS)],
            color=palette[str(row["name"])],
            markersize=8,
            capsize=3,
            label=f"{row['name']} ({row['parameters'] / 1e6:.2f} M, {nme:.2f} %)",
        )
    axes.set(
        xscale="log",
        xlabel="parameters (millions, logarithmic)",
        ylabel=f"{split} NME, {rows[0]['normaliser']} (%)",
    )
    plain_logarithm(axes.xaxis)
    axes.margins(x=0.2, y=0.2)
    figure.legend(loc="outside right upper")
    figure.set_figwidth(WIDTH)
    return figure
