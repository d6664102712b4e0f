"""Figures of registration: how aligned images lie on each other, and what a benchmark of it found."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.overlays import checkerboard, edge_overlay
from mlcmkd.plots.style import DASHES, MARKERS, WIDTH, colours, styled


@styled
def registration_overlays(
    rgb: Sequence[np.ndarray],
    thermal: Sequence[np.ndarray],
    *,
    tile: int | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Pairs in rows: the warped photo, a checkerboard of both, thermal edges over the photo.

    Args:
        rgb: (H, W, 3) uint8 images in thermal pixel geometry; sizes may differ from pair to pair.
        thermal: (H, W) images, any unit.
        tile: side of the checkerboard's fields, pixels; None for an eighth of the shorter side.
        titles: a word a row, such as the residual.

    Raises:
        InputError: a pair's images differ in size.
    """
    figure = Figure(figsize=(WIDTH, WIDTH / 3 * len(rgb) + 0.3))
    grid = figure.subplots(len(rgb), 3, squeeze=False)
    for row, (photo, heat) in enumerate(zip(rgb, thermal, strict=True)):
        pictures = (photo, checkerboard(photo, heat, tile), edge_overlay(photo, heat))
        for axes, picture in zip(grid[row], pictures, strict=True):
            axes.imshow(picture, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
        if titles is not None:
            grid[row, 0].set_ylabel(titles[row])
    for axes, name in zip(grid[0], ("warped RGB", "checkerboard", "thermal edges"), strict=True):
        axes.set_title(name)
    return figure


@styled
def residual_curves(rows: Sequence[Mapping[str, str]], title: str = "") -> Figure:
    """What benchmarks/pairing.py found: residual and failures, against misalignment and noise.

    Above, against the initial misalignment at the lowest noise but none; below, against noise at
    the smallest misalignment. Methods know noise in different units, so below its level is told.

    Args:
        rows: the table's rows, as a CSV reader gives them.
        title: of the figure.
    """
    rows = list(rows)
    names = list(dict.fromkeys(row["method"] for row in rows))
    palette = colours(names)
    figure = Figure(figsize=(WIDTH, 7.0))
    grid = figure.subplots(2, 2)
    # A method's noises by rank, since their units differ.
    levels = {
        name: sorted({float(r["noise"]) for r in rows if r["method"] == name}) for name in names
    }
    smallest = min(float(row["misalignment_px"]) for row in rows)
    for number, name in enumerate(names):
        mine = [row for row in rows if row["method"] == name]
        style = {
            "color": palette[name],
            "marker": MARKERS[number % len(MARKERS)],
            "linestyle": DASHES[number % len(DASHES)],
            "label": name,
        }
        level = levels[name][min(1, len(levels[name]) - 1)]
        moved = [(float(r["misalignment_px"]), r) for r in mine if float(r["noise"]) == level]
        noisy = [
            (levels[name].index(float(row["noise"])), row)
            for row in mine
            if float(row["misalignment_px"]) == smallest
        ]
        for (left, right), points in zip(grid, (moved, noisy), strict=True):
            _line(left, points, "median_residual_percent_iod", style)
            _line(right, points, "failures_percent", style)
    for left, right in grid:
        left.set(ylabel="median residual (% of inter-ocular)", ylim=(0, None))
        right.set(ylabel="failures (% of rigs)", ylim=(-3, max(40, right.get_ylim()[1])))
    misalignments = sorted({float(row["misalignment_px"]) for row in rows})
    for axes in grid[0]:
        axes.set(xlabel="initial misalignment, thermal pixels (low noise)", xscale="log")
        axes.set_xticks(misalignments, [f"{px:g}" for px in misalignments])
        axes.minorticks_off()
    most = max(len(found) for found in levels.values())
    for axes in grid[1]:
        axes.set_xticks(range(most), ["none", "low", "middle", "high"][:most])
        axes.set(xlabel=f"noise (initial misalignment {smallest:g} px)")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names))
    figure.suptitle(title)
    return figure


def _line(axes: Axes, points: list[tuple[float, Mapping[str, str]]], column: str, style) -> None:
    """One method's course; a residual that is not a finite number (no map found) is left out."""
    there = [(x, float(row[column])) for x, row in points if np.isfinite(float(row[column]))]
    if there:
        axes.plot(*zip(*there, strict=True), **style)
