"""The style of all figures, and helpers to draw images and landmarks."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from torch import Tensor

from mlcmkd.schemes import Scheme

# The palette of Okabe and Ito (2008) for colour-blind readers.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#777777"
# Yellow comes last: it is hard to see as a line on white.
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
THERMAL = "inferno"  # lightness increases with temperature, also in grey
WIDTH = 10.0  # inches, about the width of a notebook

# Names with the same colour in all figures of the course.
_FIXED = {
    "task": BLACK,
    "fd": ORANGE,
    "ld": SKY,
    "fi": BLUE,
    "ri": VERMILION,
    "none": GREY,
    "fd+ld": ORANGE,
    "dikd": BLUE,
    "dikd+fd+ld": PURPLE,
}

STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # embeds fonts, so that text can be selected
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorator: draws a figure in this style without changing matplotlib's global settings."""

    @wraps(draw)
    def draw_in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return draw_in_style


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name: its fixed colour if it has one, otherwise the next unused colour."""
    names = list(names)
    chosen = {name: _FIXED[name] for name in names if name in _FIXED}
    used = set(chosen.values())
    unused = [colour for colour in CYCLE if colour not in used] or list(CYCLE)
    for number, name in enumerate(name for name in names if name not in chosen):
        chosen[name] = unused[number % len(unused)]
    return chosen


def plain_logarithm(axis: Axis) -> None:
    """Sets ticks of a logarithmic axis at 1, 2 and 5 times powers of ten, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def as_array(values: Tensor | np.ndarray) -> np.ndarray:
    """A tensor or array as an array."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def as_images(images: Tensor | np.ndarray) -> np.ndarray:
    """Images for matplotlib, (N, H, W, 3) or (N, H, W).

    Args:
        images: a tensor (N, C, H, W) with C of 1 or 3, or an array with the channels last.
    """
    if not isinstance(images, Tensor):
        return np.asarray(images)
    channels_last = as_array(images).transpose(0, 2, 3, 1)
    return channels_last[..., 0] if channels_last.shape[-1] == 1 else channels_last


def centred(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Converts landmarks (..., 2) from pixels of square images, `size` wide, to centred coordinates."""
    return (np.asarray(landmarks) + 0.5) / size - 0.5


def show_image(axes: Axes, image: np.ndarray, **options: Any) -> Any:
    """Draws an image over [-0.5, 0.5] in both directions, for centred coordinates."""
    if image.ndim == 2:
        options.setdefault("cmap", THERMAL)
    artist = axes.imshow(image, extent=(-0.5, 0.5, 0.5, -0.5), **options)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, 0.5), ylim=(0.5, -0.5))
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return artist


def draw_landmarks(
    axes: Axes, landmarks: np.ndarray, scheme: Scheme, colour: str, *, size: float = 1.0
) -> None:
    """Draws the lines and points of a scheme.

    Args:
        axes: axes to draw on.
        landmarks: (K, 2) centred coordinates.
        scheme: landmark scheme, which has the lines.
        colour: colour of lines and points.
        size: factor of the line width and of the points' diameter.
    """
    for edge in scheme.edges:
        line = landmarks[list(edge)]
        axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=0.9 * size, alpha=0.9)
    axes.scatter(landmarks[:, 0], landmarks[:, 1], s=3 * size**2, color=colour, linewidths=0)
