"""Temperatures of a face: the stored ones, where they are known, on the subject's own sides."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from mlcmkd import InputError, Predictor
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.thermal.radiometry import Radiometry, to_centikelvin
from mlcmkd.deployment.drawing import draw
from mlcmkd.deployment.face_regions import REGIONS, face_size, outlines, regions_of
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.pixel_masks import area, is_within
from mlcmkd.deployment.region_drawing import LABELLED
from mlcmkd.deployment.temperatures import (
    DISC,
    landmark_temperatures,
    measure,
    region_temperatures,
)
from mlcmkd.deployment.thermal_input import StatedInput
from mlcmkd.deployment.visibility import HIDDEN, far_side
from mlcmkd.schemes import IBUG68
from mlcmkd.stages.predict import predict_files
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism

SIZE = 128


@pytest.fixture(scope="module")
def rendered():
    """Nearly frontal faces without glasses, by a camera whose only error is its noise."""
    realism = Realism(worn=False, emissivity=False, optics=False, yaw_deviation=5)
    faces = make_faces(
        6, size=SIZE, first_identity=1_500_000, realism=realism, maps=True, rgb=False, workers=1
    )
    return faces


@pytest.fixture(scope="module")
def face(rendered):
    return as_face(rendered.landmarks[0].astype(np.float64))


def as_face(landmarks, scheme="ibug68", shape=(SIZE, SIZE), **fields) -> FaceLandmarks:
    return FaceLandmarks(landmarks, scheme, np.zeros(shape, np.float32), **fields)


def ramp(across: float, down: float, shape=(SIZE, SIZE)) -> np.ndarray:
    """Temperatures that change linearly over the image."""
    rows, columns = np.indices(shape)
    return (20 + across * columns + down * rows).astype(np.float32)


def test_a_disc_is_the_mean_of_the_pixels_whose_centres_it_holds():
    """Of a radius of 2 px: 13 pixels, on the whole pixel (20, 30)."""
    scheme = "face5"
    points = np.array([[20, 30], [100, 30], [60, 60], [20, 110], [100, 110]], float)
    assert DISC * face_size(points) == 2.0
    celsius = np.random.default_rng(0).normal(33, 1, (SIZE, SIZE)).astype(np.float32)
    # All pixels of the cross of arm 2 and the diagonal neighbours are at most 2 px away.
    offsets = [(x, y) for x in range(-2, 3) for y in range(-2, 3) if x * x + y * y <= 4]
    assert len(offsets) == 13
    expected = np.mean([celsius[30 + y, 20 + x] for x, y in offsets], dtype=np.float64)
    assert landmark_temperatures(as_face(points, scheme), celsius)[0] == pytest.approx(expected)


def test_the_disc_of_a_small_face_is_a_pixel_and_its_neighbours():
    points = np.array([[5, 5], [9, 5], [7, 7], [5, 9], [9, 9]], float)
    celsius = ramp(0.0, 0.0, (16, 16))
    celsius[5, 5] += 5
    assert landmark_temperatures(as_face(points, "face5", (16, 16)), celsius)[0] == 21


def test_discs_and_regions_on_a_ramp_have_the_value_of_their_centre(face):
    celsius = ramp(0.02, 0.01)
    found = measure(face, celsius)
    at_points = 20 + face.landmarks @ [0.02, 0.01]
    inner = slice(17, None)  # of contour points, only a part of the disc counts
    assert found.landmarks[inner] == pytest.approx(at_points[inner], abs=0.06)
    for outline, region in zip(outlines(face.landmarks, "ibug68"), found.regions, strict=True):
        centre = 20 + outline.centre @ [0.02, 0.01]
        assert region.mean == pytest.approx(centre, abs=0.15)
        assert region.min <= region.mean <= region.max
        assert region.pixels == pytest.approx(np.pi / 4 * region.extent**2, rel=0.2)


def test_a_polygon_holds_the_pixels_whose_centres_are_inside():
    y, x = np.ogrid[0:8, 0:8]
    square = np.array([[1.5, 1.5], [4.5, 1.5], [4.5, 5.5], [1.5, 5.5]])
    inside = is_within(x, y, square)
    assert area(square) == inside.sum() == 12 and inside[2:6, 2:5].all()
    assert not is_within(x, y, np.empty((0, 2))).any()
    assert not is_within(x, y, square * np.nan).any()


def test_the_temperatures_of_rendered_faces_are_the_true_ones(rendered):
    """The camera's noise, stripes, drift and offset stay: the differences of regions are compared."""
    for n, landmarks in enumerate(rendered.landmarks):
        seen, true = (
            measure(as_face(landmarks.astype(float)), image)
            for image in (rendered.thermal[n], rendered.temperature[n])
        )
        differences = np.array(
            [a.mean - b.mean for a, b in zip(seen.regions, true.regions, strict=True)]
        )
        assert np.isfinite(differences).all()
        assert np.abs(differences - np.median(differences)).max() < 0.5
        assert np.abs(np.nanmedian(seen.landmarks - true.landmarks)) < 1.5


