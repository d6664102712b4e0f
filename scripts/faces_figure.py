"""The README's picture of the synthetic faces: RGB, thermal and landmarks, one pair per column.

    python scripts/faces_figure.py docs/figures/faces.png

The faces are the first of ten people of the test split.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.plots.style import ORANGE, SKY, WIDTH, centred, show_image, styled
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.part import Occluder

COLUMNS = 10
FACE_PX = 160
FIRST_IDENTITY = 2_000_000  # of the test split


@styled
def draw() -> Figure:
    """Three rows: RGB, thermal, and the landmarks by whether the thermal camera sees them."""
    faces = make_faces(COLUMNS, size=FACE_PX, first_identity=FIRST_IDENTITY, faces_per_identity=1)
    figure = Figure(figsize=(WIDTH, WIDTH / COLUMNS * 3 + 0.3))
    grid = figure.subplots(3, COLUMNS)
    for column in range(COLUMNS):
        heat = faces.thermal[column]
        low, high = np.percentile(heat, (1, 99))
        show_image(grid[0, column], faces.rgb[column])
        show_image(grid[1, column], heat, vmin=low, vmax=high)
        show_image(grid[2, column], heat, vmin=low, vmax=high, cmap="gray")
        points = centred(faces.landmarks[column], FACE_PX)
        seen = faces.hidden_by[column] == Occluder.NOTHING
        for chosen, colour in ((seen, SKY), (~seen, ORANGE)):
            grid[2, column].scatter(*points[chosen].T, s=4, color=colour, linewidths=0)
    for row, label in enumerate(("RGB", "thermal", "landmarks")):
        grid[row, 0].set_ylabel(label, fontsize=9)
    figure.suptitle(
        "rendered pairs; landmarks that the thermal camera sees (blue) or not (orange)", fontsize=9
    )
    return figure


if __name__ == "__main__":
    draw().savefig(sys.argv[1], dpi=96)
