"""Figures of thermal images: temperatures and network inputs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import DASHES, GREY, WIDTH, colours, show_image, styled


@styled
def temperature_histogram(
    celsius: Mapping[str, np.ndarray], *, limits: tuple[float, float] | None = None
) -> Figure:
    """Distribution of temperatures.

    Args:
        celsius: name -> temperatures of any shape, degrees C.
        limits: temperature range of the network's input, degrees C; temperatures outside it are shaded.
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


@styled
def thermal_inputs(
    celsius: np.ndarray,
    inputs: Mapping[str, np.ndarray],
    *,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Frames in columns: temperatures, and the network inputs of several normalisations.

    Args:
        celsius: (N, H, W), degrees C.
        inputs: name of the normalisation -> (N, H, W) in [0, 1], drawn in grey.
        titles: N titles of the columns.
    """
    count = len(celsius)
    cell = min(2.0, WIDTH / (count + 1.2))
    figure = Figure(figsize=(cell * (count + 1.2), (cell + 0.15) * (1 + len(inputs)) + 0.3))
    grid = figure.subplots(1 + len(inputs), count, squeeze=False)
    shown = None
    for column in range(count):
        shown = show_image(
            grid[0, column], celsius[column], vmin=float(celsius.min()), vmax=float(celsius.max())
        )
        if titles is not None:
            grid[0, column].set_title(titles[column], fontsize=9)
        for row, images in enumerate(inputs.values(), start=1):
            show_image(grid[row, column], images[column], cmap="gray", vmin=0, vmax=1)
    for axes, name in zip(grid[:, 0], ["temperature", *inputs], strict=True):
        axes.set_ylabel(name, fontsize=9)
    # Beside all rows, so that the columns stay aligned.
    bar = figure.colorbar(
        shown, ax=list(grid.flat), fraction=0.03, pad=0.01, anchor=(0, 1), shrink=0.5
    )
    bar.set_label("temperature (degrees C)")
    return figure
