"""Figure of measures of invariance beside errors, one point for each student of a study."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from mlcmkd.plots.style import MARKERS, WIDTH, colours, styled


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
