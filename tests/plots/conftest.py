"""What tests of figures share."""

import io
import warnings
from collections.abc import Callable

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlcmkd.plots.style import STYLE

_DPI = 90  # as in the notebooks


def words_in(figure: Figure) -> list[str]:
    """All texts of a figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def cut_off(figure: Figure) -> list[str]:
    """Sides of a figure over which something reaches, such as a title, and by how many inches."""
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    with matplotlib.rc_context(STYLE):
        canvas.draw()
        box = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    over = {"left": -box.x0, "bottom": -box.y0, "right": box.x1 - width, "top": box.y1 - height}
    return [f"{side}: {inches:.3f}" for side, inches in over.items() if inches > 0.005]


def drawn(draw: Callable[[], Figure]) -> tuple[Figure, str]:
    """A figure and its texts, one a line.

    It is drawn without a warning, as wide as a notebook, and leaves matplotlib's settings as they were.
    Nothing of it is cut off.
    """
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        figure.savefig(io.BytesIO(), dpi=40)
        assert not cut_off(figure)
    assert dict(matplotlib.rcParams) == before
    assert 6 <= figure.get_figwidth() <= 11  # inches
    return figure, "\n".join(words_in(figure))
