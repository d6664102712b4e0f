"""Panels of the explorer's figure: one kind of result of one modality, drawn and updated."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from mlcmkd.plots.style import GREEN, SKY, THERMAL, VERMILION, show_image
from mlcmkd.schemes import Scheme

KINDS = ("image", "heatmap", "features", "attribution")  # of panels, in the order of the figure


class ModalityResult(NamedTuple):
    """The image of one modality and a model's outputs for it.

    Attributes:
        image: (P, P, 3) RGB, or (P, P) thermal, in [0, 1].
        predicted: (K, 2) centred coordinates.
        annotated: (K, 2) centred coordinates, or None without a label.
        heatmap: (h, w) probability of the chosen landmark; None if not shown, or for a coordinate
            head.
        components: (h, w, 3) in [0, 1], see `invariance.FeatureColours`; None if not shown.
        attribution: (P, P) signed; None if not shown, or not computed yet.
        titles: kind of panel -> up to three lines; panels without a title are not drawn.
    """

    image: np.ndarray
    predicted: np.ndarray
    annotated: np.ndarray | None
    heatmap: np.ndarray | None
    components: np.ndarray | None
    attribution: np.ndarray | None
    titles: Mapping[str, str]

    @property
    def grey(self) -> np.ndarray:
        """The image in grey, (P, P) in [0, 1]."""
        return self.image if self.image.ndim == 2 else self.image.mean(axis=-1)


class PanelArtists:
    """The artists of one panel: a picture, an overlay, landmarks and texts.

    The artists have matplotlib's property `animated`: the figure does not draw them itself, `draw` does.

    Args:
        axes: axes of the panel.
        scheme: landmark scheme.
        kind: one of `KINDS`.
    """

    def __init__(self, axes: Axes, scheme: Scheme, kind: str):
        empty = np.zeros((2, 2, 4))
        self.axes = axes
        # Without interpolation, which would make features look finer than they are.
        self._picture = show_image(axes, empty, interpolation="nearest")
        axes.set_axis_off()  # there are no ticks, and searching for them takes time
        self._overlay = show_image(axes, empty, interpolation="nearest")
        self._title = axes.set_title("", fontsize=8, pad=3, loc="left", linespacing=1.15)
        self._landmarks = None
        if kind == "image":
            self._landmarks = [LandmarkArtists(axes, scheme, c) for c in (GREEN, VERMILION)]
        self._ring = axes.add_line(ring("", SKY, size=10))
        self._message = axes.text(0, 0, "", ha="center", va="center", color="white", fontsize=9)
        landmarks = [artist for group in self._landmarks or () for artist in group.artists]
        # In the order of drawing.
        self._artists = [
            self._picture,
            self._overlay,
            *landmarks,
            self._ring,
            self._message,
            self._title,
        ]
        for artist in self._artists:
            artist.set_animated(True)

    def draw(self) -> None:
        """Draws all artists."""
        for artist in self._artists:
            self.axes.draw_artist(artist)

    def update(self, kind: str, result: ModalityResult, landmark: int) -> None:
        """Shows one kind of a result."""
        self._title.set_text(result.titles[kind])
        self._ring.set_data(*result.predicted[landmark][:, None])
        picture, overlay, message = _grey(0.55 * result.grey), None, ""
        if kind == "image":
            picture = result.image
            if picture.ndim == 2:
                picture = _mapped(THERMAL, picture)
            points = (result.annotated, result.predicted)
            for artists, places in zip(self._landmarks, points, strict=True):
                artists.move(places)
        elif kind == "features":
            picture = result.components
        elif kind == "heatmap" and result.heatmap is None:
            message = "a coordinate head\nhas no heatmap"
        elif kind == "heatmap":
            share = result.heatmap / max(result.heatmap.max(), 1e-12)
            overlay = _mapped("viridis", share, np.clip(1.6 * share, 0, 0.9))
        elif result.attribution is None:
            message = "..."
        else:
            # Smoothed for display only, as in `attribution_grid`.
            smooth = cv2.GaussianBlur(result.attribution.astype(np.float32), (0, 0), 1.0)
            share = smooth / max(float(np.percentile(np.abs(smooth), 99)), 1e-12)
            picture = _grey(0.6 + 0.4 * result.grey)
            overlay = _mapped("PuOr_r", (share + 1) / 2, np.clip(np.abs(share), 0, 1))
        self._message.set_text(message)
        self._picture.set_data(_bytes(picture))
        self._overlay.set_visible(overlay is not None)
        if overlay is not None:
            self._overlay.set_data(_bytes(overlay))


class LandmarkArtists:
    """The landmarks of a face as one line collection and one set of points, both movable."""

    def __init__(self, axes: Axes, scheme: Scheme, colour: str):
        self._edges = [list(edge) for edge in scheme.edges]
        self._lines = axes.add_collection(LineCollection([], colors=colour, linewidths=0.9))
        (self._points,) = axes.plot([], [], ".", color=colour, markersize=3)
        self.artists = (self._lines, self._points)

    def move(self, points: np.ndarray | None) -> None:
        """Moves the landmarks to (K, 2) centred coordinates; None hides them."""
        points = np.zeros((0, 2)) if points is None else points
        self._lines.set_segments([points[edge] for edge in self._edges] if len(points) else [])
        self._points.set_data(points[:, 0], points[:, 1])


def ring(label: str, colour: str, size: float = 7) -> Line2D:
    """A ring, the marker of the chosen landmark; `size` in points."""
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
    """Grey levels (h, w) as colours (h, w, 3)."""
    return np.repeat(np.clip(values, 0, 1)[..., None], 3, axis=-1)


def _bytes(values: np.ndarray) -> np.ndarray:
    """Colours in [0, 1] as 8-bit values, which matplotlib draws faster."""
    return np.rint(255 * values).astype(np.uint8)


def _mapped(colour_map: str, values: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    """Values in [0, 1] through a colour map, (h, w, 4)."""
    colours = matplotlib.colormaps[colour_map](np.clip(values, 0, 1))
    if alpha is not None:
        colours[..., 3] = alpha
    return colours
