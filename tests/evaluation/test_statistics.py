"""Paired statistics by hand and against an independent implementation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy import stats

from mlcmkd import plots
from mlcmkd.evaluation.statistics import difference, gap_closed, interval
from mlcmkd.evaluation.tables import (
    FEW_LABELS,
    FEW_PAIRS,
    Row,
    by_seed,
    in_setting,
    read_misalignment,
    read_rows,
    table,
    with_aligned,
)
from mlcmkd.studies.ktl.plan import COLUMNS
from mlcmkd.studies.table import add_row
from mlcmkd.utils.errors import InputError


def row(strategy="none", seed=0, nme=5.0, pairs=500, labelled=500, benchmark="b") -> Row:
    return Row(
        benchmark, "base", 64, 600, pairs, labelled, strategy, "cosine", "teacher", seed, nme, 4.0,
        f"{strategy}{seed}{pairs}{labelled}{benchmark}",
    )  # fmt: skip


ROWS = [
    row(name, seed, base + 0.1 * seed, pairs, labelled)
    for name, base in (("none", 5.0), ("fd+ld", 4.6), ("dikd", 4.5))
    for seed in range(3)
    for pairs, labelled in ((100, 100), (500, 500), (1793, 100))
]


def test_an_interval_by_hand():
    # Mean 2, standard deviation 1, t of 2 degrees of freedom at 97.5 % is 4.3027.
    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.seeds) == (2.0, 3)
    assert found.high - 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)
    assert found.low + found.high == pytest.approx(4)
    assert str(found) == "2.00 [-0.48, 4.48]"
    assert str(interval([1.5])) == "1.50 (one seed)"


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=12))
def test_a_difference_equals_scipys_paired_test(values):
    a = dict(enumerate(values))
    b = {seed: value + 0.3 + 0.01 * seed**2 for seed, value in a.items()}
    found = difference(a, b)
    theirs = stats.ttest_rel(list(a.values()), list(b.values())).confidence_interval(0.95)
    assert found.low == pytest.approx(theirs.low, abs=1e-6)
    assert found.high == pytest.approx(theirs.high, abs=1e-6)


def test_a_difference_pairs_by_seed_and_not_by_place():
    found = difference({2: 5.0, 0: 4.0, 7: 1.0}, {0: 4.5, 2: 5.5, 9: 0.0})
    assert found == (-0.5, -0.5, -0.5, 2)


def test_the_share_of_the_gap_by_hand():
    found = gap_closed({0: 6.0, 1: 5.0}, {0: 5.0, 1: 4.0}, teacher=4.0)
    assert found.mean == pytest.approx((0.5 + 1.0) / 2)
    with pytest.raises(InputError, match="there is no gap"):
        gap_closed({0: 4.0}, {0: 3.0}, teacher=4.0)


def test_unpaired_values_are_refused():
    with pytest.raises(InputError, match="share no seed"):
        difference({0: 1.0}, {1: 1.0})
    with pytest.raises(InputError, match="seed 0 of 'none' occurs twice"):
        by_seed([row(), row()])
    with pytest.raises(InputError, match="no values"):
        interval([])


def test_settings_are_told_apart():
    few, many = (in_setting(ROWS, "b", setting) for setting in (FEW_PAIRS, FEW_LABELS))
    assert {each.pairs for each in few} == {100, 500}
    assert {(each.pairs, each.labelled) for each in many} == {(1793, 100)}
    assert len(few) + len(many) == len(ROWS)
    assert in_setting(ROWS, "other", FEW_PAIRS) == []
    with pytest.raises(InputError, match="setting 'all' is unknown"):
        in_setting(ROWS, "b", "all")


def test_the_table_summarises_the_rows():
    lines = table(in_setting(ROWS, "b", FEW_LABELS), FEW_LABELS, ours="dikd")
    assert [line["strategy"] for line in lines] == ["none", "fd+ld", "**dikd**"]
    ours = lines[2]
    assert ours["labels"] == "100" and ours["seeds"] == "3"
    assert ours["NME (%)"] == str(interval([4.5, 4.6, 4.7]))
    assert ours["minus none"] == "-0.500 [-0.500, -0.500]"
    assert ours["minus fd+ld"] == "-0.100 [-0.100, -0.100]"
    # By hand: 0.5 / 1.0, 0.5 / 1.1, 0.5 / 1.2.
    assert ours["gap closed"] == str(interval([0.5, 0.5 / 1.1, 0.5 / 1.2]))
    assert lines[0]["gap closed"] == lines[0]["minus none"] == ""


def test_a_table_comes_back_as_it_was_written(tmp_path):
    for each in ROWS:
        add_row(tmp_path / "t.csv", COLUMNS, each._asdict())
    assert read_rows(tmp_path / "t.csv") == ROWS
    assert Row._fields == COLUMNS


def test_bad_tables_name_the_line(tmp_path):
    with pytest.raises(InputError, match="no such table"):
        read_rows(tmp_path / "none.csv")
    add_row(tmp_path / "t.csv", COLUMNS, row()._asdict())
    add_row(tmp_path / "t.csv", COLUMNS, {**row()._asdict(), "nme": "much"})
    with pytest.raises(InputError, match="line 3"):
        read_rows(tmp_path / "t.csv")
    (tmp_path / "u.csv").write_text("benchmark,nme\nb,3\n")
    with pytest.raises(InputError, match="line 2"):
        read_rows(tmp_path / "u.csv")


def test_the_figure_draws_means_and_paired_differences():
    figure = plots.nme_against_count(in_setting(ROWS, "b", FEW_PAIRS), FEW_PAIRS)
    left, right = figure.axes
    drawn = {container.get_label(): container for container in left.containers}
    assert set(drawn) == {"none", "fd+ld", "dikd"}
    np.testing.assert_allclose(drawn["dikd"].lines[0].get_ydata(), [4.6, 4.6])
    apart = {container.get_label(): container for container in right.containers}
    assert set(apart) == {"none", "dikd"}, "FD+LD is the zero line"
    np.testing.assert_allclose(apart["dikd"].lines[0].get_ydata(), [-0.1, -0.1])


def test_the_figure_without_differences_has_the_same_means_in_one_panel():
    rows = in_setting(ROWS, "b", FEW_PAIRS)
    (alone,) = plots.nme_against_count(rows, FEW_PAIRS, differences=False).axes
    left = plots.nme_against_count(rows, FEW_PAIRS).axes[0]
    for one, other in zip(alone.containers, left.containers, strict=True):
        np.testing.assert_array_equal(one.lines[0].get_xydata(), other.lines[0].get_xydata())
    assert alone.get_ylim() == left.get_ylim()


def test_the_figure_of_misalignment_has_both_scales():
    values = {"dikd": {0: [4.0, 4.2], 5: [5.0, 5.2]}, "none": {0: [4.5, 4.6]}}
    values["fi"] = {0: [4.1, 4.2], 5: [4.4]}
    figure = plots.nme_against_misalignment(values, per_pixel=2.0)
    assert {c.get_label() for c in figure.axes[0].containers} == {
        "dikd",
        "none",
        "fi (one seed)",
    }
    (fi,) = (c for c in figure.axes[0].containers if "fi" in c.get_label())
    assert fi.lines[0].get_linestyle() == "--"
    (top,) = figure.axes[0].child_axes
    FigureCanvasAgg(figure).draw()
    assert top.get_xlim() == pytest.approx([2 * end for end in figure.axes[0].get_xlim()])


def test_misalignment_is_read_by_strategy_shift_and_seed(tmp_path):
    head = (
        "benchmark,model,input_px,steps,pairs,labelled,strategy,decay,init,seed,nme,nme_teacher,run"
    )
    rows = [
        ("dikd", 10.0, 0, 4.5),
        ("dikd", 0.0, 1, 3.5),
        ("fd+ld", 10.0, 0, 7.5),
        ("dikd", 10.0, 1, 4.7),
    ]
    lines = [
        f"b,base,64,600,500,500,{name},cosine,teacher,{seed},{nme},3.4,{number},{shift}"
        for number, (name, shift, seed, nme) in enumerate(rows)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([f"{head},misalignment_px", *lines]))
    assert read_misalignment(path) == {
        "dikd": {0.0: {1: 3.5}, 10.0: {0: 4.5, 1: 4.7}},
        "fd+ld": {10.0: {0: 7.5}},
    }
    assert read_misalignment(path, seed="0") == {
        "dikd": {10.0: {0: 4.5}},
        "fd+ld": {10.0: {0: 7.5}},
    }
    with pytest.raises(InputError, match="run 0: .*wrong_pairs"):
        read_misalignment(path, wrong_pairs="0")
    path.write_text("\n".join([head, lines[0].rsplit(",", 1)[0]]))
    with pytest.raises(InputError, match="run 0: .*misalignment_px"):
        read_misalignment(path)


def test_unshifted_runs_come_from_the_ablation_of_the_same_seeds():
    shifted = {"fd+ld": {4.0: {0: 7.0, 1: 7.5}}, "dikd, own guide": {0.0: {0: 4.0}, 4.0: {0: 4.1}}}
    elsewhere = [row("none", seed, 9.0, benchmark="other") for seed in range(2)]
    found = with_aligned(shifted, [*ROWS, *elsewhere], "b", 500)
    alone = {0: 5.0, 1: 5.1}
    assert found == {
        "none": {0.0: alone, 4.0: alone},
        "fd+ld": {0.0: {0: 4.6, 1: 4.6 + 0.1}, 4.0: {0: 7.0, 1: 7.5}},
        "dikd, own guide": {0.0: {0: 4.0}, 4.0: {0: 4.1}},
    }
    assert with_aligned(shifted, ROWS, "other", 500) == shifted
