"""The figure of benchmarks/light_networks.py: error against milliseconds, with the Pareto front."""

import statistics

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from mlcmkd.plots.style import BLACK, BLUE, GREY, ORANGE, WIDTH, plain_logarithm, styled

AIMS = ((0.25, 3.5), (0.15, 4.0))  # milliseconds on idle cores, NME in percent


def points(rows: list[dict[str, str]]) -> list[tuple[str, bool, float, float]]:
    """Label, whether it is int8, milliseconds and mean NME over the seeds, for each network."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        key = (row["network"], row["px"], row["supervision"], row["minutes"], row["optimizer"])
        groups.setdefault(key, []).append(row)
    found = []
    for (network, px, supervision, minutes, optimizer), group in groups.items():
        taught = ", LD" if "LD" in supervision else ""
        taught += ", Muon" if optimizer == "muon" else ""
        label = f"{network} {px} px, {minutes} min{taught}"
        for end in ("", "_int8"):
            nme = [float(row[f"test_nme{end}"] or row[f"val_nme{end}"]) for row in group]
            ms = float(group[0][f"ms{end}"])
            found.append((label, bool(end), ms, statistics.mean(nme)))
    return found


def front(shown: list[tuple[str, bool, float, float]]) -> list[tuple[float, float]]:
    """The points that no other point beats in both, by rising milliseconds."""
    best: list[tuple[float, float]] = []
    for _, _, ms, nme in sorted(shown, key=lambda point: point[2:]):
        if not best or nme < best[-1][1]:
            best.append((ms, nme))
    return best


@styled
def draw(rows: list[dict[str, str]]) -> Figure:
    """Error against milliseconds of all networks, float32 in blue and int8 in orange.

    Args:
        rows: rows of the table with milliseconds; the test error, or without one the validation error.
    """
    shown = points(rows)
    figure = Figure(figsize=(WIDTH, 6))
    axes = figure.subplots()
    for int8, colour, marker in ((False, BLUE, "o"), (True, ORANGE, "s")):
        chosen = [point for point in shown if point[1] == int8]
        axes.plot(
            [point[2] for point in chosen], [point[3] for point in chosen],
            linestyle="none", color=colour, marker=marker, label="int8" if int8 else "float32",
        )  # fmt: skip
    axes.plot(*zip(*front(shown), strict=True), color=BLACK, linewidth=1, label="Pareto front")
    low, high = min(min(p[3] for p in shown), 3.5) * 0.95, max(p[3] for p in shown) * 1.1
    for ms, nme in AIMS:
        axes.plot([0.01, ms, ms], [nme, nme, low], color=GREY, linestyle="--",
                  linewidth=1.2, label=f"aim: {nme:g} % at {ms:g} ms")  # fmt: skip
    # A number for each network at both of its points, and the names beside the figure.
    names = list(dict.fromkeys(point[0] for point in sorted(shown, key=lambda point: point[3])))
    for label, _, ms, nme in shown:
        number = names.index(label)
        axes.annotate(str(number + 1), (ms, nme), fontsize=9, ha="center", textcoords="offset points",
                      xytext=(-9 if number % 2 else 9, 5 if number % 2 else -10))  # fmt: skip
    for number, name in enumerate(names, start=1):
        axes.plot([], [], linestyle="none", label=f"{number}  {name}")
    axes.set_ylim(low, high)
    axes.set_xlim(min(p[2] for p in shown) * 0.8, max(p[2] for p in shown) * 1.2)
    axes.set_yscale("log")
    plain_logarithm(axes.yaxis)
    axes.yaxis.set_major_locator(FixedLocator([3.5, 4, 4.5, 5, 6, 7, 8, 10, 12]))
    axes.set_xscale("log")
    plain_logarithm(axes.xaxis)
    axes.xaxis.set_major_locator(FixedLocator([0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 2, 3]))
    axes.set_xlabel("ms of CPU time a face on idle cores: ONNX Runtime, batch 1, one thread")
    which = "lfpw_test" if all(row["test_nme"] for row in rows) else "validation"
    axes.set_ylabel(f"NME, inter-ocular (%), {which}")
    figure.legend(loc="outside right upper")
    return figure