def test_what_physiology_knows_is_found_on_rendered_faces(rendered):
    found = {}
    for n, landmarks in enumerate(rendered.landmarks):
        for region in region_temperatures(
            as_face(landmarks.astype(float)), rendered.temperature[n]
        ):
            found.setdefault(region.region, []).append(region.mean)
    mean = {name: np.mean(values) for name, values in found.items()}
    assert mean["inner canthus"] > mean["periorbital"] > mean["nose tip"]
    assert mean["forehead"] > mean["cheek"] > mean["nose tip"]


def test_sides_are_those_of_the_subject(face):
    """In an image that is not mirrored, the subject's left is on the right."""
    warm_right_half = ramp(0.1, 0.0)
    sides = {r.side: r.mean for r in region_temperatures(face, warm_right_half) if r.side}
    assert sides["left"] > sides["right"] + 1


def test_the_mirrored_image_exchanges_the_sides(face):
    celsius = np.random.default_rng(1).normal(33, 1, (SIZE, SIZE)).astype(np.float32)
    points = face.landmarks[list(IBUG68.flip)]
    points = np.column_stack((SIZE - 1 - points[:, 0], points[:, 1]))
    other = {"left": "right", "right": "left", "": ""}
    mirrored = {
        (r.region, other[r.side]): r for r in region_temperatures(as_face(points), celsius[:, ::-1])
    }
    for region in region_temperatures(face, celsius):
        other = mirrored[region.region, region.side]
        assert (region.mean, region.pixels) == (pytest.approx(other.mean), other.pixels)
    turned = landmark_temperatures(as_face(points), celsius[:, ::-1])
    assert turned[list(IBUG68.flip)] == pytest.approx(landmark_temperatures(face, celsius))


def test_where_the_skin_is_not_in_view_there_is_no_temperature(face):
    celsius = ramp(0.0, 0.0)
    size = face_size(face.landmarks)
    deviation = np.full(68, 0.5 * HIDDEN * size)
    deviation[[36, 37, 38, 39, 40, 41]] = 1.5 * HIDDEN * size  # one eye
    found = measure(replace(face, deviation=deviation), celsius)
    assert np.flatnonzero(np.isnan(found.landmarks)).tolist() == [36, 37, 38, 39, 40, 41]
    missing = {(r.region, r.side): r.missing for r in found.regions if r.missing}
    assert missing == {("inner canthus", "right"): "hidden", ("periorbital", "right"): "hidden"}
    assert all(np.isnan(r.mean) for r in found.regions if r.missing)


