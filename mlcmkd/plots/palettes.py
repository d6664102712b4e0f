"""Figures of false colours: what was read from them, and how well they fit their palette."""

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import THERMAL, WIDTH, styled


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
        image: (H, W, 3) uint8, as the file holds it.
        levels: (H, W), 0 (cold) to 1 (warm), as `mlcmkd.data.thermal.palettes.invert` reads them.
        residual: (H, W), RGB distance of each pixel from the palette, 0 to 441.
        tolerance: end of the distance's colour bar: what is at the end lies off the palette; None
            for the largest distance found.
        title: above the image, such as the palette's name.
    """
    height, width = levels.shape
    tall = WIDTH / 3 * min(height / width, 1.5)
    figure = Figure(figsize=(WIDTH, tall + 1.0))
    axes, bars = figure.subplots(2, 3, height_ratios=(tall, 0.15))
    end = tolerance if tolerance is not None else max(float(residual.max()), 1.0)
    axes[0].imshow(image)
    bars[0].set_axis_off()
    for place, below, values, top, label in (
        (axes[1], bars[1], levels, 1.0, "level (0 cold, 1 warm)"),
        (axes[2], bars[2], residual, end, "distance from the palette (RGB)"),
    ):
        shown = place.imshow(values, cmap=THERMAL, vmin=0, vmax=top)
        extend = "max" if float(values.max()) > top else "neither"
        bar = figure.colorbar(shown, cax=below, orientation="horizontal", extend=extend)
        bar.set_label(label)
    for place, words in zip(axes, (title or "as stored", "read back", "does it fit?"), strict=True):
        place.set_title(words)
        place.set_axis_off()
    return figure
