"""Figures of training: loss terms, decay and validation error over the steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.distillation.decay import decay_weight
from mlcmkd.plots.style import BLACK, DASHES, GREY, MARKERS, WIDTH, colours, styled

Metrics = Sequence[Mapping[str, float]]
_TERMS = ("task", "fd", "ld", "fi", "ri")


@styled
def training_curves(metrics: Metrics, title: str = "") -> Figure:
    """Training of one run: weighted loss terms and their decay (left), validation NME (right).

    Args:
        metrics: lines of metrics.jsonl, as `read_metrics` returns them.
        title: title of the figure.
    """
    figure = Figure(figsize=(WIDTH, 3.6))
    left, right = figure.subplots(1, 2)
    steps = [line["step"] for line in metrics]
    terms = [name for name in _TERMS if name in metrics[0]]
    palette = colours(terms)
    for name, dash, marker in zip(terms, DASHES, MARKERS, strict=False):
        values = [line[name] for line in metrics]
        label = name if name == "task" else name.upper()
        left.plot(steps, values, label=label, color=palette[name], linestyle=dash, marker=marker)
    left.set(xlabel="optimiser step", ylabel="weighted loss term")
    _from_zero(left, room=1.25)
    if len(terms) > 1:
        weight = left.twinx()
        weight.plot(steps, [line["decay"] for line in metrics], color=GREY, linewidth=1)
        weight.set(ylim=(0, 1.25), yticks=np.linspace(0, 1, 6))
        weight.set_ylabel("decay (thin grey line)", color=GREY)
        weight.grid(False)
    left.legend(loc="upper right", ncols=len(terms))
    _nme_line(right, metrics, "student", BLACK, 0)
    right.set(xlabel="optimiser step", ylabel="validation NME, inter-ocular (%)")
    _from_zero(right)
    left.set_title("training loss")
    right.set_title("validation error")
    figure.suptitle(title)
    return figure


@styled
def compare_training(runs: Mapping[str, Metrics], title: str = "") -> Figure:
    """Validation NME of several runs over the steps: complete (left), and the second half (right).

    Args:
        runs: name -> lines of metrics.jsonl.
        title: title of the figure.
    """
    figure = Figure(figsize=(WIDTH, 3.6))
    complete, late = figure.subplots(1, 2)
    palette = colours(runs)
    for number, (name, metrics) in enumerate(runs.items()):
        _nme_line(complete, metrics, name, palette[name], number)
        _nme_line(late, metrics[len(metrics) // 2 :], name, palette[name], number)
    complete.set(ylabel="validation NME, inter-ocular (%)", title="complete training")
    _from_zero(complete)
    late.set(ylabel="validation NME, inter-ocular (%)", title="second half, enlarged")
    for axes in (complete, late):
        axes.set_xlabel("optimiser step")
    complete.legend()
    figure.suptitle(title)
    return figure


@styled
def decay_curves(kinds: Sequence[str], *, floor: float = 0.1) -> Figure:
    """Weight of the distillation terms over training for several decays.

    Args:
        kinds: names of decays, see `DecayKind`.
        floor: final weight of all decays, 0 to 1.
    """
    figure = Figure(figsize=(WIDTH * 0.6, 3.0))
    axes = figure.subplots()
    progress = np.linspace(0, 1, 101)
    for kind, dash, (name, colour) in zip(kinds, DASHES, colours(kinds).items(), strict=False):
        weight = [decay_weight(kind, float(at), floor) for at in progress]
        axes.plot(100 * progress, weight, label=name, color=colour, linestyle=dash)
    axes.axhline(floor, color=GREY, linewidth=1)
    axes.annotate(
        f"floor {floor:g}", (1, floor), xytext=(0, 4), textcoords="offset points", color=GREY
    )
    axes.set(xlabel="progress of training (%)", ylabel="decay", ylim=(0, 1.08), xlim=(0, 100))
    axes.legend()
    return figure


def _from_zero(axes: Axes, room: float = 1.06) -> None:
    """Sets the y axis from zero to `room` times the maximum; a legend needs more room."""
    axes.set_ylim(0, room * max(float(np.max(line.get_ydata())) for line in axes.lines))


def _nme_line(axes: Axes, metrics: Metrics, label: str, colour: str, number: int) -> None:
    axes.plot(
        [line["step"] for line in metrics],
        [100 * line["val_nme"] for line in metrics],
        label=label,
        color=colour,
        linestyle=DASHES[number % len(DASHES)],
        marker=MARKERS[number % len(MARKERS)],
    )
