"""The explorer's figure: images, heatmaps, features and attributions, RGB beside thermal.

To set up a figure and draw its constant parts takes most of the time. `ExplorerFigure` does it once; an
update draws only images, landmarks and texts.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlcmkd.data.modality import MODALITIES
from mlcmkd.explorer.panels import KINDS, ModalityResult, PanelArtists, ring
from mlcmkd.plots.style import GREEN, SKY, STYLE, THERMAL, VERMILION, WIDTH
from mlcmkd.schemes import get_scheme

_DPI = 100
_CELL = WIDTH / 4.55  # width of a panel, inches: four panels and the colour bars fill a row
_TITLE, _HEADER, _FOOTER, _GAP = 0.36, 0.46, 0.34, 0.08  # inches


class ExplorerFigure:
    """A figure that is set up once and then updated.

    Args:
        kinds: panels to show beside the images, see `KINDS`.
        scheme: landmark scheme.
        limits: values that are 0 and 1 in the thermal image, in `unit`.
        unit: unit for the label of the colour bar.

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
        # Limits of the colour bar, and the drawn pixels of the parts that do not change.
        self._background: tuple[tuple[float, float], Any] | None = None

    def update(
        self,
        results: Sequence[ModalityResult],
        landmark: int,
        title: str,
        limits: tuple[float, float],
    ) -> None:
        """Shows new results.

        Args:
            results: RGB, then thermal.
            landmark: index of the chosen landmark.
            title: title of the figure.
            limits: values that are 0 and 1 in the thermal image.
        """
        self._title.set_text(title)
        self._temperature.set_clim(*limits)
        for modality, result in zip(MODALITIES, results, strict=True):
            for kind in self._kinds:
                self._panels[modality, kind].update(kind, result, landmark)

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file."""
        with matplotlib.rc_context(STYLE):
            limits = self._temperature.get_clim()
            if self._background is None or self._background[0] != limits:
                self._canvas.draw()  # does not draw animated artists
                self._background = limits, self._canvas.copy_from_bbox(self.figure.bbox)
            else:
                self._canvas.restore_region(self._background[1])
            self.figure.draw_artist(self._title)
            for panel in self._panels.values():
                panel.draw()
        pixels = cv2.cvtColor(np.asarray(self._canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
        # Low compression: encoding time matters more than size for a local browser.
        return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()

    def _build(self) -> None:
        """Creates the panels: RGB beside thermal, two kinds in a row."""
        columns, rows = 2 * min(2, len(self._kinds)), -(-len(self._kinds) // 2)
        width = max(6.4, columns * (_CELL + _GAP) + 1.0)
        height = _TITLE + rows * (_CELL + _HEADER) + _FOOTER
        self.figure = Figure(figsize=(width, height), dpi=_DPI)
        self.figure.set_layout_engine(
            "none"
        )  # all positions are computed here; a layout engine is slow
        self._panels: dict[tuple[str, str], PanelArtists] = {}
        for number, kind in enumerate(self._kinds):
            row, pair = divmod(number, 2)
            bottom = height - _TITLE - (row + 1) * (_CELL + _HEADER)
            for column, modality in enumerate(MODALITIES):
                left = 0.1 + (2 * pair + column) * (_CELL + _GAP)
                place = (left / width, bottom / height, _CELL / width, _CELL / height)
                axes = self.figure.add_axes(place)
                self._panels[modality, kind] = PanelArtists(axes, self._scheme, kind)
        # A text of the first panel, because `savefig` does not draw animated texts of the figure.
        self._title = self._panels["rgb", "image"].axes.text(
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
            ring("the chosen landmark, as predicted", SKY),
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
        """Creates the colour bars right of the rows: temperature above, attribution below."""
        width, height = self.figure.get_size_inches()
        left = 0.16 + 2 * min(2, len(self._kinds)) * (_CELL + _GAP)
        self._temperature = ScalarMappable(Normalize(*limits), THERMAL)
        # With attributions alone beside the images, both colour bars share one row.
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
    results: Sequence[ModalityResult],
    landmark: int,
    title: str,
    *,
    scheme: str,
    limits: tuple[float, float],
    unit: str = "degrees C",
) -> Figure:
    """Draws one view: RGB beside thermal, with the panels that the titles of the results name.

    Args:
        results: RGB, then thermal.
        landmark: index of the chosen landmark, which a ring marks.
        title: title of the figure.
        scheme: landmark scheme.
        limits: values that are 0 and 1 in the thermal image, in `unit`.
        unit: unit for the label of the colour bar.
    """
    figure = ExplorerFigure(list(results[0].titles), scheme, limits, unit)
    figure.update(results, landmark, title, limits)
    return figure.figure
