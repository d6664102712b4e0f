"""Figures of faces: pairs, landmarks, heatmaps."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from mlcmkd.plots.style import (
    BLACK,
    GREEN,
    SKY,
    THERMAL,
    VERMILION,
    WIDTH,
    as_array,
    as_images,
    draw_landmarks,
    show_image,
    styled,
)
from mlcmkd.schemes import get_scheme

Images = Tensor | np.ndarray


@styled
def contact_sheet(
    rgb: Images,
    thermal: Images,
    *,
    unit: str = "degrees C",
    limits: tuple[float, float] | None = None,
    landmarks: Images | None = None,
    scheme: str = "ibug68",
    columns: int = 8,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Pairs of images, RGB above thermal.

    Args:
        rgb: N images.
        thermal: N images, in `unit`.
        unit: unit of the thermal images.
        limits: ends of the colour bar; None for the central 98 % of the values, so that a lamp or the
            sky in a few frames has no effect.
        landmarks: (N, K, 2) centred coordinates, drawn on both images.
        scheme: landmark scheme.
        columns: pairs in a row.
        titles: N titles of the pairs.
    """
    photos, frames = as_images(rgb), as_images(thermal)
    low, high = limits or np.percentile(frames, [1, 99]).tolist()
    columns = min(columns, len(photos))
    rows = -(-len(photos) // columns)
    cell = WIDTH / (columns + 0.8)
    figure = Figure(figsize=(WIDTH, (2.05 * cell + (0.3 if titles else 0.1)) * rows))
    # At small resolutions letters are up to a pixel higher than the layout expects.
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.03 if titles else 0.01, wspace=0, hspace=0)
    grid = np.atleast_2d(figure.subplots(2 * rows, columns, squeeze=False))
    for axes in grid.flat:
        axes.set_axis_off()
    shown = None
    for number, (photo, frame) in enumerate(zip(photos, frames, strict=True)):
        row, column = divmod(number, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        show_image(above, photo)
        shown = show_image(below, frame, vmin=low, vmax=high)
        if titles is not None:
            above.set_title(titles[number], fontsize=8, pad=2)
        if landmarks is not None:
            for axes in (above, below):
                draw_landmarks(axes, as_array(landmarks)[number], get_scheme(scheme), SKY, size=0.8)
    bar = figure.colorbar(
        shown, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30, extend="both"
    )
    bar.set_label(f"thermal image ({unit})")
    return figure


@styled
def landmarks_on(
    images: Images,
    predicted: Images,
    true: Images | None = None,
    *,
    scheme: str = "ibug68",
    titles: Sequence[str] | None = None,
    columns: int = 6,
    links: bool = False,
) -> Figure:
    """Predicted landmarks (orange-red) over annotated ones (green), one panel for each face.

    Args:
        images: N RGB or thermal images; thermal ones in [0, 1].
        predicted, true: (N, K, 2) centred coordinates.
        scheme: landmark scheme.
        titles: N titles, such as the NME of each face.
        columns: faces in a row.
        links: draw a line from every predicted landmark to the annotated one.
    """
    pictures = as_images(images)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    cell = WIDTH / columns
    figure = Figure(figsize=(WIDTH, (cell + 0.25) * rows + 0.3))
    grid = figure.subplots(rows, columns, squeeze=False)
    lines = get_scheme(scheme)
    for axes in grid.flat[len(pictures) :]:
        axes.set_axis_off()
    for number, (axes, picture) in enumerate(zip(grid.flat, pictures, strict=False)):
        show_image(axes, picture, **({"cmap": "gray"} if picture.ndim == 2 else {}))
        if true is not None:
            draw_landmarks(axes, as_array(true)[number], lines, GREEN, size=1.2)
            if links:
                ends = np.stack([as_array(predicted)[number], as_array(true)[number]])
                axes.plot(ends[..., 0], ends[..., 1], color=SKY, linewidth=0.6)
        draw_landmarks(axes, as_array(predicted)[number], lines, VERMILION, size=1.2)
        if titles is not None:
            axes.set_title(titles[number], fontsize=9, pad=3)
    handles = [_line(VERMILION, "predicted")]
    if true is not None:
        handles.append(_line(GREEN, "annotated"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _line(colour: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, label=label, marker="o", markersize=3)


@styled
def pair_overlay(
    rgb: Images,
    thermal: Images,
    *,
    landmarks: Images | None = None,
    scheme: str = "ibug68",
    squares: int = 6,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Registration of pairs: a checkerboard of both images, and thermal contours over the photo.

    Args:
        rgb: N images.
        thermal: N images of the same size, any unit.
        landmarks: (N, K, 2) centred coordinates, drawn on the thermal image in a fifth panel.
        scheme: landmark scheme.
        squares: number of checkerboard fields along a side.
        titles: N titles of the rows.
    """
    photos = as_images(rgb).astype(np.float32)
    photos = photos / 255 if photos.max() > 1.5 else photos
    frames = as_images(thermal)
    columns = 5 if landmarks is not None else 4
    figure = Figure(figsize=(WIDTH, WIDTH / columns * len(photos) + 0.3))
    grid = figure.subplots(len(photos), columns, squeeze=False)
    names = ["RGB", "thermal", "checkerboard", "thermal contours on RGB", "landmarks on thermal"]
    for row, (photo, frame) in enumerate(zip(photos, frames, strict=True)):
        low, high = np.percentile(frame, [1, 99])
        grey = np.clip((frame - low) / max(high - low, 1e-6), 0, 1)
        show_image(grid[row, 0], photo)
        show_image(grid[row, 1], grey)
        show_image(grid[row, 2], _checkerboard(photo, grey, squares))
        show_image(grid[row, 3], photo)
        centres = np.linspace(-0.5, 0.5, grey.shape[0], endpoint=False) + 0.5 / grey.shape[0]
        grid[row, 3].contour(
            centres,
            centres,
            grey,
            levels=[0.25, 0.5, 0.75],
            colors=[SKY, BLACK, VERMILION],
            linewidths=1,
        )
        if landmarks is not None:
            show_image(grid[row, 4], grey)
            marks = as_array(landmarks)[row]
            draw_landmarks(grid[row, 4], marks, get_scheme(scheme), SKY, size=1.1)
        if titles is not None:
            grid[row, 0].set_ylabel(titles[row])
    for axes, name in zip(grid[0], names, strict=False):
        axes.set_title(name, fontsize=9)
    return figure


def _checkerboard(photo: np.ndarray, grey: np.ndarray, squares: int) -> np.ndarray:
    rows, columns = np.indices(grey.shape)
    field = (rows * squares // grey.shape[0] + columns * squares // grey.shape[1]) % 2
    coloured = matplotlib.colormaps[THERMAL](grey)[..., :3]
    return np.where(field[..., None] == 0, photo, coloured)


@styled
def heatmaps(
    image: Images,
    logits: Tensor | np.ndarray,
    landmarks: Sequence[int],
    *,
    names: Sequence[str] | None = None,
    true: Images | None = None,
) -> Figure:
    """Probability maps of some landmarks over one image.

    Args:
        image: (1, C, H, W) tensor or (1, H, W[, 3]) array.
        logits: (K, h, w) unnormalised log-probabilities.
        landmarks: indices of the landmarks to draw.
        names: their names, for the titles.
        true: (K, 2) centred coordinates of the annotation, drawn as rings.
    """
    picture = as_images(image)[0]
    scores = as_array(logits)[list(landmarks)].astype(np.float64)
    weights = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    figure = Figure(figsize=(WIDTH, WIDTH / (len(landmarks) + 0.5) + 0.5))
    grid = figure.subplots(1, len(landmarks), squeeze=False)[0]
    grey = picture if picture.ndim == 2 else picture.mean(axis=-1)
    shown = None
    for axes, number, weight in zip(grid, landmarks, weights, strict=True):
        show_image(axes, grey, cmap="gray")
        # Each map is scaled to its own peak; small probabilities are transparent.
        share = weight / weight.max()
        shown = show_image(
            axes, share, cmap="viridis", vmin=0, vmax=1, alpha=np.clip(1.6 * share, 0, 0.85)
        )
        if true is not None:
            x, y = as_array(true)[number]
            axes.plot(
                x,
                y,
                marker="o",
                markersize=16,
                markerfacecolor="none",
                markeredgecolor=VERMILION,
                markeredgewidth=1.8,
            )
        name = names[list(landmarks).index(number)] if names is not None else f"landmark {number}"
        axes.set_title(f"{name}\npeak {weight.max():.2f}", fontsize=9)
    bar = figure.colorbar(shown, ax=list(grid), fraction=0.025, pad=0.01)
    bar.set_label("probability / peak")
    return figure
