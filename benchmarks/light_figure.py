"""The figure of benchmarks/light_networks.py: error against milliseconds, with the Pareto front."""

import statistics

from matplotlib.figure import Figure

from mlcmkd.plots.style import BLACK, BLUE, GREY, ORANGE, WIDTH, plain_logarithm, styled

AIMS = ((0.25, 3.5), (0.15, 4.0))  # milliseconds, NME in percent


def points(rows: list[dict[str, str]]) -> list[tuple[str, bool, float, float]]:
    """Label, whether it is int8, milliseconds and mean NME over the seeds, for each network."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        key = (row["network"], row["px"], row["supervision"], row["minutes"])
        groups.setdefault(key, []).append(row)
    found = []
    for (network, px, supervision, minutes), group in groups.items():
        taught = ", LD" if "LD" in supervision else ""
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
    for ms, nme in AIMS:
        axes.plot([0, ms, ms], [nme, nme, 0], color=GREY, linestyle="--", linewidth=1.2)
        axes.annotate(f"aim: {ms:g} ms, {nme:g} %", (ms, nme), color=GREY, fontsize=9,
                      xytext=(4, -12), textcoords="offset points")  # fmt: skip
    # One label a network, at its int8 point; neighbours alternate above and below.
    labelled = sorted((point for point in shown if point[1]), key=lambda point: point[2])
    for number, (label, _, ms, nme) in enumerate(labelled):
        axes.annotate(label, (ms, nme), fontsize=8, xytext=(6, 6 if number % 2 else -12),
                      textcoords="offset points")  # fmt: skip
    low, high = min(p[3] for p in shown), max(p[3] for p in shown)
    axes.set_ylim(min(low, 3.5) - 0.3, high + 0.3)
    axes.set_xlim(min(min(p[2] for p in shown), 0.15) * 0.8, max(p[2] for p in shown) * 1.6)
    axes.set_xscale("log")
    plain_logarithm(axes.xaxis)
    axes.set_xlabel("ms per face: ONNX Runtime, batch 1, one thread")
    which = "lfpw_test" if all(row["test_nme"] for row in rows) else "validation"
    axes.set_ylabel(f"NME, inter-ocular (%), {which}")
    axes.legend(loc="upper right")
    return figure
