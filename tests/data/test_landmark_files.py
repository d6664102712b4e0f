"""Landmarks from folders of .pts, CSVs and manifests, and which faces of two are the same."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.readers.base import fail
from data_prep.readers.image_index import ImageIndex
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.data.landmark_faces import LandmarkFiles, match, name_of
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.deployment.boxes import BoxTable
from mlcmkd.utils.errors import InputError

POINTS = np.arange(136.0).reshape(68, 2)
WIDE = ["image", *(f"{axis}{n}" for n in range(68) for axis in "xy")]


def write_pts(path, points=POINTS):
    """0-based points as iBUG writes them, from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "".join(f"{x!r} {y!r}\n" for x, y in (np.asarray(points) + 1).tolist())
    path.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{body}}}\n")
    return path


def write_wide(path, faces):
    rows = [[name, *map(repr, np.ravel(points).tolist())] for name, points in faces.items()]
    path.write_text("".join(",".join(cells) + "\n" for cells in [WIDE, *rows]))
    return path


def write_long(path, faces, scheme="ibug68"):
    lines = ["image,scheme,point,x,y"]
    for name, points in faces.items():
        lines += [f"{name},{scheme},{n},{x!r},{y!r}" for n, (x, y) in enumerate(points.tolist())]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_manifest(folder, *rows):
    folder.mkdir(exist_ok=True)
    common = {"split": "test", "scheme": "ibug68", "landmarks": POINTS.tolist()}
    lines = [{**common, "subject": row["id"], **row} for row in rows]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def read(path, scheme="ibug68", **options) -> LandmarkFiles:
    return read_landmarks(path, scheme, **options)


def test_pts_count_from_one_and_go_by_their_path(tmp_path):
    write_pts(tmp_path / "b/001.pts", POINTS + 0.5)
    write_pts(tmp_path / "a.PTS")
    (tmp_path / "a.jpg").write_bytes(b"a picture is no matter here")
    found = read(tmp_path)
    assert list(found.faces) == ["a", "b/001"] and found.scheme == "ibug68"
    np.testing.assert_allclose(found.faces["b/001"], POINTS + 0.5)


def test_a_point_that_is_not_there_is_nan(tmp_path):
    lines = ["nan nan", "nan 4", *("2 3",) * 66]
    (tmp_path / "a.pts").write_text("\n".join(lines))
    wide = POINTS.copy()
    wide[3, 0] = np.nan  # its y is worth nothing alone
    write_wide(tmp_path / "w.csv", {"a.png": wide})
    marks = read(tmp_path).faces["a"]
    assert np.isnan(marks[0]).all() and marks[2].tolist() == [1, 2]
    assert np.isnan(read(tmp_path / "w.csv").faces["a"][3]).all()


@pytest.mark.parametrize("write", [write_wide, write_long])
def test_csvs_count_from_zero_and_go_by_their_image(tmp_path, write):
    path = write(tmp_path / "p.csv", {"frames/b.png": POINTS, "a.7": POINTS + 1})
    found = read(path)
    assert list(found.faces) == ["frames/b", "a.7"]
    np.testing.assert_array_equal(found.faces["a.7"], POINTS + 1)


def test_a_csv_may_have_empty_cells_byte_order_mark_and_points_in_any_order(tmp_path):
    lines = ["image,scheme,point,x,y", *(f"a.png,ibug68,{n},{n},2" for n in reversed(range(68)))]
    lines[1] = "a.png,ibug68,67,,"
    (tmp_path / "p.csv").write_text("\ufeff" + "\r\n".join([*lines, "", ",,,,"]), encoding="utf-8")
    marks = read(tmp_path / "p.csv").faces["a"]
    assert np.isnan(marks[67]).all() and marks[5].tolist() == [5, 2]


