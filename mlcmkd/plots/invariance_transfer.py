"""Figures of measures of invariance beside errors: each student of a study, and rank correlations."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.evaluation.statistics import Interval
from mlcmkd.plots.style import BLACK, MARKERS, WIDTH, colours, styled

# Of one panel: a measure -> a series, such as a number of labels -> the correlation.
Correlations = Mapping[str, Mapping[str, Interval]]


@styled
def gaps_and_errors(
    rows: Sequence[Mapping[str, str]],
    gaps: Sequence[str],
    errors: Mapping[str, str],
    *,
    by: str = "benchmark",
) -> Figure:
    """Each error against each gap to invariance; a colour and a marker for each benchmark or strategy.

    Args:
        rows: one for each student: the column `by`, and a number for each gap and error. A gap that
            was not measured is empty, and the student is not in its panels.
        gaps: columns of the gaps, percent or percentage points; 0 means invariant.
        errors: columns of the errors, in percent -> label of the axis.
        by: column whose values have the colours.
    """
    figure = Figure(figsize=(WIDTH, 0.6 + 2.7 * len(errors)))
    panels = figure.subplots(len(errors), len(gaps), sharex="col", sharey="row", squeeze=False)
    names = list(dict.fromkeys(row[by] for row in rows))
    for line, (error, label) in zip(panels, errors.items(), strict=True):
        for axes, gap in zip(line, gaps, strict=True):
            for number, (name, colour) in enumerate(colours(names).items()):
                mine = [row for row in rows if row[by] == name and row[gap]]
                axes.scatter(
                    [float(row[gap]) for row in mine],
                    [float(row[error]) for row in mine],
                    s=22,
                    color=colour,
                    marker=MARKERS[number % len(MARKERS)],
                    alpha=0.8,
                    label=name,
                )
        line[0].set_ylabel(label.replace(" (", "\n("))
    for axes, gap in zip(panels[-1], gaps, strict=True):
        axes.set_xlabel(f"gap: {gap}")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5))
    return figure


@styled
def rank_correlations(panels: Mapping[str, Mapping[str, Correlations]]) -> Figure:
    """Rank correlations of measures with errors and their intervals, a colour and a marker a series.

    Args:
        panels: a group of students, which is a row of panels -> an error, which is a column -> the
            correlations, with the same measures and series in all panels.
    """
    columns = list(next(iter(panels.values())))
    figure = Figure(figsize=(WIDTH, 0.9 + 2.3 * len(panels)))
    axes = figure.subplots(len(panels), len(columns), sharex=True, sharey=True, squeeze=False)
    for line, (students, by_error) in zip(axes, panels.items(), strict=True):
        for panel, error in zip(line, columns, strict=True):
            _draw_correlations(panel, by_error[error])
            panel.set_title(f"{error}: {students}")
    for panel in axes[-1]:
        panel.set(xlabel="rank correlation of gap and error (95 % interval)", xlim=(-1, 1))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _draw_correlations(panel: Axes, found: Correlations) -> None:
    """One panel: a line for each measure, the first above; its series are a little apart."""
    names = list(next(iter(found.values())))
    for number, (name, colour) in enumerate(colours(names).items()):
        intervals = [by_series[name] for by_series in found.values()]
        means = [each.mean for each in intervals]
        ends = [[each.mean - each.low, each.high - each.mean] for each in intervals]
        places = [place + 0.22 * (number - (len(names) - 1) / 2) for place in range(len(found))]
        marker = MARKERS[number % len(MARKERS)]
        panel.errorbar(
            means, places, xerr=list(zip(*ends, strict=True)),
            color=colour, marker=marker, markersize=5, linestyle="none", label=name,
        )  # fmt: skip
    panel.axvline(0, color=BLACK, linewidth=1)
    panel.set_yticks(range(len(found)), list(found))
    panel.set_ylim(len(found) - 0.5, -0.5)
