"""The map of dual injection: its gain over the best strategy without injection, by setting."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from mlcmkd.evaluation.injection_cells import Cell
from mlcmkd.evaluation.injection_map import Comparison, order_of_labels
from mlcmkd.plots.style import BLACK, BLUE, VERMILION, WIDTH, styled
from mlcmkd.utils.errors import InputError

# Both ends are of the palette for colour-blind readers; both are darker than the middle.
_DIVERGING = LinearSegmentedColormap.from_list("injection", (BLUE, "white", VERMILION))
_LEAST = 0.1  # points; smaller differences stay pale, however small all of them are
_PANELS = {"all": "all labels", "0": "no labels"}
_HATCH = {"facecolor": "white", "edgecolor": "#bbbbbb", "hatch": "////", "linewidth": 0}

# Students and benchmarks of experiments/dikd_map.yaml, in words.
STUDENTS = {
    "same": "teacher's network",
    "same, fresh": "teacher's network,\nrandom weights",
    "coordinates": "coordinate head",
    "coordinates, fresh": "coordinate head,\nrandom weights",
    "light": "light network",
    "light, coordinates": "light network,\ncoordinate head",
}
BENCHMARKS = {"300w-sim": "300W", "synthetic": "synthetic"}

Column = tuple[float, bool]  # shift, registered
Cells = Mapping[Cell, Comparison]


@styled
def injection_map(
    comparisons: Iterable[Comparison],
    students: Mapping[str, str] = STUDENTS,
    benchmarks: Mapping[str, str] = BENCHMARKS,
) -> Figure:
    """Difference in NME of the best form of dual injection to the best baseline, a field for each cell.

    Panels are benchmarks, one below the other, and numbers of labels, side by side. Their rows are
    students, their columns shifts of the RGB images. Blue is negative: dual injection is better.

    Args:
        comparisons: from `mlcmkd.evaluation.injection_map.compare`.
        students: name of a student in the table -> text of its row, in the order of the rows; names that
            are not in it are shown as they are.
        benchmarks: name of a benchmark -> text beside its panels.

    Raises:
        InputError: there is no comparison.
    """
    found = {each.cell: each for each in comparisons}
    if not found:
        raise InputError(
            "the map has no cell; each needs a strategy with and one without injection"
        )
    present = dict.fromkeys(cell.student for cell in found)
    rows = [name for name in students if name in present]
    rows += [name for name in present if name not in rows]
    places = list(dict.fromkeys(cell.benchmark for cell in found))
    columns = _columns(found)
    means = np.abs([each.gain.mean for each in found.values()])
    # One outlier would leave all other fields white.
    limit = max(float(np.quantile(means, 0.9)), _LEAST)
    norm = Normalize(-limit, limit)
    usual = Counter(each.gain.seeds for each in found.values()).most_common(1)[0][0]

    figure = Figure(figsize=(WIDTH, 1.7 + (0.4 + 0.48 * max(len(rows), 4)) * len(places)))
    widths = [max(len(own), 2) for own in columns.values()]
    panels = figure.subplots(len(places), len(columns), squeeze=False, width_ratios=widths)
    for beside, place in zip(panels, places, strict=True):
        for panel, labels in zip(beside, columns, strict=True):
            of_panel = Cell(place, "", labels, 0.0, registered=False)
            _panel(panel, found, of_panel, rows, columns[labels], norm, usual)
        beside[0].set_yticks(range(len(rows)), [students.get(name, name) for name in rows])
        beside[0].set_ylabel(benchmarks.get(place, place), fontweight="bold", labelpad=8)
    for panel, labels in zip(panels[0], columns, strict=True):
        panel.set_title(_PANELS.get(labels, f"{labels} labels"), fontweight="bold")
    _colour_bar(figure, norm, "both" if means.max() > limit else "neither")
    fields = len(rows) * len(places) * sum(map(len, columns.values()))
    registered = "; R: registered first" if any(cell.registered for cell in found) else ""
    figure.legend(
        handles=_legend(usual, missing=len(found) < fields),
        loc="outside lower center",
        ncols=3,
        title=f"columns: shift of the RGB images in pixels of the input{registered}",
    )
    return figure


def _columns(found: Iterable[Cell]) -> dict[str, list[Column]]:
    """The columns of the panels of each number of labels, the same for all benchmarks."""
    labels = sorted({cell.labels for cell in found}, key=order_of_labels)
    return {
        name: sorted({(cell.shift, cell.registered) for cell in found if cell.labels == name})
        for name in labels
    }


def _panel(
    axes: Axes,
    found: Cells,
    of_panel: Cell,
    rows: list[str],
    columns: list[Column],
    norm: Normalize,
    usual: int,
) -> None:
    """The fields of one benchmark and number of labels, those of the cell `of_panel`."""
    for y, student in enumerate(rows):
        for x, (shift, registered) in enumerate(columns):
            cell = of_panel._replace(student=student, shift=shift, registered=registered)
            _field(axes, x, y, found.get(cell), norm, usual)
    beside = 0.5 + (max(len(columns), 2) - len(columns)) / 2  # a title needs the room
    axes.set(xlim=(-beside, len(columns) - 1 + beside), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(
        range(len(columns)), [f"{shift:g}{' R' if first else ''}" for shift, first in columns]
    )
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _field(
    axes: Axes, x: int, y: int, shown: Comparison | None, norm: Normalize, usual: int
) -> None:
    """One cell: colour, number, and below it the mark and the number of seeds; hatched without runs."""
    corner = (x - 0.5, y - 0.5)
    if shown is None:
        axes.add_patch(Rectangle(corner, 1, 1, **_HATCH))
        return
    gain, clear = shown.gain, shown.gain.excludes_zero
    colour = _DIVERGING(norm(gain.mean))
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=1))
    ink = "white" if np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5 else BLACK
    weight = "bold" if clear else "normal"
    axes.text(x, y - 0.12, _signed(gain.mean), ha="center", va="center", color=ink, weight=weight)
    below = [*(["\N{BLACK CIRCLE}"] if clear else [])]
    below += [f"n={gain.seeds}"] if gain.seeds != usual else []
    axes.text(x, y + 0.27, " ".join(below), ha="center", va="center", color=ink, fontsize=7.5)


def _signed(value: float) -> str:
    """Two digits and a sign; zero has none."""
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return "0.00" if float(f"{value:.2f}") == 0 else text


def _colour_bar(figure: Figure, norm: Normalize, extend: str) -> None:
    bar = figure.colorbar(
        ScalarMappable(norm, _DIVERGING), ax=figure.axes, extend=extend, aspect=30, pad=0.015
    )
    bar.set_label("NME points, negative: DIKD is better")
    bar.outline.set_visible(False)


def _legend(usual: int, missing: bool) -> list[Line2D | Patch]:
    mark = {"marker": "o", "color": BLACK, "linestyle": "none", "markersize": 5}
    seeds = f"{usual} seed{'s' if usual > 1 else ''} unless n= is given"
    return [
        Line2D([], [], label="bold: 95 % interval excludes zero", **mark),
        Line2D([], [], linestyle="none", label=seeds),
        *([Patch(label="not run", **_HATCH)] if missing else []),
    ]
