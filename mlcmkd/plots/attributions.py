"""Figures of attribution maps."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mlcmkd.plots.style import (
    DASHES,
    MARKERS,
    SKY,
    WIDTH,
    as_array,
    as_images,
    colours,
    plain_logarithm,
    show_image,
    styled,
)

Images = Tensor | np.ndarray


class Column(NamedTuple):
    """A model's name, its N input images, and its signed attribution maps, (N, P, P)."""

    title: str
    images: Images
    maps: Images


_LEGEND = "contribution / its 99th percentile\n(orange: for, purple: against)"


def _show_map(axes: Axes, picture: np.ndarray, values: np.ndarray) -> Any:
    """Draws a signed map (P, P) over its image in light grey; see `attribution_grid`."""
    grey = picture if picture.ndim == 2 else picture.mean(axis=-1)
    grey = grey / 255 if picture.dtype == np.uint8 else grey
    show_image(axes, 0.6 + 0.4 * grey, cmap="gray", vmin=0, vmax=1)
    smooth = cv2.GaussianBlur(values.astype(np.float32), (0, 0), 1.0)
    share = smooth / max(float(np.percentile(np.abs(smooth), 99)), 1e-12)
    return show_image(
        axes, share, cmap="PuOr_r", vmin=-1, vmax=1, alpha=np.clip(np.abs(share), 0, 1)
    )


def _circle(
    axes: Axes, landmarks: Images | None, landmark: int | Sequence[int] | None, face: int
) -> None:
    """Draws rings around landmarks of a face, smaller if there are several."""
    if landmarks is None or landmark is None:
        return
    several = [landmark] if isinstance(landmark, int) else list(landmark)
    places = as_array(landmarks)[face, several]
    axes.plot(
        places[:, 0],
        places[:, 1],
        linestyle="none",
        marker="o",
        markersize=10 if len(several) == 1 else 3.5,
        markerfacecolor="none",
        markeredgecolor=SKY,
        markeredgewidth=1.8 if len(several) == 1 else 0.9,
    )


@styled
def attribution_grid(
    columns: Sequence[Column],
    *,
    landmarks: Images | None = None,
    landmark: int | Sequence[int] | None = None,
) -> Figure:
    """Faces in rows; for each model its input and its attribution map.

    For display, maps are smoothed (standard deviation 1 px) and divided by the 99th percentile of their
    absolute values: signs and places are comparable between models, magnitudes are not.

    Args:
        columns: the models.
        landmarks: (N, K, 2) centred coordinates.
        landmark: index or indices of the landmarks that are marked with rings.
    """
    count = len(columns[0].images)
    cell = WIDTH / (2 * len(columns) + 0.6)
    figure = Figure(figsize=(WIDTH, (cell + 0.05) * count + 0.5))
    grid = figure.subplots(count, 2 * len(columns), squeeze=False)
    shown = None
    for number, column in enumerate(columns):
        pictures, maps = as_images(column.images), as_array(column.maps)
        grid[0, 2 * number].set_title(f"{column.title}: input", fontsize=9)
        grid[0, 2 * number + 1].set_title(f"{column.title}: attribution", fontsize=9)
        for row in range(count):
            left, right = grid[row, 2 * number], grid[row, 2 * number + 1]
            show_image(left, pictures[row])
            shown = _show_map(right, pictures[row], maps[row])
            for axes in (left, right):
                _circle(axes, landmarks, landmark, row)
    bar = figure.colorbar(shown, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
    bar.set_label(_LEGEND)
    return figure


def attribution_maps(
    rgb: Images,
    thermal: Images,
    rgb_maps: Images,
    thermal_maps: Images,
    *,
    landmarks: Images | None = None,
    landmark: int | Sequence[int] | None = None,
) -> Figure:
    """Attribution maps of an RGB and a thermal model on the same faces; see `attribution_grid`.

    Args:
        rgb, thermal: N input images each.
        rgb_maps, thermal_maps: (N, P, P) signed attribution maps.
        landmarks: (N, K, 2) centred coordinates.
        landmark: index or indices of the landmarks that are marked with rings.
    """
    columns = [Column("RGB", rgb, rgb_maps), Column("thermal", thermal, thermal_maps)]
    return attribution_grid(columns, landmarks=landmarks, landmark=landmark)


@styled
def method_grid(
    rows: Sequence[tuple[str, Images, Mapping[str, Images]]],
    *,
    landmarks: Images | None = None,
    landmark: int | Sequence[int] | None = None,
) -> Figure:
    """Maps of one face by several methods; a row for each model, a column for each method.

    Maps are drawn as in `attribution_grid`.

    Args:
        rows: name, images (N, ...) and maps by method, each (N, P, P); the first face is drawn.
        landmarks: (N, K, 2) centred coordinates.
        landmark: index or indices of the landmarks that are marked with rings.
    """
    methods = list(rows[0][2])
    cell = WIDTH / (len(methods) + 1.5)
    figure = Figure(figsize=(WIDTH, (cell + 0.1) * len(rows) + 0.5))
    grid = figure.subplots(len(rows), len(methods) + 1, squeeze=False)
    shown = None
    for axes, title in zip(grid[0], ["input", *methods], strict=True):
        axes.set_title(title.replace("integrated-gradients", "integrated\ngradients"), fontsize=9)
    for line, (name, images, maps) in zip(grid, rows, strict=True):
        picture = as_images(images)[0]
        show_image(line[0], picture)
        line[0].set_ylabel(name)
        for axes, method in zip(line[1:], methods, strict=True):
            shown = _show_map(axes, picture, as_array(maps[method])[0])
        for axes in line:
            _circle(axes, landmarks, landmark, 0)
    bar = figure.colorbar(shown, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
    bar.set_label(_LEGEND, fontsize=8)
    return figure


@styled
def completeness_curves(steps: Sequence[int], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Completeness error over the number of steps, both logarithmic.

    Args:
        steps: numbers of steps.
        errors: name -> relative error for each of `steps`, shares.
    """
    figure = Figure(figsize=(WIDTH * 0.6, 3.2))
    axes = figure.subplots()
    for number, (name, colour) in enumerate(colours(errors).items()):
        axes.plot(
            steps,
            [100 * error for error in errors[name]],
            label=name,
            color=colour,
            marker=MARKERS[number % len(MARKERS)],
            linestyle=DASHES[number % len(DASHES)],
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="steps from baseline to image",
        ylabel="completeness error (%)",
    )
    plain_logarithm(axes.yaxis)
    axes.set_xticks(list(steps), [str(count) for count in steps])
    axes.set_xticks([], minor=True)
    axes.legend()
    return figure
