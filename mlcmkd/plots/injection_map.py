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
from mlcmkd.evaluation.injection_map import Comparison, excludes_zero, order_of_labels
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

Column = tuple[str, float, bool]  # benchmark, shift, registered


@styled
def injection_map(
    comparisons: Iterable[Comparison],
    students: Mapping[str, str] = STUDENTS,
    benchmarks: Mapping[str, str] = BENCHMARKS,
) -> Figure:
    """Difference in NME of the best form of dual injection to the best baseline, a field for each cell.

    Panels are numbers of labels, rows students, columns benchmarks and shifts of the RGB images. A panel
    has the columns of its own cells. Blue is negative: dual injection is better.

    Args:
        comparisons: from `mlcmkd.evaluation.injection_map.compare`.
        students: name of a student in the table -> text of its row, in the order of the rows; names that
            are not in it are shown as they are.
        benchmarks: name of a benchmark -> text above its columns.

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
    labels = sorted({cell.labels for cell in found}, key=order_of_labels)
    columns = {name: _columns(found, name) for name in labels}
    means = np.abs([each.gain.mean for each in found.values()])
    # One outlier would leave all other fields white.
    limit = max(float(np.quantile(means, 0.9)), _LEAST)
    usual = Counter(each.gain.seeds for each in found.values()).most_common(1)[0][0]

    figure = Figure(figsize=(WIDTH, 2.5 + 0.5 * max(len(rows), 4)))
    widths = [max(len(columns[name]), 2) for name in labels]
    panels = figure.subplots(1, len(labels), squeeze=False, width_ratios=widths)[0]
    norm = Normalize(-limit, limit)
    for panel, name in zip(panels, labels, strict=True):
        for y, student in enumerate(rows):
            for x, (benchmark, shift, registered) in enumerate(columns[name]):
                cell = Cell(benchmark, student, name, shift, registered)
                _field(panel, x, y, found.get(cell), norm, usual)
        _columns_in_words(panel, columns[name], benchmarks)
        beside = (
            0.5 + (max(len(columns[name]), 2) - len(columns[name])) / 2
        )  # a title needs the room
        panel.set(xlim=(-beside, len(columns[name]) - 1 + beside), ylim=(len(rows) - 0.5, -0.5))
        panel.set_yticks([])
        panel.set_title(_PANELS.get(name, f"{name} labels"), fontweight="bold", pad=32)
    panels[0].set_yticks(range(len(rows)), [students.get(name, name) for name in rows])
    extend = "both" if means.max() > limit else "neither"
    bar = figure.colorbar(
        ScalarMappable(norm, _DIVERGING), ax=list(panels), extend=extend, aspect=30, pad=0.015
    )
    bar.set_label("NME points, negative: DIKD is better")
    bar.outline.set_visible(False)
    registered = "; R: registered first" if any(cell.registered for cell in found) else ""
    figure.legend(
        handles=_legend(usual),
        loc="outside lower center",
        ncols=3,
        title=f"columns: shift of the RGB images in pixels of the input{registered}",
    )
    return figure


def _columns(found: Iterable[Cell], labels: str) -> list[Column]:
    """The columns of a panel; benchmarks are in the order of the cells."""
    own = [cell for cell in found if cell.labels == labels]
    order = list(dict.fromkeys(cell.benchmark for cell in own))
    columns = {(cell.benchmark, cell.shift, cell.registered) for cell in own}
    return sorted(columns, key=lambda column: (order.index(column[0]), *column[1:]))


def _field(
    axes: Axes, x: int, y: int, shown: Comparison | None, norm: Normalize, usual: int
) -> None:
    """One cell: colour, number, and below it the mark and the number of seeds; hatched without runs."""
    corner = (x - 0.5, y - 0.5)
    if shown is None:
        axes.add_patch(Rectangle(corner, 1, 1, **_HATCH))
        return
    gain, clear = shown.gain, excludes_zero(shown.gain)
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


def _columns_in_words(axes: Axes, columns: list[Column], benchmarks: Mapping[str, str]) -> None:
    """Shifts below the columns, benchmarks above them, and lines between benchmarks."""
    texts = [f"{shift:g}{' R' if registered else ''}" for _, shift, registered in columns]
    axes.set_xticks(range(len(columns)), texts)
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for name in dict.fromkeys(column[0] for column in columns):
        places = [x for x, column in enumerate(columns) if column[0] == name]
        axes.annotate(
            benchmarks.get(name, name), (sum(places) / len(places), 1), ha="center", va="bottom",
            xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
        if places[0]:
            axes.axvline(places[0] - 0.5, color=BLACK, linewidth=1.2)


def _legend(usual: int) -> list[Line2D | Patch]:
    mark = {"marker": "o", "color": BLACK, "linestyle": "none", "markersize": 5}
    seeds = f"{usual} seed{'s' if usual > 1 else ''} unless n= is given"
    return [
        Line2D([], [], label="bold: 95 % interval excludes zero", **mark),
        Line2D([], [], linestyle="none", label=seeds),
        Patch(label="not run", **_HATCH),
    ]