def test_an_eye_behind_glasses_has_no_temperature(face):
    """Glasses are opaque for a thermal camera and much colder than the skin."""
    celsius = ramp(0.0, 0.0) + 13
    rows, columns = np.indices(celsius.shape)
    x, y = face.landmarks[36:42].mean(axis=0)
    celsius[np.hypot(columns - x, rows - y) < 0.16 * face_size(face.landmarks)] = 27
    found = measure(face, celsius)
    covered = {(r.region, r.side) for r in found.regions if r.missing == "covered"}
    assert covered == {("inner canthus", "right"), ("periorbital", "right")}
    assert np.flatnonzero(np.isnan(found.landmarks)).tolist() == list(range(36, 42))


def test_a_face_at_the_border_has_the_temperatures_of_its_part_in_the_image(face):
    x = face.landmarks[27, 0] - 2  # the image begins beside the bridge of the nose
    moved = as_face(face.landmarks - [x, 0])
    found = measure(moved, ramp(0.0, 0.0))
    outside = moved.landmarks[:, 0] < -0.5
    assert (np.isnan(found.landmarks) == outside).all()
    missing = {(r.region, r.side) for r in found.regions if r.missing == "outside"}
    assert missing == {(r.name, r.side) for r in REGIONS if r.side == "right"}
    clipped = next(r for r in found.regions if r.region == "forehead")
    whole = next(r for r in region_temperatures(face, ramp(0.0, 0.0)) if r.region == "forehead")
    assert clipped.pixels < 0.75 * whole.pixels and clipped.mean == 20


def test_a_side_that_is_turned_away_has_no_temperatures(face):
    """By 55 degrees: everything is narrower, the far half most."""
    points = face.landmarks.copy()
    middle = points[27, 0]
    far = points[:, 0] > middle  # the subject's left
    points[far, 0] = middle + 0.3 * (points[far, 0] - middle)
    assert far_side(points, "ibug68") == "left"
    found = measure(as_face(points), ramp(0.0, 0.0))
    assert {r.missing for r in found.regions if r.side == "left"} == {"turned away"}
    assert not any(r.missing for r in found.regions if r.side == "right")
    named = np.array([name.startswith("right ") for name in IBUG68.names])  # the viewer's right
    assert (np.isnan(found.landmarks) == named).all()


def test_too_small_a_region_has_no_temperature(face):
    tiny = as_face(face.landmarks / 12)
    missing = {r.region: r.missing for r in region_temperatures(tiny, ramp(0.0, 0.0))}
    assert missing["inner canthus"] == "few pixels" and not missing["forehead"]


def test_a_face_without_points_has_no_temperatures(face):
    found = measure(as_face(face.landmarks + 1000), ramp(0.0, 0.0))
    assert np.isnan(found.landmarks).all() and all(r.missing == "outside" for r in found.regions)


def test_temperatures_of_another_image_are_refused(face):
    with pytest.raises(InputError, match=r"shape \(9, 9\) .* of the same image"):
        measure(face, np.zeros((9, 9)))


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("ibug68", "inner canthus, periorbital, cheek, forehead, nose tip, upper lip"),
        ("wflw98", "inner canthus, periorbital, cheek, forehead, nose tip, upper lip"),
        ("sf_tl54", "inner canthus, periorbital, cheek, forehead, nose tip"),
        ("cofw29", "inner canthus, forehead, nose tip"),
        ("face5", "nose tip"),
        ("corners6", "inner canthus"),
    ],
)
def test_a_scheme_has_the_regions_whose_points_it_has(scheme, names):
    assert ", ".join(dict.fromkeys(region.name for region in regions_of(scheme))) == names


# From files


def test_stored_values_become_degrees_whatever_the_range_of_the_network():
    predictor = Predictor()
    celsius = ramp(0.2, 0.1)  # up to 58 degrees C; the network's range ends at 40
    for values in (celsius, to_centikelvin(celsius)):
        assert predictor.celsius(values) == pytest.approx(celsius, abs=0.006)
    counts = Radiometry(kind="counts", gain=0.04, offset=-273.15, low=18, high=40)
    stated = Predictor(stated=StatedInput(counts))
    values = np.rint((celsius + 273.15) / 0.04).astype(np.uint16)
    assert stated.celsius(values) == pytest.approx(celsius, abs=0.021)


