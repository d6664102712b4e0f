"""Figures of the rendering of synthetic faces: images without parts of the physics."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import WIDTH, show_image, styled

_DIFFERENCE = "RdBu_r"  # red where a part of the physics warms, blue where it cools


@styled
def switched_off(
    everything: np.ndarray,
    without: Mapping[str, np.ndarray],
    *,
    limits: tuple[float, float] | None = None,
    largest: float | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Complete thermal images, images without a part of the rendering, and their differences.

    There are two rows for each face: the images, and below them the complete image minus the image
    without the part.

    Args:
        everything: (N, S, S), degrees C, rendered with all parts.
        without: name of a part -> (N, S, S), degrees C, rendered without this part.
        limits: ends of the colour bar of the images; None for the central 98 % of `everything`.
        largest: end of the colour bar of the differences, degrees C; None for the 99th percentile.
        titles: N names of the faces.
    """
    low, high = limits or _limits(everything)
    differences = {name: everything - images for name, images in without.items()}
    every = np.abs(np.stack(list(differences.values())))
    largest = largest or max(float(np.percentile(every, 99)), 1e-3)
    count, columns = len(everything), 1 + len(without)
    cell = WIDTH / (columns + 0.7)
    figure = Figure(figsize=(WIDTH, 2 * count * cell + 0.5))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0.01)
    grid = figure.subplots(2 * count, columns, squeeze=False)
    for axes in grid[:, 0]:
        axes.set_axis_off()
    for face in range(count):
        above, below = grid[2 * face], grid[2 * face + 1]
        warm = show_image(above[0], everything[face], vmin=low, vmax=high)
        if titles is not None:
            below[0].text(0.5, 0.8, titles[face], ha="center", transform=below[0].transAxes)
        for column, (name, images) in enumerate(without.items(), start=1):
            show_image(above[column], images[face], vmin=low, vmax=high)
            added = show_image(
                below[column], differences[name][face],
                cmap=_DIFFERENCE, vmin=-largest, vmax=largest,
            )  # fmt: skip
    grid[0, 0].set_title("everything", fontsize=9)
    for axes, name in zip(grid[0, 1:], without, strict=True):
        axes.set_title(f"without {name}", fontsize=9)
    bars = {"temperature (degrees C)": warm, "everything minus without (degrees C)": added}
    for label, image in bars.items():
        bar = figure.colorbar(
            image, ax=list(grid.flat), location="bottom", fraction=0.03, pad=0.01, aspect=40,
            extend="both",
        )  # fmt: skip
        bar.set_label(label)
    return figure


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Ends of the central 98 % of the values, at least 0.001 apart."""
    low, high = np.nanpercentile(values, [1, 99])
    return float(low), float(max(high, low + 1e-3))
