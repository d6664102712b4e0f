"""Kind: a file names its points. The names decide which point is which, in every format with names."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.prepare import prepare
from data_prep.readers import get_reader
from data_prep.readers.parsing.point_names import places
from data_prep.verification.check_manifest import verify
from mlcmkd.data.manifest import read_rows
from mlcmkd.schemes import IBUG68, SCHEMES, SFTL54
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources
from tests.data_prep.test_verification import face

NAMINGS = {
    "own names": IBUG68.names,
    "own names, other letters": [name.replace(" ", "_").title() for name in IBUG68.names],
    "from 0": [str(n) for n in range(68)],
    "from 1": [str(n + 1) for n in range(68)],
    "two digits": [f"{n:02d}" for n in range(68)],
    "a prefix": [f"p{n}" for n in range(68)],
    "a prefix, from 1": [f"new-point-{n + 1}" for n in range(68)],
}


def shuffled() -> list[int]:
    return np.random.default_rng(0).permutation(68).tolist()


def write_coco(folder: Path, names: list[str], marks: np.ndarray) -> None:
    flags = np.full(len(marks), 2)
    categories = [{"id": 1, "name": "face", "keypoints": list(names)}]
    faces = [("a.png", np.column_stack([marks, flags]))]
    sources.coco(folder / "faces.json", faces, categories=categories)


def write_labelme(folder: Path, names: list[str], marks: np.ndarray) -> None:
    shapes = [
        {"label": name, "points": [mark.tolist()], "shape_type": "point"}
        for name, mark in zip(names, marks, strict=True)
    ]
    sources.text(folder / "a.json", json.dumps({"shapes": shapes, "imagePath": "a.png"}))


def write_dlib(folder: Path, names: list[str], marks: np.ndarray) -> None:
    parts = "".join(
        f'<part name="{name}" x="{x!r}" y="{y!r}"/>'
        for name, (x, y) in zip(names, marks.tolist(), strict=True)
    )
    box = f'<box top="3" left="2" width="38" height="35">{parts}</box>'
    sources.text(folder / "faces.xml", f'<x><image file="a.png">{box}</image></x>')


WRITERS = {"coco": write_coco, "labelme": write_labelme, "dlib": write_dlib}


def read(folder: Path, write, names, marks) -> np.ndarray:
    """The landmarks that the format `folder` reads from one file."""
    sources.image(folder / "a.png")
    write(folder, names, marks)
    (found,) = get_reader("folder")(folder)
    return found.landmarks


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("naming", NAMINGS)
def test_names_decide_the_order_of_the_points(tmp_path, kind, naming):
    marks, order = sources.points(68), shuffled()
    names = [NAMINGS[naming][n] for n in order]
    np.testing.assert_array_equal(read(tmp_path, WRITERS[kind], names, marks[order]), marks)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({6: "5"}, "2 points are called '5'"),
        ({6: "05"}, "2 points are called '(05|5)'"),
        ({6: "face"}, "'face' is not the name of a point of scheme ibug68 .0 to 67"),
        ({6: "68"}, "'68' is not the name of a point of scheme ibug68 .0 to 67"),
        ({0: "69"}, "neither 0 nor 68 is among them, so the first may be 0 or 1"),
        ({n: IBUG68.names[n] for n in range(40)}, "'40' is not the name of a point"),
        ({n: f"somewhere {n}{n}x" for n in range(68)}, "'somewhere 00x' is not the name"),
    ],
)
def test_a_name_twice_or_of_no_point_is_an_error_that_says_it(tmp_path, kind, changed, message):
    names = [changed.get(n, str(n)) for n in range(68)]
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, WRITERS[kind], names, sources.points(68))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("kind", WRITERS)
def test_one_name_for_all_points_says_nothing(tmp_path, kind):
    marks = sources.points(68)
    np.testing.assert_array_equal(read(tmp_path, WRITERS[kind], ["landmark"] * 68, marks), marks)


def test_a_category_names_as_many_points_as_its_faces_have(tmp_path):
    sources.image(tmp_path / "a.png")
    categories = [{"id": 1, "name": "face", "keypoints": ["chin"]}]
    sources.coco(tmp_path / "a.json", [("a.png", sources.flagged(68))], categories=categories)
    with pytest.raises(
        InputError, match="annotation 0: 68 points, but its category 'face' names 1"
    ):
        list(get_reader("folder")(tmp_path))


def test_flags_of_visibility_move_with_their_points(tmp_path):
    sources.image(tmp_path / "a.png")
    order = shuffled()
    marks = sources.flagged(68, hidden=3)
    names = [str(n) for n in order]
    categories = [{"id": 1, "name": "face", "keypoints": names}]
    sources.coco(tmp_path / "a.json", [("a.png", marks[order])], categories=categories)
    (found,) = get_reader("folder")(tmp_path)
    assert found.visible.tolist() == [False] * 3 + [True] * 65


def test_parts_of_sf_tl54_may_be_in_any_order(tmp_path):
    marks = sources.points(54).astype(int)
    sources.image(tmp_path / "gray/train/images/111_1_1.png", kind="grey")
    parts = {f"{n:02d}": tuple(marks[n]) for n in np.random.default_rng(0).permutation(54)}
    line = sources.dlib_face("images/111_1_1.png", parts)
    sources.text(tmp_path / "gray/train/dlib.xml", f"<images>{line}</images>")
    (found,) = get_reader("sf_tl54")(tmp_path)
    np.testing.assert_array_equal(found.landmarks, marks)


def test_sorted_names_become_a_manifest_without_problems(tmp_path):
    """A tool that sorts its points by name, as CVAT does: the faces are whole and upright."""
    marks = face(IBUG68) * 0.2 + [20, 20]
    order = sorted(range(68), key=lambda n: IBUG68.names[n])
    sources.image(tmp_path / "in/a.png")
    write_coco(tmp_path / "in", [IBUG68.names[n] for n in order], marks[order])
    prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    (row,) = read_rows(tmp_path / "out")
    np.testing.assert_allclose(row.landmarks, marks)
    assert "left and right" not in verify(tmp_path / "out", progress=False).counts


def test_some_of_the_names_are_the_places_of_some_points():
    assert places(["chin", "nose tip"], IBUG68, "") == [8, 30]
    assert places(["p3", "P_0"], SFTL54, "f") == [3, 0]
    assert places(["3", "54"], SFTL54, "") == [2, 53]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_names_of_every_scheme_are_its_places(scheme):
    names = SCHEMES[scheme].names
    assert places(names, SCHEMES[scheme], "") == list(range(len(names)))
