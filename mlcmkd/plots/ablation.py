"""The figure of an ablation: the error of each variant of a training."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from mlcmkd.plots.style import BLUE, GREY, VERMILION, WIDTH, styled

Interval = tuple[float, float, float]  # mean, lower and upper end


@styled
def variants_compared(panels: Mapping[str, Mapping[str, Interval]], reference: str) -> Figure:
    """Variants from top to bottom, a point with its interval each; one panel for each test set.

    Variants with a worse mean than the reference have another colour and marker.

    Args:
        panels: name of a test set -> variant -> NME (normalised mean error) in percent, mean and
            interval; the same variants in all panels. No interval is drawn if its ends are NaN.
        reference: the variant that the others are compared with. A dashed line marks its mean, if it is
            one of the variants.
    """
    names = list(next(iter(panels.values())))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.36 * len(names)))
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, values) in zip(row, panels.items(), strict=True):
        at = values[reference][0] if reference in values else None
        for height, name in enumerate(names):
            mean, low, high = values[name]
            worse = at is not None and mean > at
            axes.errorbar(
                mean,
                height,
                xerr=[[mean - low], [high - mean]],
                fmt="s" if worse else "o",
                color=VERMILION if worse else BLUE,
                capsize=3,
            )
        if at is not None:
            axes.axvline(at, color=GREY, linestyle="--", linewidth=1)
        axes.set(title=title, xlabel="NME (%)")
    row[0].set_yticks(range(len(names)), names)
    row[0].set_ylim(len(names) - 0.5, -0.5)  # the first variant at the top
    return figure
