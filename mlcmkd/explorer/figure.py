"""The explorer's picture: RGB and thermal side by side, as images and as what a model makes of them.

Most of the time of a figure goes into setting it up and into what never changes. Here that is done
once, and a change only draws the pictures, marks and words that differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlcmkd.plots.style import GREEN, SKY, STYLE, THERMAL, VERMILION, WIDTH, show_image
from mlcmkd.schemes import Scheme, get_scheme

SIDES = ("rgb", "thermal")
KINDS = ("image", "heatmap", "features", "attribution")  # in the order in which they are drawn
_DPI = 100
_CELL = WIDTH / 4.55  # inches of a picture's side: four of them and the colour bars make a row
_TITLE, _HEADER, _FOOTER, _GAP = 0.36, 0.46, 0.34, 0.08  # inches


class Side(NamedTuple):
    """One side of a pair, and what a model makes of it.

    Attributes:
        image: (P, P, 3) RGB, or (P, P) thermal, in [0, 1].
        predicted: (K, 2) centred coordinates.
        true: (K, 2) centred coordinates, or None without a label.
        heatmap: (h, w) probability of the chosen landmark's place; None where there is none.
        components: (h, w, 3) in [0, 1], see `invariance.FeatureColours`; None where not asked for.
        attribution: (P, P) signed; None where not asked for, or not there yet.
        titles: up to three lines of words for each of `KINDS` that is drawn.
    """

    image: np.ndarray
    predicted: np.ndarray
    true: np.ndarray | None
    heatmap: np.ndarray | None
    components: np.ndarray | None
    attribution: np.ndarray | None
    titles: Mapping[str, str]


class ExplorerFigure:
    """A figure that is set up once and then only told what has changed.

    Args:
        kinds: what is drawn beside the images, of `KINDS`.
        scheme: landmark scheme.
        limits: what the thermal image's 0 and 1 stand for, in `unit`.

    Attributes:
        figure: the matplotlib Figure.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        scheme: str,
        limits: tuple[float, float],
        unit: str = "degrees C",
    ):
        with matplotlib.rc_context(STYLE):
            self._kinds = [kind for kind in KINDS if kind == "image" or kind in kinds]
            self._scheme = get_scheme(scheme)
            self._build()
            self._bars(limits, unit)
        self._canvas = FigureCanvasAgg(self.figure)
        self._still: tuple[tuple[float, float], Any] | None = None  # limits; pixels that stay

    def update(
        self, sides: Sequence[Side], landmark: int, title: str, limits: tuple[float, float]
    ) -> None:
        """Draws other values: the RGB and the thermal side, and which landmark is chosen."""
        self._title.set_text(title)
        self._temperature.set_clim(*limits)
        for name, side in zip(SIDES, sides, strict=True):
            grey = side.image if side.image.ndim == 2 else side.image.mean(axis=-1)
            for kind in self._kinds:
                self._cells[name, kind].update(kind, side, grey, landmark)

    def png(self) -> bytes:
        """The figure as it stands."""
        with matplotlib.rc_context(STYLE):
            limits = self._temperature.get_clim()
            if self._still is None or self._still[0] != limits:
                self._canvas.draw()  # leaves out what is animated
                self._still = limits, self._canvas.copy_from_bbox(self.figure.bbox)
            else:
                self._canvas.restore_region(self._still[1])
            self.figure.draw_artist(self._title)
            for cell in self._cells.values():
                cell.draw()
        pixels = cv2.cvtColor(np.asarray(self._canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
        # Little compression: the picture goes to a browser nearby, and time counts.
        return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()

    def _build(self) -> None:
        """Panels in pairs, RGB beside thermal, two kinds a row."""
        columns, rows = 2 * min(2, len(self._kinds)), -(-len(self._kinds) // 2)
        width = max(6.4, columns * (_CELL + _GAP) + 1.0)
        height = _TITLE + rows * (_CELL + _HEADER) + _FOOTER
        self.figure = Figure(figsize=(width, height), dpi=_DPI)
        self.figure.set_layout_engine("none")  # every place is known; laying out takes time
        self._cells: dict[tuple[str, str], _Cell] = {}
        for number, kind in enumerate(self._kinds):
            row, pair = divmod(number, 2)
            bottom = height - _TITLE - (row + 1) * (_CELL + _HEADER)
            for side, name in enumerate(SIDES):
                left = 0.1 + (2 * pair + side) * (_CELL + _GAP)
                place = (left / width, bottom / height, _CELL / width, _CELL / height)
                cell = self.figure.add_axes(place)
                self._cells[name, kind] = _Cell(cell, self._scheme, kind)
        # On the first panel and not on the figure, which does not draw animated words when it is saved.
        self._title = self._cells["rgb", "image"].axes.text(
            0.1 / width,
            1 - 0.13 / height,
            "",
            transform=self.figure.transFigure,
            va="top",
            fontsize=10.5,
            weight="bold",
            animated=True,
        )
        handles = [
            Line2D([], [], color=VERMILION, marker="o", markersize=3, label="predicted"),
            Line2D([], [], color=GREEN, marker="o", markersize=3, label="annotated"),
            _ring("the chosen landmark, as predicted", SKY),
        ]
        self.figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.02 / width, 0.0),
            ncols=3,
            fontsize=8.5,
            handlelength=1.6,
        )

    def _bars(self, limits: tuple[float, float], unit: str) -> None:
        """A colour bar right of each row: temperature above, attribution below."""
        width, height = self.figure.get_size_inches()
        left = 0.16 + 2 * min(2, len(self._kinds)) * (_CELL + _GAP)
        self._temperature = ScalarMappable(Normalize(*limits), THERMAL)
        # A lone attribution beside the images shares their row: the bar is then cut in two.
        halves = self._kinds == ["image", "attribution"]
        bars = [(self._temperature, f"thermal ({unit})" if halves else f"thermal image ({unit})")]
        if "attribution" in self._kinds:
            signed = ScalarMappable(Normalize(-1, 1), "PuOr_r")
            words = "contribution" if halves else "contribution / its 99th percentile"
            bars.append((signed, words))
        for number, (colours, words) in enumerate(bars):
            row = 0 if number == 0 else (len(self._kinds) - 1) // 2
            bottom = height - _TITLE - (row + 1) * (_CELL + _HEADER)
            tall = _CELL * (0.46 if halves else 1)
            base = bottom + (_CELL - tall if halves and number == 0 else 0)
            axes = self.figure.add_axes((left / width, base / height, 0.13 / width, tall / height))
            bar = self.figure.colorbar(colours, cax=axes)
            bar.set_label(words, fontsize=8)
            axes.tick_params(labelsize=8)


def explorer_view(
    sides: Sequence[Side],
    landmark: int,
    title: str,
    *,
    scheme: str,
    limits: tuple[float, float],
    unit: str = "degrees C",
) -> Figure:
    """One picture of the explorer, to keep: RGB beside thermal, and what models make of them.

    Args:
        sides: RGB, then thermal; drawn is what their titles name.
        landmark: the chosen one, ringed.
        title: of the whole.
        scheme: landmark scheme.
        limits: what the thermal image's 0 and 1 stand for, in `unit`.
    """
    drawn = ExplorerFigure(list(sides[0].titles), scheme, limits, unit)
    drawn.update(sides, landmark, title, limits)
    return drawn.figure


class _Cell:
    """One panel: a picture below, marks above."""

    def __init__(self, axes: Axes, scheme: Scheme, kind: str):
        empty = np.zeros((2, 2, 4))
        self.axes = axes
        # Cells are drawn as cells: smoothed they would look finer than they are.
        self._below = show_image(axes, empty, interpolation="nearest")
        axes.set_axis_off()  # there are no ticks, and looking for them takes time
        self._above = show_image(axes, empty, interpolation="nearest")
        self._words = axes.set_title("", fontsize=8, pad=3, loc="left", linespacing=1.15)
        self._marks = None
        if kind == "image":
            self._marks = [_Marks(axes, scheme, colour) for colour in (GREEN, VERMILION)]
        self._ring = axes.add_line(_ring("", SKY, size=10))
        self._missing = axes.text(0, 0, "", ha="center", va="center", color="white", fontsize=9)
        marks = [artist for each in self._marks or () for artist in each.artists]
        # In this order, one above the other.
        self._moving = [self._below, self._above, *marks, self._ring, self._missing, self._words]
        for artist in self._moving:
            artist.set_animated(True)

    def draw(self) -> None:
        """Draws what may have changed."""
        for artist in self._moving:
            self.axes.draw_artist(artist)

    def update(self, kind: str, side: Side, grey: np.ndarray, landmark: int) -> None:
        """Shows one kind of one side."""
        self._words.set_text(side.titles[kind])
        self._ring.set_data(*side.predicted[landmark][:, None])
        below, above, missing = _grey(0.55 * grey), None, ""
        if kind == "image":
            below = side.image if side.image.ndim == 3 else _coloured(THERMAL, side.image)
            for marks, points in zip(self._marks, (side.true, side.predicted), strict=True):
                marks.move(points)
        elif kind == "features":
            below = side.components
        elif kind == "heatmap" and side.heatmap is None:
            missing = "a coordinate head\nhas no heatmap"
        elif kind == "heatmap":
            share = side.heatmap / max(side.heatmap.max(), 1e-12)
            above = _coloured("viridis", share, np.clip(1.6 * share, 0, 0.9))
        elif side.attribution is None:
            missing = "..."
        else:
            # Smoothed a little for the eye alone, as in `attribution_grid`.
            smooth = cv2.GaussianBlur(side.attribution.astype(np.float32), (0, 0), 1.0)
            share = smooth / max(float(np.percentile(np.abs(smooth), 99)), 1e-12)
            below = _grey(0.6 + 0.4 * grey)
            above = _coloured("PuOr_r", (share + 1) / 2, np.clip(np.abs(share), 0, 1))
        self._missing.set_text(missing)
        self._below.set_data(_bytes(below))
        self._above.set_visible(above is not None)
        if above is not None:
            self._above.set_data(_bytes(above))


class _Marks:
    """All landmarks of a face, as one line collection and one set of points that can be moved."""

    def __init__(self, axes: Axes, scheme: Scheme, colour: str):
        self._edges = [list(edge) for edge in scheme.edges]
        self._lines = axes.add_collection(LineCollection([], colors=colour, linewidths=0.9))
        (self._points,) = axes.plot([], [], ".", color=colour, markersize=3)
        self.artists = (self._lines, self._points)

    def move(self, points: np.ndarray | None) -> None:
        """Puts them elsewhere, (K, 2) centred coordinates, or nowhere."""
        points = np.zeros((0, 2)) if points is None else points
        self._lines.set_segments([points[edge] for edge in self._edges] if len(points) else [])
        self._points.set_data(points[:, 0], points[:, 1])


def _ring(label: str, colour: str, size: float = 7) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker="o",
        markersize=size,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=1.6,
        label=label,
    )


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(values, 0, 1)[..., None], 3, axis=-1)


def _bytes(values: np.ndarray) -> np.ndarray:
    """Colours in [0, 1] as 8 bits, which are drawn faster."""
    return np.rint(255 * values).astype(np.uint8)


def _coloured(name: str, values: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    """Values in [0, 1] through a colour map, (..., 4)."""
    found = matplotlib.colormaps[name](np.clip(values, 0, 1))
    if alpha is not None:
        found[..., 3] = alpha
    return found
