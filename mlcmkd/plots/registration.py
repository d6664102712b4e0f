"""Figures of registration: two cameras, aligned images, and residuals."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
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
    """Pairs in rows: the warped photo, a checkerboard of both images, thermal edges over the photo.

    Args:
        rgb: (H, W, 3) uint8 images in thermal pixel geometry; sizes may differ from pair to pair.
        thermal: (H, W) images, any unit.
        tile: size of the checkerboard's fields, pixels; None for an eighth of the shorter side.
        titles: titles of the rows, such as the residual.

    Raises:
        InputError: the images of a pair differ in size.
    """
    figure = Figure(figsize=(WIDTH, WIDTH / 3 * len(rgb) + 0.3))
    grid = figure.subplots(len(rgb), 3, squeeze=False)
    for row, (photo, frame) in enumerate(zip(rgb, thermal, strict=True)):
        pictures = (photo, checkerboard(photo, frame, tile), edge_overlay(photo, frame))
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
def two_cameras(
    rgb: np.ndarray,
    thermal: np.ndarray,
    rgb_marks: np.ndarray,
    thermal_marks: np.ndarray,
    *,
    scheme: str = "ibug68",
) -> Figure:
    """The images of two cameras, and one over the other without registration.

    Args:
        rgb: (H, W, 3) uint8.
        thermal: (h, w), degrees C.
        rgb_marks, thermal_marks: (K, 2) landmarks in pixels of each image.
        scheme: landmark scheme.
    """
    height, width = thermal.shape
    scale = max(height / rgb.shape[0], width / rgb.shape[1])
    middle = [
        (a - 1) / 2 - scale * (b - 1) / 2
        for a, b in zip((width, height), rgb.shape[1::-1], strict=True)
    ]
    cover = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]])
    covering = cv2.warpAffine(rgb, cover, (width, height), flags=cv2.INTER_AREA)
    figure = Figure(figsize=(WIDTH, 3.6))
    panels = figure.subplots(1, 3, width_ratios=(rgb.shape[1] / rgb.shape[0], 1, 1))
    pictures = (rgb, thermal, checkerboard(covering, thermal))
    titles = (
        f"RGB camera, {rgb.shape[1]} x {rgb.shape[0]} px",
        f"thermal camera, {width} x {height} px",
        "centres aligned: not registered",
    )
    marks = ([(rgb_marks, SKY)], [(thermal_marks, SKY)])
    overlaid = [(rgb_marks * scale + middle, BLUE), (thermal_marks, GREEN)]
    for axes, picture, title, points in zip(
        panels, pictures, titles, (*marks, overlaid), strict=True
    ):
        axes.imshow(picture, cmap=THERMAL)
        axes.set(title=title, xlabel="x (px)")
        axes.grid(False)
        for landmarks, colour in points:
            for edge in get_scheme(scheme).edges:
                axes.plot(*landmarks[list(edge)].T, color=colour, linewidth=1.2)
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
    """Residual of one registration against depth, in pixels and relative to the face.

    Args:
        depths: (N,) metres.
        residuals: name of a line, such as the distance of the cameras -> (N,) residuals, thermal pixels.
        shares: the same residuals in percent of the inter-ocular distance.
        made_for: the depth of the registration, metres.
        limit: percent above which a pair is rejected.
        measured: name -> (depth, pixels, percent) of measured pairs.
        head: the depths of nose tip and ears, metres; the range between them is shaded.
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
        axes.axvline(
            made_for, color=GREY, linestyle=":", linewidth=1.2, label="depth of the registration"
        )
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
    left.legend(title="distance of cameras", loc="upper right")
    return figure


@styled
def reported_against_true(
    residuals: Mapping[str, Sequence[tuple[float, float, bool]]], *, limit: float, title: str = ""
) -> Figure:
    """Reported residuals against true residuals, a mark for each pair.

    Args:
        residuals: method -> (true, reported, accepted) of each pair, percent of the inter-ocular
            distance.
        limit: percent above which a pair is rejected.
        title: title of the figure.
    """
    figure = Figure(figsize=(WIDTH * 0.75, 4.6))
    axes = figure.subplots()
    palette = colours(residuals)
    values = [value for rows in residuals.values() for row in rows for value in row[:2]]
    values = [value for value in values if np.isfinite(value) and value > 0] or [1.0]
    ends = min(*values, limit) / 1.5, max(*values, limit) * 1.5
    axes.plot(ends, ends, color=GREY, linewidth=1.2)
    for number, (name, rows) in enumerate(residuals.items()):
        for true, reported, accepted in rows:
            axes.plot(
                true, reported, marker=MARKERS[number % len(MARKERS)], color=palette[name],
                markerfacecolor=palette[name] if accepted else "none", linestyle="none", markersize=7,
            )  # fmt: skip
        axes.plot([], [], MARKERS[number % len(MARKERS)], color=palette[name], label=name)
    axes.plot([], [], "o", color=BLACK, markerfacecolor="none", label="open: rejected")
    for line in (axes.axvline, axes.axhline):
        line(limit, color=BLACK, linewidth=1.2, linestyle="--")
    axes.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, title=title,
        xlabel="true residual (% of inter-ocular)", ylabel="reported residual (% of inter-ocular)",
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        plain_logarithm(axis)
    axes.annotate("overestimated", (0.03, 0.97), xycoords="axes fraction", va="top", color=GREY)
    axes.annotate("underestimated", (0.97, 0.03), xycoords="axes fraction", ha="right", color=GREY)
    figure.legend(loc="outside right upper")
    return figure
