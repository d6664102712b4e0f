"""Figures of the shape model: its modes, and hard landmarks with the soft ones derived from them."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.evaluation.metrics import point_errors
from mlcmkd.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    WIDTH,
    as_array,
    as_images,
    draw_landmarks,
    show_image,
    styled,
)
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

Images = Tensor | np.ndarray

DEVIATIONS = (-3.0, -1.5, 0.0, 1.5, 3.0)


def _line(colour: str, label: str, *, size: float = 1.0) -> Line2D:
    return Line2D(
        [], [], color=colour, label=label, marker="o", markersize=3 * size, linewidth=1.5 * size
    )


@styled
def shape_modes(model: ShapeModel, modes: int = 3) -> Figure:
    """Modes of a shape model in rows, from -3 to 3 standard deviations around the mean shape.

    Args:
        model: the shape model.
        modes: number of modes, in order of variance; at most those of the model.

    Raises:
        InputError: fewer than one mode.
    """
    if modes < 1:
        raise InputError(f"modes {modes}: give at least one")
    scheme = get_scheme(model.scheme)
    modes = min(modes, len(model.modes))
    shapes = np.array([[model.mode(row, sd) for sd in DEVIATIONS] for row in range(modes)])
    mean = as_array(model.mean)
    low, high = shapes.min(axis=(0, 1, 2)), shapes.max(axis=(0, 1, 2))
    margin = 0.05 * (high - low).max()
    width, height = high - low + 2 * margin
    cell = WIDTH / (len(DEVIATIONS) + 0.3)
    figure = Figure(figsize=(WIDTH, cell * height / width * modes + 0.7))
    grid = figure.subplots(modes, len(DEVIATIONS), squeeze=False)
    for row, column in np.ndindex(grid.shape):
        axes = grid[row, column]
        draw_landmarks(axes, mean, scheme, GREY, size=0.9)
        draw_landmarks(axes, shapes[row, column], scheme, BLUE, size=1.3)
        axes.set(
            xlim=(low[0] - margin, high[0] + margin),
            ylim=(high[1] + margin, low[1] - margin),  # y points down, as in images
            aspect="equal",
            xticks=[],
            yticks=[],
        )
        axes.spines[:].set_visible(False)
    for axes, sd in zip(grid[0], DEVIATIONS, strict=True):
        axes.set_title(f"{sd:+g} sd" if sd else "mean")
    for row, share in enumerate(model.shares[:modes]):
        grid[row, 0].set_ylabel(f"mode {row + 1}: {100 * share:.1f} %\nof the variance")
    handles = [_line(BLUE, "shape"), _line(GREY, "mean shape")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


@styled
def hard_and_soft(
    images: Images, hard: Images, soft: Images, scheme: str, *, columns: int = 4
) -> Figure:
    """Soft landmarks (orange) over hard landmarks (green, broad), and their distance.

    Hard landmarks are annotations, soft landmarks their projections by a shape model. The number above a
    face is their mean distance over the points, in percent of the hard landmarks' inter-ocular distance.

    Args:
        images: N RGB or thermal images, thermal ones in [0, 1].
        hard, soft: (N, K, 2) centred coordinates.
        scheme: landmark scheme of both.
        columns: faces in a row.

    Raises:
        InputError: a face whose outer eye corners coincide.
    """
    pictures, hard, soft = as_images(images), as_array(hard), as_array(soft)
    distance = point_errors(soft, hard, scheme, "inter-ocular").mean(axis=1)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    cell = WIDTH / max(columns, 3)
    figure = Figure(figsize=(WIDTH, (cell + 0.25) * rows + 0.5))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(pictures) :]:
        axes.set_axis_off()
    for number, (axes, picture) in enumerate(zip(grid.flat, pictures, strict=False)):
        show_image(axes, picture, **({"cmap": "gray"} if picture.ndim == 2 else {}))
        draw_landmarks(axes, hard[number], get_scheme(scheme), GREEN, size=2.2)
        draw_landmarks(axes, soft[number], get_scheme(scheme), ORANGE, size=1.2)
        axes.set_title(f"{100 * distance[number]:.1f} % apart", fontsize=9, pad=3)
    figure.legend(
        handles=[_line(GREEN, "hard landmarks", size=1.6), _line(ORANGE, "soft landmarks")],
        title="apart: mean distance of hard and soft landmarks, % of the inter-ocular distance",
        loc="outside lower center",
        ncols=2,
    )
    return figure
