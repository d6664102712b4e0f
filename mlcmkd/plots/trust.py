"""Figures of the tests of attribution maps, and of the agreement of two networks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.plots.style import BLACK, DASHES, GREY, MARKERS, WIDTH, colours, styled

Interval = tuple[float, float, float]  # mean, lower and upper end


@styled
def pixel_curves(
    fractions: Sequence[float],
    insertion: Mapping[str, np.ndarray],
    deletion: Mapping[str, np.ndarray],
    areas: Mapping[str, Mapping[str, Interval]],
) -> Figure:
    """Insertion and deletion curves, means over faces, with the areas under them.

    Args:
        fractions: (F,) shares of the pixels.
        insertion, deletion: order of the pixels -> (F,) probability relative to the complete image.
        areas: "insertion" and "deletion" -> order -> area under the curve with its interval.
    """
    figure = Figure(figsize=(WIDTH, 3.8 + 0.2 * len(insertion)))
    # The legends are attached to the axes, so the layout places them only approximately.
    figure.get_layout_engine().set(h_pad=0.1)
    panels = figure.subplots(1, 2, sharey=True)
    kinds = {
        "insertion": (insertion, "high is good", "inserted pixels (%)"),
        "deletion": (deletion, "low is good", "deleted pixels (%)"),
    }
    for axes, (kind, (curves, good, label)) in zip(panels, kinds.items(), strict=True):
        for number, (name, colour) in enumerate(colours(curves).items()):
            mean, low, high = areas[kind][name]
            control = name.startswith(("random", "another"))
            axes.plot(
                100 * np.asarray(fractions),
                100 * np.asarray(curves[name]),
                color=GREY if control else colour,
                linestyle=DASHES[number % len(DASHES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=4,
                markevery=2,
                label=f"{name}: {mean:.2f} [{low:.2f}, {high:.2f}]",
            )
        axes.axhline(100, color=BLACK, linewidth=0.8, linestyle=":")
        axes.set(title=f"{kind}: {good}", xlabel=label)
        axes.legend(  # below the axes, because curves fill them
            title="area under the curve (1: constant 100 %), 95 % interval",
            fontsize=8,
            title_fontsize=8,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
        )
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("probability of the landmark's cell,\n% of that in the complete image")
    return figure


@styled
def randomisation_bars(
    parts: Sequence[str], similarity: Mapping[str, Sequence[Interval]], *, what: str = "maps"
) -> Figure:
    """Similarity of maps after randomisation of weights, a group of bars for each part.

    Args:
        parts: names of the L randomised parts, from output to input.
        similarity: method -> for each part the rank correlation with the trained network's map, -1 to 1,
            with its interval.
        what: "maps" or "absolute maps", for the label.
    """
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    width = 0.8 / len(similarity)
    for number, (name, colour) in enumerate(colours(similarity).items()):
        mean, low, high = np.array(similarity[name]).T
        axes.bar(
            np.arange(len(parts)) + (number - (len(similarity) - 1) / 2) * width,
            mean,
            width,
            yerr=np.abs(np.stack((mean - low, high - mean))),
            color=colour,
            hatch=("", "//", "..", "xx", "\\\\", "--", "oo")[number % 7],
            edgecolor="white",
            linewidth=0.5,
            error_kw={"linewidth": 1, "capsize": 2},
            label=name,
        )
    axes.axhline(0, color=BLACK, linewidth=0.8)
    labels = [part.replace("backbone ", "backbone\n") for part in parts]
    axes.set(
        xticks=range(len(parts)),
        xticklabels=[f"{'+ ' if n else ''}{label}" for n, label in enumerate(labels)],
        xlabel="randomised parts, from output to input",
        ylabel=f"rank correlation of {what}\nwith the trained network's",
    )
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=min(5, len(similarity)))
    return figure


@styled
def agreement_dots(
    rows: Mapping[str, Mapping[str, Mapping[str, Interval]]], chance: Mapping[str, float]
) -> Figure:
    """Agreement of RGB and thermal maps with 95 % intervals, and the two controls.

    Args:
        rows: name -> measure ("spearman", "overlap") -> "own" and "other" -> mean and interval.
        chance: measure -> expected agreement of independent maps.
    """
    figure = Figure(figsize=(WIDTH, 0.42 * len(rows) + 1.6))
    panels = figure.subplots(1, 2, sharey=True)
    kinds = {"own": ("the same face", "o"), "other": ("another person's face", "s")}
    labels = {
        "spearman": "Spearman's rank correlation",
        "overlap": "overlap of the top 10 %",
    }
    for axes, measure in zip(panels, labels, strict=True):
        for (kind, (label, marker)), colour in zip(
            kinds.items(), colours(kinds).values(), strict=True
        ):
            values = np.array([row[measure][kind] for row in rows.values()])
            _dots(axes, values, marker, colour, label, shift=-0.12 if kind == "own" else 0.12)
        axes.axvline(
            chance[measure], color=BLACK, linestyle="--", linewidth=1, label="chance level"
        )
        axes.set(xlabel=f"{labels[measure]}\n(mean over faces, 95 % interval)")
    panels[0].set(yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.5, -0.5))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _dots(
    axes: Axes, values: np.ndarray, marker: str, colour: str, label: str, *, shift: float
) -> None:
    """Draws means with intervals, (N, 3: mean, lower end, upper end), one on each line."""
    mean, low, high = values.T
    axes.errorbar(
        mean,
        np.arange(len(mean)) + shift,
        xerr=np.abs(np.stack((mean - low, high - mean))),
        fmt=marker,
        color=colour,
        capsize=3,
        markersize=6,
        linewidth=1.4,
        label=label,
    )
