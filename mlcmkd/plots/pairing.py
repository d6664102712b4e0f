"""Figures of registration: two cameras, parallax, how aligned images lie, what a benchmark found."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.data.overlays import checkerboard, edge_overlay
from mlcmkd.plots.style import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    MARKERS,
    SKY,
    THERMAL,
    VERMILION,
    WIDTH,
    colours,
    plain_logarithm,
    styled,
)
from mlcmkd.schemes import get_scheme


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


@styled
def parallax_diagram(
    apart: float = 0.3, plane: float = 1.0, depths: tuple[float, ...] = (0.7, 1.0, 1.6)
) -> Figure:
    """Two parallel cameras from above, and where each sees points of several depths.

    Args:
        apart: distance of the cameras, B; larger than life, so that it can be seen.
        plane: the depth whose points a registration was made for.
        depths: of the points, on the RGB camera's axis; in the unit of `apart`.
    """
    figure = Figure(figsize=(WIDTH * 0.8, 4.0))
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    focal = 0.3
    for place, name, colour in ((0.0, "RGB", BLUE), (apart, "thermal", VERMILION)):
        left.plot(place, 0, marker="o", markersize=9, color=colour)
        left.annotate(name, (place, -0.08), ha="center", va="top", color=colour)
        left.plot([place - 0.14, place + 0.14], [focal, focal], color=colour, linewidth=2.5)
    left.annotate("images, f from the lens", (apart + 0.18, focal), va="center", fontsize=9)
    left.plot([0, apart + 0.62], [plane, plane], color=GREY, linestyle=":", linewidth=1.2)
    left.annotate(
        "Z0, the depth of the map", (apart + 0.62, plane), ha="right", va="bottom", color=GREY
    )
    left.annotate("", (0, -0.03), (apart, -0.03), arrowprops={"arrowstyle": "<->", "color": BLACK})
    left.annotate("B", (apart / 2, -0.05), ha="center", va="top")
    for depth, marker in zip(depths, MARKERS, strict=False):
        left.plot([0, 0], [0, depth], color=BLUE, linewidth=1)
        left.plot([apart, 0], [0, depth], color=VERMILION, linewidth=1)
        left.plot(0, depth, marker=marker, color=BLACK, markersize=8)
        left.annotate(f"Z = {depth:g}", (-0.05, depth), ha="right", va="center")
        left.plot(0, focal, marker=marker, color=BLACK, markersize=6)
        left.plot(apart * (1 - focal / depth), focal, marker=marker, color=BLACK, markersize=6)
        seen = -focal * apart / depth
        right.plot(seen + focal * apart / plane, depth, marker=marker, color=BLACK, markersize=8)
    left.set(xlim=(-0.45, apart + 0.65), ylim=(-0.22, max(depths) + 0.1), xticks=[], yticks=[])
    left.grid(False)
    left.set_title("from above")
    for side in left.spines.values():
        side.set_visible(False)
    course = np.linspace(min(depths) * 0.85, max(depths) * 1.05, 100)
    right.plot(
        focal * apart * (1 / plane - 1 / course), course, color=GREY, linewidth=1.2, zorder=1
    )
    right.axvline(0, color=VERMILION, linewidth=1.2)
    right.set(
        xlabel="what the map leaves over (px, no scale)", ylabel="depth Z", xticks=[0],
        ylim=(min(depths) * 0.8, max(depths) * 1.08), yticks=sorted(depths),
        title="in the thermal image, after the map",
    )  # fmt: skip
    return figure


@styled
def two_cameras(
    rgb: np.ndarray,
    thermal: np.ndarray,
    rgb_marks: np.ndarray,
    thermal_marks: np.ndarray,
    *,
    scheme: str = "ibug68",
) -> Figure:
    """What two cameras see of one face, each in its own pixels, and one laid on the other unregistered.

    Args:
        rgb: (H, W, 3) uint8; thermal: (h, w) degrees C.
        rgb_marks, thermal_marks: (K, 2) pixels of each image.
        scheme: of the landmarks.
    """
    height, width = thermal.shape
    scale = max(height / rgb.shape[0], width / rgb.shape[1])
    middle = [
        (a - 1) / 2 - scale * (b - 1) / 2
        for a, b in zip((width, height), rgb.shape[1::-1], strict=True)
    ]
    cover = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]])
    laid = cv2.warpAffine(rgb, cover, (width, height), flags=cv2.INTER_AREA)
    figure = Figure(figsize=(WIDTH, 3.6))
    panels = figure.subplots(1, 3, width_ratios=(rgb.shape[1] / rgb.shape[0], 1, 1))
    pictures = (rgb, thermal, checkerboard(laid, thermal))
    titles = (
        f"RGB camera, {rgb.shape[1]} x {rgb.shape[0]} px",
        f"thermal camera, {width} x {height} px",
        "centre on centre: not registered",
    )
    marks = ([(rgb_marks, SKY)], [(thermal_marks, SKY)])
    overlaid = [(rgb_marks * scale + middle, BLUE), (thermal_marks, GREEN)]
    for axes, picture, title, points in zip(
        panels, pictures, titles, (*marks, overlaid), strict=True
    ):
        axes.imshow(picture, cmap=THERMAL)
        axes.set(title=title, xlabel="x (px)")
        axes.grid(False)
        for found, colour in points:
            for edge in get_scheme(scheme).edges:
                axes.plot(*found[list(edge)].T, color=colour, linewidth=1.2)
    panels[0].set_ylabel("y (px)")
    return figure


@styled
def residual_against_depth(
    depths: np.ndarray,
    residuals: Mapping[str, np.ndarray],
    shares: Mapping[str, np.ndarray],
    *,
    made_for: float,
    limit: float,
    measured: Mapping[str, Sequence[tuple[float, float, float]]] | None = None,
    head: tuple[float, float] | None = None,
) -> Figure:
    """What one map leaves over at other depths, in pixels and as a share of the face.

    Args:
        depths: (N,) metres.
        residuals: a line's name, such as the distance of the cameras -> (N,) thermal pixels.
        shares: the same in percent of the inter-ocular distance.
        made_for: the depth that the map is right for.
        limit: percent above which a pair is refused.
        measured: name -> (depth, pixels, percent) of pairs that were looked at.
        head: the depths from nose tip to ears, shaded.
    """
    figure = Figure(figsize=(WIDTH, 3.8))
    left, right = figure.subplots(1, 2)
    palette = colours(residuals)
    for number, name in enumerate(residuals):
        style = {"color": palette[name], "linestyle": DASHES[number % len(DASHES)]}
        marker = MARKERS[number % len(MARKERS)]
        left.plot(depths, residuals[name], label=name, **style)
        right.plot(depths, shares[name], **style)
        for depth, pixels, percent in (measured or {}).get(name, ()):
            left.plot(depth, pixels, marker=marker, color=palette[name])
            right.plot(depth, percent, marker=marker, color=palette[name])
    for axes in (left, right):
        axes.axvline(made_for, color=GREY, linestyle=":", linewidth=1.2, label="the map's depth")
        if head is not None:
            axes.axvspan(*head, color=SKY, alpha=0.25, linewidth=0, label="nose tip to ears")
        axes.set(xlabel="distance of the face (m)", ylim=(0, None))
    right.axhline(limit, color=BLACK, linewidth=1.2, linestyle="--")
    right.annotate(
        f"limit {limit:g} %", (0.99, limit), xycoords=("axes fraction", "data"), ha="right",
        xytext=(0, 3), textcoords="offset points", fontsize=9,
    )  # fmt: skip
    left.set(ylabel="residual (thermal pixels)")
    right.set(ylabel="residual (% of inter-ocular)")
    left.legend(title="cameras apart", loc="upper right")
    return figure


@styled
def reported_against_true(
    found: Mapping[str, Sequence[tuple[float, float, bool]]], *, limit: float, title: str = ""
) -> Figure:
    """What registrations say of themselves against what they are, a mark a pair.

    Args:
        found: method -> (true, reported, accepted) of each pair, percent of the inter-ocular distance.
        limit: percent above which a pair is refused.
        title: of the figure.
    """
    figure = Figure(figsize=(WIDTH * 0.75, 4.6))
    axes = figure.subplots()
    palette = colours(found)
    values = [value for rows in found.values() for row in rows for value in row[:2]]
    values = [value for value in values if np.isfinite(value) and value > 0] or [1.0]
    ends = min(*values, limit) / 1.5, max(*values, limit) * 1.5
    axes.plot(ends, ends, color=GREY, linewidth=1.2)
    for number, (name, rows) in enumerate(found.items()):
        for true, reported, accepted in rows:
            axes.plot(
                true, reported, marker=MARKERS[number % len(MARKERS)], color=palette[name],
                markerfacecolor=palette[name] if accepted else "none", linestyle="none", markersize=7,
            )  # fmt: skip
        axes.plot([], [], MARKERS[number % len(MARKERS)], color=palette[name], label=name)
    axes.plot([], [], "o", color=BLACK, markerfacecolor="none", label="open: refused")
    for line in (axes.axvline, axes.axhline):
        line(limit, color=BLACK, linewidth=1.2, linestyle="--")
    axes.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, title=title,
        xlabel="true residual (% of inter-ocular)", ylabel="reported residual (% of inter-ocular)",
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        plain_logarithm(axis)
    axes.annotate("reports too much", (0.03, 0.97), xycoords="axes fraction", va="top", color=GREY)
    axes.annotate(
        "reports too little", (0.97, 0.03), xycoords="axes fraction", ha="right", color=GREY
    )
    figure.legend(loc="outside right upper")
    return figure
