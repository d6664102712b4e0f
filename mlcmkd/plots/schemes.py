"""Landmark schemes on a template face, each point with its index."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.plots.style import BLACK, GREY, SKY, VERMILION, WIDTH, draw_landmarks, styled
from mlcmkd.schemes import CHARLOTTE43, Scheme, get_scheme
from mlcmkd.synthetic.head import load_head
from mlcmkd.synthetic.head.landmarks import locate
from mlcmkd.utils.errors import InputError

# A profile facing right, in the order of the 43 points: ear to chin, brow, nose, eye,
# outer and inner lips, forehead.
_PROFILE = np.array(
    [(-0.95, 0.10), (-0.90, 0.40), (-0.83, 0.68), (-0.74, 0.94), (-0.62, 1.16), (-0.47, 1.34),
     (-0.29, 1.48), (-0.09, 1.58), (0.12, 1.65), (0.33, 1.69), (0.53, 1.68), (0.68, 1.60),
     (0.12, -0.34), (0.30, -0.42), (0.48, -0.42), (0.64, -0.36),
     (0.80, -0.02), (0.90, 0.18), (1.00, 0.37), (1.08, 0.54), (0.92, 0.70), (0.72, 0.70),
     (0.58, -0.06), (0.46, -0.07), (0.34, 0.02), (0.46, 0.08), (0.58, 0.08),
     (0.90, 0.92), (0.76, 0.92), (0.62, 0.97), (0.48, 1.06), (0.60, 1.17), (0.72, 1.24),
     (0.84, 1.26), (0.88, 1.04), (0.74, 1.04), (0.60, 1.06), (0.73, 1.09), (0.85, 1.09),
     (-0.22, -0.78), (0.10, -1.02), (0.44, -1.00), (0.70, -0.80)]
)  # fmt: skip


def template(name: str) -> np.ndarray:
    """Points of a scheme on the mean synthetic head, (K, 2), in head units, y downwards.

    For figures only. The mouth is slightly open, so that the lips do not coincide. The profile of
    CHARLOTTE43 is our own drawing, because the head does not define its points.

    Raises:
        InputError: unknown scheme, or the head has no definition for one of its points.
    """
    if get_scheme(name).name == CHARLOTTE43.name:
        return 1.15 * _PROFILE  # as high as the head
    head = load_head()
    vertices = head.vertices(np.zeros(0), head.expression(jawOpen=0.12))
    flat = vertices[:, :2] * [1, -1]
    return locate(name, vertices, flat, np.array([0.0, -1.0])).points


@styled
def scheme_points(
    *names: str, landmarks: Mapping[str, np.ndarray] | None = None, columns: int = 3
) -> Figure:
    """Schemes side by side: points with indices and lines.

    Outer eye corners, pupils and the nose tip, which normalisers of errors use, are coloured.

    Args:
        names: names of the schemes to draw.
        landmarks: scheme -> (K, 2), y downwards, drawn instead of `template`, for example to check
            the order of the points of an annotation.
        columns: schemes in a row.

    Raises:
        InputError: unknown scheme, or landmarks of another shape.
    """
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(WIDTH, 1.25 * WIDTH / columns * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        scheme = get_scheme(name)
        given = landmarks is not None and name in landmarks
        points = np.asarray(landmarks[name]) if given else template(name)
        if points.shape != (scheme.points, 2):
            raise InputError(
                f"landmarks of shape {points.shape} do not fit scheme '{name}'; "
                f"give ({scheme.points}, 2)"
            )
        _draw(axes, points, scheme)
        if not given:
            axes.set(xlim=(-1.35, 1.35), ylim=(2.15, -1.35))  # the same scale for all schemes
        axes.set_title(f"{name}: {scheme.points} points")
    return figure


def _draw(axes: Axes, points: np.ndarray, scheme: Scheme) -> None:
    """Draws one scheme, with outer eye corners, pupils and nose tip in colour."""
    draw_landmarks(axes, points, scheme, GREY)
    if scheme.outer_eyes:
        axes.plot(*points[list(scheme.outer_eyes)].T, "o", color=VERMILION, markersize=4)
    if scheme.pupils:
        pupils = np.stack([points[list(eye)].mean(axis=0) for eye in scheme.pupils])
        axes.plot(*pupils.T, "x", color=SKY, markersize=6)
    if scheme.nose_tip is not None:
        axes.plot(*points[[scheme.nose_tip]].T, "o", color=SKY, markersize=4)
    for index, (x, y) in enumerate(points):
        axes.annotate(
            str(index), (x, y), (0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=5, color=BLACK,
        )  # fmt: skip
    axes.set_aspect("equal")
    axes.invert_yaxis()
