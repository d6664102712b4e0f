"""Figures of numbers: training, errors, temperatures. Shares come in, percent is drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.distillation.decay import decay_weight
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

Metrics = Sequence[Mapping[str, float]]
_TERMS = ("task", "fd", "ld", "fi", "ri")


@styled
def training_curves(metrics: Metrics, title: str = "") -> Figure:
    """One run: its weighted terms and the decay on the left, validation NME on the right.

    Args:
        metrics: lines of `runs.read_metrics`.
    """
    figure = Figure(figsize=(WIDTH, 3.6))
    left, right = figure.subplots(1, 2)
    steps = [line["step"] for line in metrics]
    terms = [name for name in _TERMS if name in metrics[0]]
    palette = colours(terms)
    for name, dash, marker in zip(terms, DASHES, MARKERS, strict=False):
        values = [line[name] for line in metrics]
        left.plot(steps, values, label=name, color=palette[name], linestyle=dash, marker=marker)
    left.set(xlabel="optimiser step", ylabel="loss term, as weighted")
    _from_zero(left, room=1.25)
    if len(terms) > 1:
        weight = left.twinx()
        weight.plot(steps, [line["decay"] for line in metrics], color=GREY, linewidth=1)
        weight.set(ylim=(0, 1.25), yticks=np.linspace(0, 1, 6))
        weight.set_ylabel("decay (thin grey line)", color=GREY)
        weight.grid(False)
    left.legend(loc="upper right", ncols=len(terms))
    _nme_line(right, metrics, "student", BLACK, 0)
    right.set(xlabel="optimiser step", ylabel="validation NME, inter-ocular (%)")
    _from_zero(right)
    left.set_title("what is minimised")
    right.set_title("what counts")
    figure.suptitle(title)
    return figure


def _from_zero(axes: Axes, room: float = 1.06) -> None:
    """The y axis from zero to so many times the highest line; a legend takes more room."""
    axes.set_ylim(0, room * max(float(np.max(line.get_ydata())) for line in axes.lines))


def _nme_line(axes: Axes, metrics: Metrics, label: str, colour: str, number: int) -> None:
    axes.plot(
        [line["step"] for line in metrics],
        [100 * line["val_nme"] for line in metrics],
        label=label,
        color=colour,
        linestyle=DASHES[number % len(DASHES)],
        marker=MARKERS[number % len(MARKERS)],
    )


@styled
def compare_training(runs: Mapping[str, Metrics], title: str = "") -> Figure:
    """Validation NME of several runs over their steps; from the second evaluation on its own axis,
    since the first is far above the rest."""
    figure = Figure(figsize=(WIDTH, 3.6))
    whole, late = figure.subplots(1, 2)
    palette = colours(runs)
    for number, (name, metrics) in enumerate(runs.items()):
        _nme_line(whole, metrics, name, palette[name], number)
        _nme_line(late, metrics[len(metrics) // 2 :], name, palette[name], number)
    whole.set(ylabel="validation NME, inter-ocular (%)", title="all of training")
    _from_zero(whole)
    late.set(ylabel="validation NME, inter-ocular (%)", title="its second half, enlarged")
    for axes in (whole, late):
        axes.set_xlabel("optimiser step")
    whole.legend()
    figure.suptitle(title)
    return figure


@styled
def ced_curves(
    errors: Mapping[str, np.ndarray], *, threshold: float = 0.08, normaliser: str = "inter-ocular"
) -> Figure:
    """CED of several methods up to half as far again as the threshold, which is marked.

    Args:
        errors: name -> NME of every face, (N,), shares; NaN for a face that was not found.
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
            label=f"{name}: {_mean_of_found(values)}, AUC {area:.2f}",
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
    # Outside: inside it would cover a curve, whichever corner is taken.
    figure.legend(loc="outside right upper")
    figure.set_figwidth(WIDTH)
    return figure


