"""Summaries and figures of a table of light students."""

import numpy as np
import pytest

from mlcmkd import plots
from mlcmkd.evaluation.frontier import (
    Row,
    against,
    benchmark_label,
    best,
    entries,
    has_all_labels,
    table,
)
from mlcmkd.utils.errors import InputError


def some_rows() -> list[Row]:
    big = [Row("b", "rgb", "base", 64, "teacher", 0, 5_000_000, 10**9, 6.0, 3.0, "r0")]
    small = [
        Row(
            "b",
            "rgb",
            "light",
            64,
            method,
            seed,
            300_000,
            10**7,
            1.0,
            nme + 0.1 * seed,
            f"{method}{seed}",
        )
        for method, nme in (("l2", 4.0), ("kd-loss", 3.4))
        for seed in range(3)
    ]
    return small + big


def test_entries_are_means_over_seeds_the_largest_network_first():
    means = entries(some_rows())
    assert [entry.name for entry in means] == ["base, teacher", "light, l2", "light, kd-loss"]
    assert means[1].nme.mean == pytest.approx(4.1) and means[1].nme.seeds == 3


def test_the_share_is_against_the_largest_network():
    lines = table(some_rows())
    assert [line["of the largest"] for line in lines] == ["1.00", "1.37", "1.17"]
    assert lines[0]["NME (%)"] == "3.00 (one seed)" and lines[2]["parameters (M)"] == "0.30"


def test_methods_are_compared_with_the_controls_by_seed():
    l1 = [row._replace(method="l1", nme=row.nme - 0.3) for row in some_rows() if row.method == "l2"]
    lines = {line["method"]: line for line in against([*some_rows(), *l1])}
    assert set(lines) == {"l2", "l1", "kd-loss"}  # the teacher's network has no controls
    assert lines["kd-loss"]["minus l2"] == "-0.60 [-0.60, -0.60]"
    assert lines["kd-loss"]["minus l1"] == "-0.30 [-0.30, -0.30]"
    assert lines["l2"]["minus l2"] == "" and lines["l1"]["minus l2"].startswith("-0.30")


def test_rows_of_few_labels_are_recognised_by_their_benchmark():
    (row, *_) = some_rows()
    assert has_all_labels(row) and benchmark_label("b", None) == "b"
    assert not has_all_labels(row._replace(benchmark=benchmark_label("b", 100)))


def test_a_duplicate_seed_is_refused():
    rows = some_rows()
    again = [*rows, rows[-1]._replace(run="again", nme=9.0)]
    for read in (entries, against, table):
        with pytest.raises(InputError, match=f"seed {rows[-1].seed} occurs twice .*again"):
            list(read(again))


def test_networks_with_another_input_size_are_separate():
    rows = [row for row in some_rows() if row.model == "light"]
    larger = [row._replace(input_px=128, run=f"128{row.run}", nme=row.nme - 1) for row in rows]
    means = entries([*rows, *larger])
    assert len(means) == 2 * len(entries(rows)) and len(best(means)) == 2
    assert {line["input (px)"] for line in table([*rows, *larger])} == {"64", "128"}
    assert against([*rows, *larger])[: len(against(rows))] == against(rows)


def test_the_figure_shows_each_network_with_its_best_method_in_every_panel():
    figure = plots.frontier(some_rows())
    panels = figure.axes
    assert len(panels) == 3
    for axes, expected in zip(panels, ((5.0, 0.3), (1000.0, 10.0), (6.0, 1.0)), strict=True):
        points = [np.ravel(bar.lines[0].get_xydata()) for bar in axes.containers]
        assert points[0] == pytest.approx([expected[0], 3.0])
        assert points[1] == pytest.approx([expected[1], 3.5])
        assert len(points) == 2
        assert axes.get_xscale() == "log"


def test_the_8_bit_network_is_a_point_of_its_own():
    int8 = [
        row._replace(method="l2, int8", nme=row.nme + 1, latency_ms=0.4, run=f"8{row.run}")
        for row in some_rows()
        if row.method == "l2"
    ]
    names = [entry.name for entry in best(entries([*some_rows(), *int8]))]
    assert names == ["base, teacher", "light, kd-loss", "light, l2, int8"]


def test_methods_are_compared_best_first_with_every_seed():
    third = [row._replace(method="l1", nme=3.0) for row in some_rows() if row.method == "l2"]
    figure = plots.methods_compared([*some_rows(), *third])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["l1", "kd-loss", "l2"]
    seeds = next(
        line for line in axes.lines if len(line.get_xdata()) == 3 and 1 <= line.get_ydata()[0] < 1.5
    )
    assert sorted(seeds.get_xdata()) == pytest.approx([3.4, 3.5, 3.6])
    assert not plots.methods_compared(some_rows()).axes[0].lines  # two methods make no panel
