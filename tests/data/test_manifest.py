"""The manifest's rows: round trip, and every way to be refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlcmkd.data.manifest import MANIFEST, PairRow, inside, read_rows
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.schemes import SCHEMES
from mlcmkd.utils.errors import InputError

ROW = {
    "id": "a",
    "subject": "s",
    "split": "train",
    "rgb_file_name": "rgb/a.png",
    "landmarks": [[float(i), 2.5 * i] for i in range(68)],
    "scheme": "ibug68",
}


def write(folder, *rows):
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def test_a_row_comes_back_as_it_was(tmp_path):
    write(tmp_path, ROW)
    (row,) = read_rows(tmp_path)
    assert row.landmarks[67] == (67.0, 167.5)
    assert (row.id, row.subject, row.split, row.thermal_file_name) == ("a", "s", "train", None)


@pytest.mark.parametrize("changes", [{"visible": [True] * 67}, {"landmarks": None, "visible": []}])
def test_a_flag_of_visibility_for_every_landmark(tmp_path, changes):
    write(tmp_path, {**ROW, "visible": [True] * 67 + [False]})
    assert read_rows(tmp_path)[0].visible[-1] is False
    write(tmp_path, {**ROW, **changes})
    with pytest.raises(InputError, match="flags of visibility"):
        read_rows(tmp_path)


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
numbers = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.builds(
            PairRow,
            id=names,
            subject=names,
            split=st.just("val"),
            rgb_file_name=st.just("rgb/x.png"),
            thermal_file_name=st.sampled_from([None, "thermal/x.png"]),
            landmarks=st.none() | st.lists(st.tuples(numbers, numbers), min_size=54, max_size=54),
            scheme=st.just("sf_tl54"),
            radiometry=st.just(FACE_CENTIKELVIN),
            source=names,
            group=st.none() | st.just("pose+blur"),
            facts=st.none() | st.dictionaries(names, names | numbers, max_size=3),
            assumed=st.none() | names,
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda row: row.id,
    )
)
def test_any_rows_survive_the_file(tmp_path, rows):
    text = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in rows)
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    assert read_rows(tmp_path) == rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(
        [*ROW, *("box", "radiometry", "thermal_file_name", "visible", "facts", "assumed", "extra")]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=4,
    ),
)
def test_hostile_rows_end_in_input_errors_only(tmp_path, field, value):
    write(tmp_path, {**ROW, field: value})
    try:
        read_rows(tmp_path)
    except InputError as error:
        assert "line 1" in str(error)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_bytes_of_any_kind_end_in_input_errors_only(tmp_path, data):
    (tmp_path / MANIFEST).write_bytes(data)
    with pytest.raises(InputError):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"landmarks": ROW["landmarks"][:5]}, "5 landmarks, but scheme ibug68 has 68"),
        ({"landmarks": [[0.0, float("nan")]] * 68}, "a landmark is not a finite number"),
        ({"landmarks": [[0.0, float("inf")]] * 68}, "a landmark is not a finite number"),
        ({"scheme": "x"}, "landmark scheme 'x' is unknown"),
        ({"split": "dev"}, "line 1: split: Input should be"),
        ({"rgb_file_name": None}, "neither rgb_file_name nor thermal_file_name"),
        ({"rgb_file_name": "../x.png"}, "'../x.png' leaves the manifest's folder"),
        ({"rgb_file_name": "/x.png"}, "'/x.png' leaves the manifest's folder"),
        ({"rgb_file_name": "a\\..\\x.png"}, "leaves the manifest's folder"),
        ({"rgb_file_name": "C:x.png"}, "leaves the manifest's folder"),
        ({"rgb_file_name": ""}, "leaves the manifest's folder"),
        ({"thermal_file_name": "t.png"}, "a thermal file needs its radiometry"),
        ({"radiometry": {"kind": "grey8", "low": 9, "high": 1}}, "the range must rise"),
        ({"colour": "red"}, "line 1: colour: no such field"),
    ],
)
def test_each_fault_is_named(tmp_path, change, message):
    write(tmp_path, {**ROW, **change})
    with pytest.raises(InputError) as caught:
        read_rows(tmp_path)
    assert message in str(caught.value)
    assert "metadata.jsonl, line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"id": '], "line 1: not JSON"),
        ([ROW, "", {**ROW, "split": "val"}], "line 3: id 'a' appears twice"),
        (
            [ROW, {**ROW, "id": "b", "split": "test"}],
            "line 2: subject 's' is in splits train and test; keep each subject in one",
        ),
        ([""], "the manifest has no rows"),
        (["[1, 2]"], "line 1"),
    ],
)
def test_faults_of_the_file_are_named(tmp_path, rows, message):
    write(tmp_path, *rows)
    with pytest.raises(InputError) as caught:
        read_rows(tmp_path)
    assert message in str(caught.value)


def test_a_missing_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="no such manifest; make one with `mlcmkd prepare`"):
        read_rows(tmp_path)


def test_inside_follows_links(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("")
    (tmp_path / "secret").write_text("")
    (tmp_path / "in" / "good").symlink_to("a")
    (tmp_path / "in" / "bad").symlink_to("../secret")
    assert inside(tmp_path / "in", "good") == (tmp_path / "in" / "a").resolve()
    for name in ("bad", "../secret", str(tmp_path / "secret")):
        with pytest.raises(InputError, match="leads out of the data folder"):
            inside(tmp_path / "in", name)


def test_every_scheme_makes_a_row():
    for name, scheme in SCHEMES.items():
        row = PairRow(**{**ROW, "scheme": name, "landmarks": [(0.0, 0.0)] * scheme.points})
        assert len(row.landmarks) == scheme.points
