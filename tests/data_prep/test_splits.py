"""Subject-disjoint splits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.splits import assign_splits, check_leakage
from mlcmkd.data.manifest import PairRow
from mlcmkd.utils.errors import InputError

subjects = st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=30, unique=True)


def hints(names):
    return [(name, None) for name in names]


@given(subjects, st.integers(0, 99), st.floats(0.01, 0.99))
def test_every_subject_has_one_split_and_both_are_there(names, seed, fraction):
    splits = assign_splits(hints(names), val_fraction=fraction, seed=seed)
    assert set(splits) == set(names)
    assert set(splits.values()) == {"train", "val"}


@given(st.permutations([f"s{i}" for i in range(20)]), st.integers(0, 99))
def test_order_and_repetition_change_nothing(names, seed):
    expected = assign_splits(hints(sorted(names)), seed=seed)
    assert assign_splits(hints(names) + hints(names[:5]), seed=seed) == expected


def test_additional_subjects_do_not_move_others():
    names = [f"s{i}" for i in range(400)]
    few = assign_splits(hints(names[:200]), seed=3)
    many = assign_splits(hints(names), seed=3)
    assert {name: many[name] for name in few} == few


def test_share_and_seed():
    names = [f"s{i}" for i in range(2000)]
    first = assign_splits(hints(names), val_fraction=0.1, seed=0)
    second = assign_splits(hints(names), val_fraction=0.1, seed=1)
    share = list(first.values()).count("val") / len(names)
    assert 0.08 < share < 0.12  # standard deviation 0.0067
    assert first != second


def test_an_empty_split_gets_the_nearest_subject():
    names = [f"s{i}" for i in range(50)]

    def side(split, fraction):
        splits = assign_splits(hints(names), val_fraction=fraction)
        return {name for name in names if splits[name] == split}

    (first,) = side("val", 1e-9)
    assert first in side("val", 0.1)  # the one that a larger share takes too
    (last,) = side("train", 1 - 1e-9)
    assert last in side("train", 0.9)


def test_fixed_splits_stay_and_are_not_counted():
    splits = assign_splits([("a", "test"), ("b", None), ("c", "val"), ("d", None)])
    assert (splits["a"], splits["c"]) == ("test", "val")
    assert {splits["b"], splits["d"]} == {"train", "val"}


def test_a_single_subject_is_not_forced_out_of_its_draw():
    assert assign_splits([("a", None)], val_fraction=0.0) == {"a": "train"}
    assert assign_splits(hints("abc"), val_fraction=0.0) == dict.fromkeys("abc", "train")


def test_subjects_are_trained_on_by_name():
    subjects = [("a", "val"), ("b", "val"), ("c", "test"), *hints("defghij")]
    plain = assign_splits(subjects, val_fraction=0.3)
    drawn = next(name for name in "defghij" if plain[name] == "val")
    trained = assign_splits(subjects, val_fraction=0.3, train_on=["a", drawn])
    assert trained["a"] == trained[drawn] == "train"
    assert (trained["b"], trained["c"]) == ("val", "test")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x"], "train_on: no subject 'x'; use subjects of the data set such as a, b, c"),
        (["c"], "train_on: subject 'c' is in the test split; leave it there"),
        (["a", "b"], "a, b in training leaves 'val' without subjects"),
    ],
)
def test_training_harms_neither_test_nor_validation(names, message):
    with pytest.raises(InputError, match=message):
        assign_splits([("a", "val"), ("b", "val"), ("c", "test")], train_on=names)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_fraction_out_of_range(fraction):
    with pytest.raises(InputError, match=r"val_fraction must lie in \[0, 1\)"):
        assign_splits(hints("ab"), val_fraction=fraction)


def test_a_subject_fixed_to_two_splits():
    with pytest.raises(InputError, match="subject 'a' is fixed to splits val and test"):
        assign_splits([("a", "val"), ("a", "test")])


def row(name, subject, split, digest):
    return PairRow(
        id=name,
        subject=subject,
        split=split,
        rgb_file_name="rgb/a.png",
        rgb_sha256=digest,
        scheme="ibug68",
    )


def test_leakage_is_an_error():
    good = [row("1", "a", "train", "x"), row("2", "a", "train", "x"), row("3", "b", "test", "y")]
    check_leakage(good)
    with pytest.raises(InputError) as caught:
        check_leakage([*good, row("4", "b", "train", "z")])
    assert "subject 'b' is in splits test (row '3') and train (row '4')" in str(caught.value)
    with pytest.raises(InputError) as caught:
        check_leakage([*good, row("4", "c", "val", "y")])
    assert "rows '3' (test) and '4' (val) have the same image" in str(caught.value)