def test_a_manifest_gives_the_labelled_rows_of_a_split(tmp_path):
    write_manifest(
        tmp_path / "m",
        {"id": "x/a", "rgb_file_name": "rgb/1.png", "group": "challenge"},
        {"id": "x/b", "rgb_file_name": "rgb/2.png"},
        {"id": "x/c", "rgb_file_name": "rgb/3.png", "split": "val"},
        {"id": "x/d", "rgb_file_name": "rgb/4.png", "landmarks": None},
    )
    found = read(tmp_path / "m", scheme="sf_tl54")  # its rows say which scheme they are of
    assert list(found.faces) == ["x/a", "x/b"] and found.scheme == "ibug68"
    assert found.groups == {"x/a": "challenge"}
    assert found.images["x/b"] == ("rgb/2",)
    assert list(read(tmp_path / "m", split="val").faces) == ["x/c"]
    with pytest.raises(InputError, match="no labelled row in split 'train'"):
        read(tmp_path / "m", split="train")


def wide_text(separator=",", name="a.png", first=0):
    names = (f"{axis}{n + first}" for n in range(68) for axis in "xy")
    return (
        "\n".join(separator.join(row) for row in (["image", *names], [name, *["1.5"] * 136])) + "\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        wide_text(),
        "\ufeff" + wide_text().replace("\n", "\r\n"),
        wide_text().replace("\n", "\r"),
        "\n\n" + wide_text(),
        wide_text(first=1),
        wide_text().replace("image,", '"image",'),
    ],
    ids=["plain", "byte order mark, CR LF", "CR", "blank lines first", "from 1", "quoted"],
)
def test_dialects_of_a_csv_that_are_read(tmp_path, text):
    (tmp_path / "p.csv").write_bytes(text.encode())
    np.testing.assert_array_equal(read(tmp_path / "p.csv").faces["a"], np.full((68, 2), 1.5))


def long_line(change, at=3):
    lines = ["image,scheme,point,x,y", *(f"a.png,ibug68,{n},{n},2" for n in range(68))]
    lines[at] = change
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("image,scheme,point,x,y\n", "a header without rows"),
        (long_line("a.png,ibug68,2,1"), "line 4: 4 cells, but the header has 5"),
        (long_line("a.png,ibug68,1,1,2"), "line 4: point 1 of 'a.png' appears twice"),
        (long_line("a.png,ibug68,68,1,2"), "line 4: point '68', but ibug68 has the points 0 to 67"),
        (long_line("a.png,ibug68,-1,1,2"), "line 4: point '-1'"),
        (long_line("a.png,ibug68,2,one,2"), "line 4: 'one' is not a finite number"),
        (long_line("a.png,ibug68,2,inf,2"), "line 4: 'inf' is not a finite number"),
        (long_line("a.png,sf_tl54,2,1,2"), "line 4: scheme 'sf_tl54' after 'ibug68'"),
        (long_line("a.png,nose9,0,1,2", 1), "line 2: landmark scheme 'nose9' is unknown"),
        (long_line("", 68), "face 'a' has 67 of 68 points, 67 is missing"),
        ("image,x0,y0\na,1,2\n", "or image,x0,y0 to x67,y67 (ibug68), but has 1 points"),
        (wide_text(";"), "the columns are separated by semicolons; export the table with commas"),
        (wide_text("\t"), "the columns are separated by tabs"),
        ("sep=,\n" + wide_text(), "line 1: 'sep=' is a line for Excel; delete this line"),
        (wide_text().replace("1.5", '"1,5"', 1), "line 2: '1,5' has a decimal comma"),
        (wide_text().encode("utf-16"), "text in UTF-16"),
        (wide_text().encode("utf-16-le"), "text in UTF-16"),
        (
            wide_text(name="é.png").encode("cp1252"),
            "line 2: a letter that is not UTF-8 (byte 0xe9)",
        ),
        (wide_text(name="лицо.png").encode("cp1251"), "line 2: a letter that is not UTF-8"),
        ("," + wide_text().replace("\n", "\n0,", 1), "no name in column 1 (row numbers of pandas?"),
        (wide_text().replace("x3,", "x4,"), "but has 'x4' instead of 'x3' in column 8"),
        ("name,x,y\na,1,2\n", "the header must be image,scheme,point,x,y"),
        (",".join(WIDE) + "\n" + "a,1\n", "line 2: 2 cells, but the header has 137"),
        (",".join(WIDE) + ("\na.png" + ",1" * 136) * 2, "line 3: 'a.png' appears twice"),
    ],
)
def test_a_bad_csv_is_named_with_its_line_and_cause(tmp_path, text, message):
    (tmp_path / "p.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read(tmp_path / "p.csv")
    assert str(tmp_path / "p.csv") in str(caught.value) and message in str(caught.value)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200) | st.text('imagexy01,."\n schempont', max_size=200))
