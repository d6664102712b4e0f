"""What tests of figures share."""

import io
import warnings
from collections.abc import Callable

import matplotlib
from matplotlib.figure import Figure


def words_in(figure: Figure) -> list[str]:
    """All texts of a figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def drawn(draw: Callable[[], Figure]) -> tuple[Figure, str]:
    """A figure and its texts, one a line.

    It is drawn without a warning, as wide as a notebook, and leaves matplotlib's settings as they were.
    """
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        figure.savefig(io.BytesIO(), dpi=40)
    assert dict(matplotlib.rcParams) == before
    assert 6 <= figure.get_figwidth() <= 11  # inches
    return figure, "\n".join(words_in(figure))
