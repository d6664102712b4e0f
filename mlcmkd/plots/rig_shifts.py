"""Figure of a registration by landmarks: found shifts of the pairs against the true ones."""

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import BLACK, BLUE, GREY, VERMILION, WIDTH, styled


@styled
def found_against_true(true: np.ndarray, found: np.ndarray, *, title: str = "") -> Figure:
    """Found shifts of the RGB images against the true ones, horizontal and vertical.

    Args:
        true: (N, 2) shifts, pixels of the input.
        found: (N, 2) shifts that a registration found.
        title: title of the figure; root mean square error and correlation are added.
    """
    error = np.sqrt(np.square(found - true).sum(axis=1).mean())
    correlation = np.corrcoef(true.ravel(), found.ravel())[0, 1]
    reach = 1.1 * max(np.abs(true).max(), np.abs(found).max())
    figure = Figure(figsize=(WIDTH * 0.75, 3.9))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axis, (axes, name, colour, marker) in enumerate(
        zip(panels, ("horizontal", "vertical"), (BLUE, VERMILION), ("o", "s"), strict=True)
    ):
        axes.plot((-reach, reach), (-reach, reach), color=GREY, linewidth=1.2)
        axes.plot(
            true[:, axis], found[:, axis], marker, color=colour, markersize=3, alpha=0.4, mew=0
        )
        axes.set_title(name, color=BLACK)
        axes.set_xlabel("true shift (pixels of the input)")
        axes.set_aspect("equal")
    panels[0].set_ylabel("found shift (pixels)")
    panels[0].set(xlim=(-reach, reach), ylim=(-reach, reach))
    figure.suptitle(f"{title}: error {error:.1f} px, correlation {correlation:.2f}".lstrip(": "))
    return figure
