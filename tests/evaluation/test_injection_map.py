"""The map of dual injection: choices on the validation split, pairs by seed, all by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.evaluation.injection_cells import (
    BASELINES,
    FORMS,
    Cell,
    Row,
    in_cells,
    read_rows,
)
from mlcmkd.evaluation.injection_map import (
    chosen,
    compare,
    minus,
    order_of_labels,
)
from mlcmkd.evaluation.statistics import Interval
from mlcmkd.studies.table import add_row
from mlcmkd.utils.errors import InputError

CELL = Cell("300w-sim", "same", "100", 0.0, False)


def row(strategy, seed=0, nme=5.0, val=5.0, *, shift=0.0, labelled=100, student="same", **changes):
    run = f"{strategy}-{seed}-{shift}-{labelled}-{student}"
    return Row("300w-sim", student, 1793, labelled, shift, strategy, seed, nme, val, run)._replace(
        **changes
    )


def rows(strategy, nme, val, seeds=None, **place):
    """A row for each seed."""
    seeds = range(len(nme)) if seeds is None else seeds
    return [
        row(strategy, seed, *scores, **place) for seed, *scores in zip(seeds, nme, val, strict=True)
    ]


def the_one(table, **options):
    compared, left_out = compare(in_cells(table), **options)
    assert len(compared) == 1 and not left_out
    return compared[0]


# On the test split dikd (4.0) and ld (4.1) are best, on the validation split dikd+fd+ld and fd+ld.
CHOICE = [
    *rows("dikd", (4.0, 4.0), (5.0, 5.2)),
    *rows("dikd+fd+ld", (4.2, 4.6), (5.0, 5.0)),
    *rows("ld", (4.1, 4.1), (5.3, 5.3)),
    *rows("fd+ld", (4.5, 4.7), (5.2, 5.1)),
    *rows("ri", (3.0, 3.2), (4.0, 4.0)),
    *rows("none", (5.0, 6.0), (7.0, 7.0)),
]


def test_the_choice_is_made_on_the_validation_split():
    found = the_one(CHOICE)
    assert (found.cell, found.form, found.baseline) == (CELL, "dikd+fd+ld", "fd+ld")
    assert (found.form_nme.mean, found.baseline_nme.mean) == pytest.approx((4.4, 4.6))
    # Differences -0.3 and -0.1: mean -0.2, standard error 0.1, t of one degree of freedom 12.706.
    assert found.gain == pytest.approx((-0.2, -0.2 - 1.2706, -0.2 + 1.2706, 2), abs=1e-4)
    assert found.to_labels.mean == pytest.approx(((4.2 - 5) + (4.6 - 6)) / 2)


def test_a_single_injection_is_neither_form_nor_baseline_unless_it_is_named():
    found = the_one(CHOICE)
    assert (found.form, found.baseline) == ("dikd+fd+ld", "fd+ld"), "ri has the lowest scores"
    assert the_one(CHOICE, baselines=(*BASELINES, "ri")).baseline == "ri"
    assert the_one(CHOICE, forms=("ri", *FORMS)).form == "ri"


def test_of_equal_validation_scores_the_one_with_fewer_terms_is_chosen():
    # 0.1 + 0.2 + 0.3 differs from 0.3 + 0.2 + 0.1 in the last bit.
    table = [
        *rows("fd+ld", (1, 1, 1), (0.3, 0.2, 0.1)),
        *rows("ld", (2, 2, 2), (0.1, 0.2, 0.3)),
        *rows("dikd+fd+ld", (1,), (3,)),
        *rows("dikd, own guide", (1,), (3,)),
        *rows("dikd", (1,), (3,)),
    ]
    found = the_one(table)
    assert (found.form, found.baseline) == ("dikd", "ld")


def test_candidates_are_compared_over_the_seeds_of_all_of_them():
    # With its easy seeds 2 and 3 alone, "ld" would be the best.
    runs = in_cells(
        [
            *rows("ld", (1, 1, 1, 1), (5, 5, 1, 1)),
            *rows("fd", (1, 1), (4, 4)),
        ]
    )[CELL]
    assert chosen(runs, BASELINES) == "fd"
    apart = in_cells([row("ld", 0), row("fd", 1)])[CELL]
    assert chosen(apart, BASELINES) is None and chosen(apart, FORMS) is None


def test_differences_are_of_the_same_seed():
    table = [
        *rows("dikd", (4.0, 5.0, 9.0), (1, 1, 1), seeds=(0, 1, 2)),
        *rows("fd+ld", (5.5, 4.25, 1.0), (1, 1, 1), seeds=(1, 0, 7)),
    ]
    found = the_one(table)
    assert found.gain.seeds == 2
    assert found.gain.mean == pytest.approx((4.0 - 4.25 + 5.0 - 5.5) / 2)
    assert (found.form_nme.mean, found.baseline_nme.mean) == (4.5, 4.875)


@given(st.permutations(CHOICE))
def test_the_order_of_the_rows_does_not_matter(table):
    assert the_one(table) == the_one(CHOICE)


def test_labels_alone_serve_all_shifts():
    table = [
        *rows("none", (6.0, 6.2), (7.0, 7.0)),
        *rows("dikd", (5.0, 5.0), (1, 1), shift=4.0),
        *rows("R, dikd", (4.8, 4.8), (1, 1), shift=4.0),
        *rows("dikd", (5.0, 5.0), (1, 1), shift=4.0, labelled=1793),
        *rows("dikd", (5.0, 5.0), (1, 1), shift=4.0, student="light"),
    ]
    compared, left_out = compare(in_cells(table))
    assert [each.cell for each in compared] == [
        CELL._replace(shift=4.0),
        CELL._replace(shift=4.0, registered=True),
    ]
    assert [each.gain.mean for each in compared] == pytest.approx([-1.1, -1.3])
    assert {each.baseline for each in compared} == {"none"}
    assert [line.rsplit(": ")[1] for line in left_out] == [
        "no form with dual injection",
        "no strategy without injection",
        "no strategy without injection",
    ]
    own = [*table, *rows("none", (9.0, 9.0), (1, 1), shift=4.0)]
    assert compare(in_cells(own))[0][0].gain.mean == pytest.approx(-4), "its own runs come first"


def test_cells_without_a_comparison_are_named():
    table = [row("dikd"), row("fd+ld", 1), row("fd", student="light"), row("ri", labelled=0)]
    assert compare(in_cells(table)) == (
        [],
        [
            "300w-sim, same, 100 labels, 0 px: 'dikd' and 'fd+ld' share no seed",
            "300w-sim, light, 100 labels, 0 px: no form with dual injection",
            "300w-sim, same, 0 labels, 0 px: no form with dual injection",
        ],
    )


def test_registered_pairs_are_cells_of_their_own():
    table = [
        *(row(name, nme=nme, shift=4.0) for name, nme in (("dikd", 5.0), ("fd+ld", 6.0))),
        *(row(f"R, {name}", nme=nme, shift=4.0) for name, nme in (("dikd", 4.0), ("fd+ld", 4.5))),
    ]
    compared, _ = compare(in_cells(table))
    assert [each.cell.registered for each in compared] == [False, True]
    assert [each.gain.mean for each in compared] == [-1.0, -0.5]


def test_labels_are_sorted_and_all_labels_have_one_name():
    table = [row("dikd", labelled=1793), row("dikd", labelled=2000, pairs=2000, benchmark="other")]
    assert {cell.labels for cell in in_cells(table)} == {"all"}
    assert sorted(["0", "all", "500", "100"], key=order_of_labels) == ["100", "500", "all", "0"]


def test_differences_of_every_strategy_to_one():
    table = [
        *(row("fd+ld", nme=5.0, shift=shift) for shift in (0.0, 4.0)),
        row("ri", nme=5.25),
        row("ri", nme=6.0, shift=4.0),
        row("none", nme=7.0),
        row("dikd", nme=1.0, student="light"),
    ]
    found = minus(in_cells(table))
    shifted = CELL._replace(shift=4.0)
    assert found == {"none": {CELL: 2.0, shifted: 2.0}, "ri": {CELL: 0.25, shifted: 1.0}}


@pytest.mark.parametrize(
    ("found", "excludes"),
    [
        (Interval(-1, -2, -0.1, 3), True),
        (Interval(1, 0.1, 2, 3), True),
        (Interval(-1, -2, 0.1, 3), False),
        (Interval(-1, float("nan"), float("nan"), 1), False),
    ],
)
def test_an_interval_excludes_zero(found, excludes):
    assert found.excludes_zero == excludes


def test_a_strategy_that_is_unknown_and_a_seed_that_occurs_twice():
    with pytest.raises(InputError, match="strategy 'R, dkid' is not among none; pseudo-labels; ld"):
        in_cells([row("dikd"), row("R, dkid")])
    with pytest.raises(InputError, match="a second run of 'dikd' with seed 0 in one cell"):
        in_cells([row("dikd"), row("dikd", nme=3.0)])


def test_a_table_is_read_and_needs_validation_scores(tmp_path):
    path = tmp_path / "table.csv"
    with pytest.raises(InputError, match="no such table; `mlcmkd sweep` writes it"):
        read_rows(path)
    for each in CHOICE:
        add_row(path, (*Row._fields, "guide"), each._asdict() | {"guide": "own"})
    assert read_rows(path) == CHOICE
    path.unlink()
    columns = tuple(name for name in Row._fields if name != "val_nme")
    add_row(path, columns, {name: getattr(CHOICE[0], name) for name in columns})
    with pytest.raises(InputError, match="no column val_nme.*set validation: true"):
        read_rows(path)
