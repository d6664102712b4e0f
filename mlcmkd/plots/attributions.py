"""Figures of attributions: which pixels a landmark was found by."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
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
    """One model's answer on N faces: a word, its inputs, and maps (N, P, P), signed."""

    title: str
    images: Images
    maps: Images


@styled
def attribution_grid(
    columns: Sequence[Column], *, landmarks: Images | None = None, landmark: int | None = None
) -> Figure:
    """A face a row; for each model its input beside what the landmark was found by.

    Every map is smoothed a little (1 px of standard deviation, for the eye alone) and divided by the
    99th percentile of its own absolute values: signs and places compare between models, sizes do not.

    Args:
        columns: the models.
        landmarks: (N, K, 2) centred coordinates; `landmark` of them is circled.
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
            grey = pictures[row] if pictures[row].ndim == 2 else pictures[row].mean(axis=-1)
            show_image(left, pictures[row])
            show_image(right, 0.6 + 0.4 * grey, cmap="gray", vmin=0, vmax=1)
            smooth = cv2.GaussianBlur(maps[row].astype(np.float32), (0, 0), 1.0)
            share = smooth / max(float(np.percentile(np.abs(smooth), 99)), 1e-12)
            shown = show_image(
                right, share, cmap="PuOr_r", vmin=-1, vmax=1, alpha=np.clip(np.abs(share), 0, 1)
            )
            if landmarks is not None and landmark is not None:
                for axes in (left, right):
                    x, y = as_array(landmarks)[row, landmark]
                    axes.plot(
                        x,
                        y,
                        marker="o",
                        markersize=10,
                        markerfacecolor="none",
                        markeredgecolor=SKY,
                        markeredgewidth=1.8,
                    )
    bar = figure.colorbar(shown, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
    bar.set_label("contribution / its 99th percentile\n(orange: for, purple: against)")
    return figure


def attribution_maps(
    rgb: Images,
    thermal: Images,
    rgb_maps: Images,
    thermal_maps: Images,
    *,
    landmarks: Images | None = None,
    landmark: int | None = None,
) -> Figure:
    """RGB and thermal side by side for one landmark on the same faces; see `attribution_grid`."""
    columns = [Column("RGB", rgb, rgb_maps), Column("thermal", thermal, thermal_maps)]
    return attribution_grid(columns, landmarks=landmarks, landmark=landmark)


@styled
def completeness_curves(steps: Sequence[int], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Relative completeness error over the number of steps, both logarithmic.

    Args:
        errors: name -> one share for each of `steps`.
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
