"""Figures of invariance: similarity of RGB and thermal features, and its change in training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mlcmkd.plots.style import (
    BLUE,
    DASHES,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    VERMILION,
    WIDTH,
    as_array,
    as_images,
    show_image,
    styled,
)
from mlcmkd.utils.errors import InputError

Images = Tensor | np.ndarray
Metrics = Sequence[Mapping[str, float]]

# Lines of the panels: name of the metric -> (label, colour).
_SWAP = {
    "swap_teacher_features_teacher_head": ("RGB, own head", BLUE),
    "swap_student_features_student_head": ("thermal, own head", VERMILION),
    "swap_teacher_features_student_head": ("RGB, student's head", GREEN),
    "swap_student_features_teacher_head": ("thermal, teacher's head", ORANGE),
}
_CKA = {"cka": ("of pairs", BLUE), "cka_other_face": ("of different faces", ORANGE)}
_RECALL = {"recall_at_1": ("recall@1", BLUE)}
_PROBE = {"probe_accuracy": ("probe", BLUE)}


@styled
def head_swap_matrix(values: np.ndarray) -> Figure:
    """NME of the features of each modality with each head; the diagonal has the networks' own heads.

    Args:
        values: (2, 2) inter-ocular NME, shares; rows: features of (teacher, student), columns:
            heads of (teacher, student), as `Invariance.head_swap`.
    """
    percent = 100 * as_array(values)
    figure = Figure(figsize=(WIDTH * 0.6, 3.6))
    axes = figure.subplots()
    # Logarithmic, because errors of exchanged heads may be ten times as large.
    low, high = _span(np.log10(percent))
    axes.imshow(np.log10(percent), cmap="cividis", aspect="auto", vmin=low, vmax=high)
    for row, column in np.ndindex(2, 2):
        value = percent[row, column]
        axes.text(
            column,
            row,
            f"{value:.2f} %\n{'own' if row == column else 'exchanged'} head",
            ha="center",
            va="center",
            fontsize=12,
            color="black" if np.log10(value) > (low + high) / 2 else "white",
        )
    axes.set_xticks([0, 1], ["teacher's", "student's"])
    axes.set_yticks([0, 1], ["teacher's,\nof RGB", "student's,\nof thermal"])
    axes.set(xlabel="head", ylabel="features", title="NME, inter-ocular (%)")
    axes.grid(False)
    return figure


def _span(values: np.ndarray) -> tuple[float, float]:
    """Range of a colour map for logarithms: the range of the values, and at least a factor of two.

    So nearly equal values have similar colours.
    """
    margin = max(0.0, np.log10(2) - np.ptp(values)) / 2
    return float(values.min() - margin), float(values.max() + margin)


@styled
def invariance_over_training(lines: Metrics, title: str = "") -> Figure:
    """Four measures of invariance over training; grey lines mark the value of invariant features.

    They are the NME with exchanged heads, linear CKA (centred kernel alignment), recall@1 of the own
    pair, and the accuracy of a linear probe for the modality; see `mlcmkd.evaluation.invariance`.

    Args:
        lines: mappings with "step" and the fields of `Invariance.summary`, such as lines of
            metrics.jsonl; lines without these fields are left out.
        title: title of the figure.

    Raises:
        InputError: no line has these fields.
    """
    lines = [line for line in lines if "cka" in line]
    if not lines:
        raise InputError(
            "no line of the metrics measures invariance; add Invariance.summary() to them"
        )
    figure = Figure(figsize=(WIDTH, 6.4))
    (swap, cka), (recall, probe) = figure.subplots(2, 2, sharex=True)

    _draw(swap, lines, _SWAP, scale=100)
    swap.set(title="features and heads", ylabel="NME, inter-ocular (%)")
    swap.set_ylim(0, 1.35 * swap.get_ylim()[1])  # room for the legend above the highest line
    swap.legend(loc="upper center", ncols=2)

    _draw(cka, lines, _CKA)
    _reference(cka, 1, "invariant: 1")
    cka.set(title="similarity of feature maps", ylabel="linear CKA", ylim=(0, 1.12))
    cka.legend(loc="lower center", ncols=2)

    _draw(recall, lines, _RECALL, scale=100)
    _reference(recall, 100, "invariant: 100 %")
    chance = 100 / lines[0]["invariance_faces"]
    _reference(recall, chance, f"chance: {chance:.2g} %", below=True)
    recall.set(
        title="retrieval of the own pair", ylabel="recall@1, thermal to RGB (%)", ylim=(-10, 112)
    )

    _draw(probe, lines, _PROBE, scale=100)
    _reference(probe, 50, "invariant (chance): 50 %", below=True)
    probe.set(title="modality by a linear probe", ylabel="accuracy (%)", ylim=(0, 108))
    for axes in (recall, probe):
        axes.set_xlabel("optimiser step")
    figure.suptitle(title)
    return figure


def _draw(
    axes: Axes, lines: Metrics, names: Mapping[str, tuple[str, str]], *, scale: float = 1
) -> None:
    steps = [line["step"] for line in lines]
    for number, (name, (label, colour)) in enumerate(names.items()):
        axes.plot(
            steps,
            [scale * line[name] for line in lines],
            label=label,
            color=colour,
            linestyle=DASHES[number],
            marker=MARKERS[number],
            markersize=5,
        )


def _reference(axes: Axes, height: float, label: str, *, below: bool = False) -> None:
    """Draws a labelled horizontal line."""
    axes.axhline(height, color=GREY, linewidth=1.2, linestyle=(0, (6, 3)), zorder=1)
    axes.annotate(
        label,
        (0.02, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if below else 3),
        textcoords="offset points",
        verticalalignment="top" if below else "bottom",
        color=GREY,
        fontsize=9,
    )


@styled
def feature_colours(rgb: Images, thermal: Images, rgb_maps: Images, thermal_maps: Images) -> Figure:
    """Faces in rows: RGB image, teacher's features, thermal image, student's features.

    Args:
        rgb, thermal: N images each.
        rgb_maps, thermal_maps: (N, h, w, 3) in [0, 1] from `invariance.pca_colours`; equal colours
            mean equal features.
    """
    columns = {
        "RGB image": as_images(rgb),
        "teacher's features": as_array(rgb_maps),
        "thermal image": as_images(thermal),
        "student's features": as_array(thermal_maps),
    }
    count = len(columns["RGB image"])
    cell = WIDTH / 5.5
    figure = Figure(figsize=(WIDTH * 0.75, cell * count + 0.7))
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(count, 4, squeeze=False)
    for column, (name, pictures) in enumerate(columns.items()):
        grid[0, column].set_title(name, fontsize=10)
        for row in range(count):
            # Without interpolation, which would make features look finer than they are.
            show_image(grid[row, column], pictures[row], interpolation="nearest")
    figure.supxlabel(
        "red, green, blue: first three principal components of the features of both modalities",
        fontsize=9,
    )
    return figure


@styled
def embedding(points_rgb: np.ndarray, points_thermal: np.ndarray, *, title: str = "") -> Figure:
    """Features in a plane, a mark for each image; a thin line joins the images of a pair.

    For invariant features the lines are short and the two sets of marks overlap.

    Args:
        points_rgb, points_thermal: (N, 2) from `invariance.joint_embedding`.
        title: title of the figure.
    """
    figure = Figure(figsize=(WIDTH * 0.7, 5.0))
    axes = figure.subplots()
    ends = np.stack([points_rgb, points_thermal])
    axes.plot(ends[..., 0], ends[..., 1], color=GREY, linewidth=0.5, alpha=0.4, zorder=1)
    for points, label, colour, marker in (
        (points_rgb, "RGB, teacher's features", BLUE, "o"),
        (points_thermal, "thermal, student's features", VERMILION, "^"),
    ):
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=22,
            color=colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.4,
            label=label,
            zorder=2,
        )
    axes.plot([], [], color=GREY, linewidth=0.8, label="pair")
    axes.set(
        xlabel="first axis of the embedding (arbitrary unit)",
        ylabel="second axis (the same unit)",
        title=title,
    )
    axes.set_aspect("equal", adjustable="datalim")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
