"""Figures that show faces: pairs, landmarks on them, heatmaps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from mlcmkd.plots.style import (
    BLACK,
    GREEN,
    SKY,
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
    """Pairs in rows: RGB above its thermal image.

    Args:
        rgb: N images.
        thermal: N images, in `unit`.
        limits: values of the colour bar's ends; those found where None.
        landmarks: (N, K, 2) centred coordinates, drawn on both.
        columns: pairs a row.
        titles: N words, above the RGB images.
    """
    colour, heat = as_images(rgb), as_images(thermal)
    low, high = limits or (float(heat.min()), float(heat.max()))
    columns = min(columns, len(colour))
    rows = -(-len(colour) // columns)
    cell = WIDTH / (columns + 0.8)
    figure = Figure(figsize=(WIDTH, (2.05 * cell + (0.25 if titles else 0.1)) * rows))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    grid = np.atleast_2d(figure.subplots(2 * rows, columns, squeeze=False))
    for axes in grid.flat:
        axes.set_axis_off()
    shown = None
    for number, (photo, warmth) in enumerate(zip(colour, heat, strict=True)):
        row, column = divmod(number, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        show_image(above, photo)
        shown = show_image(below, warmth, vmin=low, vmax=high)
        if titles is not None:
            above.set_title(titles[number], fontsize=8, pad=2)
        if landmarks is not None:
            for axes in (above, below):
                draw_landmarks(axes, as_array(landmarks)[number], get_scheme(scheme), SKY, size=0.8)
    bar = figure.colorbar(shown, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
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
    """Predicted landmarks (orange-red) over annotated ones (green), a face a panel.

    Args:
        images: N RGB or thermal images; thermal ones in [0, 1].
        predicted, true: (N, K, 2) centred coordinates.
        titles: N words, such as the NME of each.
        links: join every predicted landmark with the annotated one of the same name.
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


def _line(colour: str, label: str):
    from matplotlib.lines import Line2D

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
    """How well pairs are registered: a checkerboard of both, and thermal edges over the photo.

    Args:
        rgb: N images; thermal: N images of the same size, any unit.
        landmarks: (N, K, 2) centred coordinates, drawn on a fourth panel of both modalities.
        squares: fields of the board along a side.
        titles: N words, one a row.
    """
    photos = as_images(rgb).astype(np.float32)
    photos = photos / 255 if photos.max() > 1.5 else photos
    heat = as_images(thermal)
    columns = 5 if landmarks is not None else 4
    figure = Figure(figsize=(WIDTH, WIDTH / columns * len(photos) + 0.3))
    grid = figure.subplots(len(photos), columns, squeeze=False)
    names = ["RGB", "thermal", "checkerboard", "thermal contours on RGB", "landmarks on thermal"]
    for row, (photo, warmth) in enumerate(zip(photos, heat, strict=True)):
        low, high = np.percentile(warmth, [1, 99])
        grey = np.clip((warmth - low) / max(high - low, 1e-6), 0, 1)
        show_image(grid[row, 0], photo)
        show_image(grid[row, 1], grey)
        show_image(grid[row, 2], _checkerboard(photo, grey, squares))
        show_image(grid[row, 3], photo)
        level = np.linspace(-0.5, 0.5, grey.shape[0], endpoint=False) + 0.5 / grey.shape[0]
        grid[row, 3].contour(
            level,
            level,
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
    import matplotlib

    rows, columns = np.indices(grey.shape)
    field = (rows * squares // grey.shape[0] + columns * squares // grey.shape[1]) % 2
    warm = matplotlib.colormaps["inferno"](grey)[..., :3]
    return np.where(field[..., None] == 0, photo, warm)


@styled
def thermal_inputs(
    celsius: np.ndarray,
    ways: dict[str, np.ndarray],
    *,
    titles: Sequence[str] | None = None,
) -> Figure:
    """One column a frame: its temperatures, then what each way of scaling makes of it.

    Args:
        celsius: (N, H, W) degrees C.
        ways: name -> (N, H, W) in [0, 1], drawn in grey as a network gets them.
        titles: N words, above the columns.
    """
    count = len(celsius)
    cell = min(2.0, WIDTH / (count + 1.2))
    figure = Figure(figsize=(cell * (count + 1.2), (cell + 0.15) * (1 + len(ways)) + 0.3))
    grid = figure.subplots(1 + len(ways), count, squeeze=False)
    shown = None
    for column in range(count):
        shown = show_image(
            grid[0, column], celsius[column], vmin=float(celsius.min()), vmax=float(celsius.max())
        )
        if titles is not None:
            grid[0, column].set_title(titles[column], fontsize=9)
        for row, images in enumerate(ways.values(), start=1):
            show_image(grid[row, column], images[column], cmap="gray", vmin=0, vmax=1)
    for axes, name in zip(grid[:, 0], ["temperature", *ways], strict=True):
        axes.set_ylabel(name, fontsize=9)
    # Beside all rows, so that the columns stay in line.
    bar = figure.colorbar(
        shown, ax=list(grid.flat), fraction=0.03, pad=0.01, anchor=(0, 1), shrink=0.5
    )
    bar.set_label("temperature (degrees C)")
    return figure


@styled
def heatmaps(
    image: Images,
    logits: Tensor | np.ndarray,
    landmarks: Sequence[int],
    *,
    names: Sequence[str] | None = None,
    true: Images | None = None,
) -> Figure:
    """The probability maps of a few landmarks over one image.

    Args:
        image: (1, C, H, W) tensor or (1, H, W[, 3]) array.
        logits: (K, h, w) unnormalised log-probabilities.
        landmarks: which of the K.
        names: a word for each of them.
        true: (K, 2) centred coordinates, drawn as rings.
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
        # Each map is drawn up to its own peak, and faint where it says nothing.
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