def test_grey_levels_have_degrees_only_where_their_scale_is_stated():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert Predictor().celsius(levels) is None
    assert Predictor(modality="rgb").celsius(levels) is None
    scale = Radiometry(kind="grey8", scale_celsius=(20, 45.5), low=18, high=40)
    found = Predictor(stated=StatedInput(scale)).celsius(levels)
    assert np.isnan(found[0, 0]) and np.isnan(found[-1, -1])  # the ends stand for all beyond
    assert found.ravel()[1:-1] == pytest.approx(20 + np.arange(1, 255) / 10, abs=1e-3)


def test_a_region_off_the_scale_has_no_temperature(face):
    celsius = ramp(0.0, 0.0)
    x, y = np.rint(face.landmarks[30]).astype(int)
    celsius[y, x] = np.nan
    found = measure(face, celsius)
    assert {r.region for r in found.regions if r.missing == "off scale"} == {"nose tip"}
    assert np.isnan(found.landmarks[30]) and np.isnan(found.landmarks).sum() < 4


def run(paths, out, predictor=None, **options) -> list[str]:
    """The lines that a prediction says."""
    lines = []
    predict_files(predictor or Predictor(), paths, out, say=lines.append, progress=False, **options)
    return lines


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_tables_hold_the_temperatures(tmp_path, rendered):
    np.save(tmp_path / "frame.npy", rendered.thermal[0])
    run([tmp_path / "frame.npy"], tmp_path / "out")
    points = rows_of(tmp_path / "out/landmarks.csv")
    assert list(points[0])[-1] == "celsius"
    assert 25 < float(points[30]["celsius"]) < 40
    regions = rows_of(tmp_path / "out/temperatures.csv")
    assert [(row["region"], row["side"]) for row in regions] == [(r.name, r.side) for r in REGIONS]
    assert all(25 < float(row["min"]) <= float(row["mean"]) <= float(row["max"]) for row in regions)
    assert read_landmarks(tmp_path / "out/landmarks.csv", "ibug68").faces  # as `score` reads it


def test_a_grey_image_has_no_temperatures_and_that_is_said_once(tmp_path, rendered):
    levels = np.clip((rendered.thermal[0] - 15) * 10, 0, 255).astype(np.uint8)
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", levels + np.uint8(n))
    run([tmp_path / "0.npy"], tmp_path / "out")  # what an earlier prediction left would mislead
    (tmp_path / "out/temperatures.csv").write_text("old")
    lines = run([tmp_path / f"{n}.npy" for n in range(3)], tmp_path / "out")
    assert sum("no temperatures" in line for line in lines) == 1
    assert not (tmp_path / "out/temperatures.csv").exists()
    assert {row["celsius"] for row in rows_of(tmp_path / "out/landmarks.csv")} == {""}


def test_regions_are_drawn_with_their_temperatures_where_there_is_room(face):
    known = replace(face, temperatures=measure(face, ramp(0.0, 0.0)))
    plain, drawn = draw(face), draw(known)
    assert drawn.shape == plain.shape
    forehead = known.temperatures.regions[6]
    assert forehead.region == "forehead"
    factor = len(drawn) // SIZE
    x, y = np.rint(np.array([forehead.x, forehead.y]) * factor).astype(int)
    label = (slice(y - 10, y + 10), slice(x - 20, x + 20))
    assert (drawn[label] == 255).all(axis=-1).any() and not plain[label].any()
    small = as_face(face.landmarks / 8, shape=(480, 480))
    small = replace(small, temperatures=measure(small, ramp(0.0, 0.0, (480, 480))))
    assert max(draw(small).shape) > 480  # enlarged for its labels
    assert face_size(small.landmarks) < LABELLED