def _mean_of_found(values: np.ndarray) -> str:
    """The mean NME, and how many faces are no part of it."""
    found = values[~np.isnan(values)]
    nme = f"NME {100 * found.mean():.2f} %" if len(found) else "no NME"
    failed = len(values) - len(found)
    return f"{nme} ({failed} of {len(values)} failed)" if failed else nme


@styled
def per_region_bars(
    errors: Mapping[str, np.ndarray], *, scheme: str = "ibug68", normaliser: str = "inter-ocular"
) -> Figure:
    """NME of each region of the face, a bar a method, with 95 % bootstrap intervals over faces.

    Args:
        errors: name -> (N, K) point errors, shares; NaN where there is none.
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
    """A results table as dots with intervals, best at the top, and FR beside it.

    Args:
        rows: with "name", "nme_percent", "nme_low_percent", "nme_high_percent", "failure_rate",
            "threshold" and "normaliser" (`Scores.summary` plus a name).
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
    """NME against the number of parameters, on a logarithmic axis; equals stand side by side.

    Args:
        rows: as for `nme_bars`, with "parameters".
    """
    figure = Figure(figsize=(WIDTH * 0.8, 3.8))
    axes = figure.subplots()
    palette = colours(str(row["name"]) for row in rows)
    for number, row in enumerate(rows):
        nme = row["nme_percent"]
        equals = [n for n, other in enumerate(rows) if other["parameters"] == row["parameters"]]
        beside = 1.1 ** (equals.index(number) - (len(equals) - 1) / 2)
        axes.errorbar(
            beside * row["parameters"] / 1e6,
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


@styled
def decay_curves(kinds: Sequence[str], *, floor: float = 0.1) -> Figure:
    """Weight of the distillation terms over training, for several decays, with one floor."""
    figure = Figure(figsize=(WIDTH * 0.6, 3.0))
    axes = figure.subplots()
    progress = np.linspace(0, 1, 101)
    for kind, dash, (name, colour) in zip(kinds, DASHES, colours(kinds).items(), strict=False):
        weight = [decay_weight(kind, float(at), floor) for at in progress]
        axes.plot(100 * progress, weight, label=name, color=colour, linestyle=dash)
    axes.axhline(floor, color=GREY, linewidth=1)
    axes.annotate(
        f"floor {floor:g}", (1, floor), xytext=(0, 4), textcoords="offset points", color=GREY
    )
    axes.set(xlabel="progress of training (%)", ylabel="decay", ylim=(0, 1.08), xlim=(0, 100))
    axes.legend()
    return figure


@styled
def temperature_histogram(
    celsius: Mapping[str, np.ndarray], *, limits: tuple[float, float] | None = None
) -> Figure:
    """Distribution of temperatures; `limits` are the radiometry's range, shaded outside.

    Args:
        celsius: name -> degrees C, any shape.
    """
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.subplots()
    ends = [float(f(values)) for values in celsius.values() for f in (np.min, np.max)]
    bins = np.linspace(min(ends), max(ends), 80)
    for (name, colour), dash in zip(colours(celsius).items(), DASHES, strict=False):
        share, _ = np.histogram(celsius[name], bins)
        share = 100 * share / share.sum()
        axes.stairs(share, bins, color=colour, linestyle=dash, linewidth=1.6, label=name)
    if limits is not None:
        low, high = limits
        span = (min(bins[0], low) - 1, max(bins[-1], high) + 1)
        for start, end in ((span[0], low), (high, span[1])):
            axes.axvspan(start, end, color=GREY, alpha=0.2, linewidth=0)
        axes.set_xlim(*span)
        axes.annotate(
            f"range of the input: {low:g} to {high:g} degrees C (clipped in grey)",
            (low, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -12),
            textcoords="offset points",
            color=GREY,
        )
    axes.set(xlabel="temperature (degrees C)", ylabel="pixels (%)")
    axes.margins(y=0.2)
    figure.legend(loc="outside right upper")
    return figure