def test_garbage_ends_in_input_errors_only(tmp_path, data):
    path = tmp_path / "p.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError, match="p.csv"):
        read(path)


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: neither a folder nor a .csv file"):
        read(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no .pts file and no metadata.jsonl in it"):
        read(tmp_path)
    write_pts(tmp_path / "a.pts", POINTS[:54])
    with pytest.raises(InputError, match="a.pts, line 2: n_points is 54, but the scheme has 68"):
        read(tmp_path)
    (tmp_path / "a.pts").write_text("1 2\n" * 54)
    with pytest.raises(InputError, match="a.pts: 54 points instead of 68"):
        read(tmp_path)
    assert read(tmp_path, scheme="sf_tl54").faces["a"].shape == (54, 2)
    (tmp_path / "a.pts").unlink()
    for name in ("a.pts", "a.PTS"):
        write_pts(tmp_path / name)
    with pytest.raises(InputError, match="a second file for the face 'a'; keep one"):
        read(tmp_path)


def files(*names: str, **images: tuple[str, ...]) -> LandmarkFiles:
    return LandmarkFiles("ibug68", dict.fromkeys(names, POINTS), images=images)


def test_names_of_files():
    assert name_of("x/image_01.JPG") == "x/image_01"
    assert name_of("frame.0001") == "frame.0001"


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_an_image_of_every_type_goes_by_its_name(tmp_path, suffix):
    """In annotations, predictions, tables of boxes and folders alike."""
    assert name_of(f"x/a{suffix}") == name_of(f"x/a{suffix.upper()}") == "x/a"
    assert match(files("a"), files(name_of(f"x/a{suffix}"))) == {"x/a": "a"}
    (tmp_path / "boxes.csv").write_text(f"image,x0,y0,x1,y1\na{suffix},1,2,30,40\n")
    assert BoxTable(tmp_path / "boxes.csv").of("frames/a.png") == [(1, 2, 30, 40)]
    (tmp_path / "x").mkdir()
    (tmp_path / f"x/a{suffix}").touch()
    assert ImageIndex(tmp_path, fail).find("a.other-suffix.png") is None
    assert ImageIndex(tmp_path, fail).find("a.png") == tmp_path / f"x/a{suffix}"


@pytest.mark.parametrize(
    ("predicted", "annotated", "expected"),
    [
        (["a", "b"], ["b", "a"], {"a": "a", "b": "b"}),
        (["/home/me/frames/b/a"], ["b/a"], {"b/a": "/home/me/frames/b/a"}),
        (["a"], ["lfpw/a"], {"lfpw/a": "a"}),
        (["x/a", "y/a"], ["y/a", "x/a"], {"x/a": "x/a", "y/a": "y/a"}),
        (["a", "x/a"], ["x/a", "a"], {"a": "a", "x/a": "x/a"}),
        (["y/a", "aa"], ["x/a", "ba"], {}),
    ],
)
def test_names_match_from_their_end(predicted, annotated, expected):
    assert match(files(*predicted), files(*annotated)) == expected


def test_a_manifests_row_also_goes_by_its_images():
    annotated = files("anna", "bob", anna=("rgb/1", "thermal/7"), bob=("rgb/2", "thermal/8"))
    assert match(files("DATA/rgb/2", "7"), annotated) == {"bob": "DATA/rgb/2", "anna": "7"}
    assert match(files("anna"), annotated) == {"anna": "anna"}


def test_names_that_are_not_clear_are_refused():
    with pytest.raises(InputError, match="'a' fits the annotated faces 'x/a' and 'y/a'"):
        match(files("a"), files("x/a", "y/a"))
    with pytest.raises(InputError, match="'x/a' and 'y/a' both fit the annotated face 'a'"):
        match(files("x/a", "y/a"), files("a"))
    annotations = files("a", "a#2", **{"a": ("rgb/1",), "a#2": ("rgb/1",)})
    with pytest.raises(InputError, match="fits the annotated faces 'a' and 'a#2'"):
        match(files("rgb/1"), annotations)
