"""Figures of thermal images: temperatures, network inputs, and palettes of false-colour images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import DASHES, GREY, THERMAL, WIDTH, colours, show_image, styled


@styled
def temperature_histogram(
    celsius: Mapping[str, np.ndarray], *, limits: tuple[float, float] | None = None
) -> Figure:
    """Distribution of temperatures.

    Args:
        celsius: name -> degrees C, any shape.
        limits: range of the radiometry, degrees C; temperatures outside are shaded.
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
        celsius: (N, H, W) degrees C.
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


@styled
def palette_inversion(
    image: np.ndarray,
    levels: np.ndarray,
    residual: np.ndarray,
    *,
    tolerance: float | None = None,
    title: str = "",
) -> Figure:
    """A false-colour image beside its levels and its distance from the palette.

    Args:
        image: (H, W, 3) uint8, as stored.
        levels: (H, W), 0 (cold) to 1 (warm), from `mlcmkd.data.thermal.palettes.invert`.
        residual: (H, W), RGB distance of each pixel from the palette, 0 to 441.
        tolerance: upper end of the colour bar of the distance, beyond which a pixel is not in the
            palette; None for the largest distance.
        title: above the image, such as the palette's name.
    """
    height, width = levels.shape
    tall = WIDTH / 3 * min(height / width, 1.5)
    figure = Figure(figsize=(WIDTH, tall + 1.0))
    axes, bars = figure.subplots(2, 3, height_ratios=(tall, 0.15))
    end = tolerance if tolerance is not None else max(float(residual.max()), 1.0)
    axes[0].imshow(image)
    bars[0].set_axis_off()
    for panel, bar_axes, values, top, label in (
        (axes[1], bars[1], levels, 1.0, "level (0 cold, 1 warm)"),
        (axes[2], bars[2], residual, end, "distance from the palette (RGB)"),
    ):
        image = panel.imshow(values, cmap=THERMAL, vmin=0, vmax=top)
        extend = "max" if float(values.max()) > top else "neither"
        bar = figure.colorbar(image, cax=bar_axes, orientation="horizontal", extend=extend)
        bar.set_label(label)
    for panel, heading in zip(
        axes, (title or "as stored", "levels", "distance from the palette"), strict=True
    ):
        panel.set_title(heading)
        panel.set_axis_off()
    return figure
