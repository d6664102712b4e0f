"""Rendered faces: exact landmarks, repeatable, both modalities of one geometry."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from mlcmkd.data.pairs import from_synthetic
from mlcmkd.schemes import IBUG68, get_scheme
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.head.landmarks import DEFINED
from mlcmkd.synthetic.part import Occluder
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.render import draw_recipe, render_pair
from mlcmkd.synthetic.styling import Styling
from mlcmkd.utils.errors import InputError

COUNT, PEOPLE = 64, 16
ARRAYS = ("rgb", "thermal", "landmarks", "positions", "hidden_by", "identity")
RARE = ("hand", "hat_style", "mask_style", "beard_style", "beard")  # may not occur among few people
FACE = (*range(17), *range(26, 16, -1))  # outline of the face


@pytest.fixture(scope="module")
def faces():
    return make_faces(COUNT, seed=3, workers=1, maps=True)


@pytest.fixture(scope="module")
def bare():
    """Neutral faces with nothing on, 4 of each of 8 people, not far from frontal."""
    realism = Realism(yaw_deviation=8, expressions=False, worn=False, noise=False)
    return make_faces(32, seed=5, workers=1, realism=realism, maps=True)


def same(a, b) -> bool:
    """Bit by bit, attributes too."""
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS) and all(
        np.array_equal(a.attributes[name], b.attributes[name]) for name in a.attributes
    )


def at(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values (N, P) of one-channel images (N, S, S) at points (N, P, 2), bilinear."""
    return np.stack(
        [
            cv2.remap(image, xy[None, :, 0], xy[None, :, 1], cv2.INTER_LINEAR)[0]
            for image, xy in zip(images, points.astype(np.float32), strict=True)
        ]
    )


def inside(marks: np.ndarray, indices, size: int = 96) -> np.ndarray:
    """Boolean mask of the polygon through some landmarks."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(marks[list(indices)]).astype(np.int32)], 1)
    return mask.astype(bool)


# --- shapes, ranges, attributes ------------------------------------------------------------------


def test_shapes_types_and_ranges(faces):
    assert faces.rgb.shape == (COUNT, 96, 96, 3) and faces.rgb.dtype == np.uint8
    assert faces.thermal.shape == (COUNT, 96, 96) and faces.thermal.dtype == np.float32
    assert faces.landmarks.shape == (COUNT, 68, 2) and faces.landmarks.dtype == np.float32
    assert faces.positions.shape == (COUNT, 68, 3) and faces.positions.dtype == np.float32
    assert faces.hidden_by.shape == (COUNT, 68) and faces.hidden_by.dtype == np.int8
    assert set(np.unique(faces.hidden_by)) <= set(Occluder)
    assert faces.identity.tolist() == [n // 4 for n in range(COUNT)]
    assert faces.identity.dtype == np.int64
    for values in (faces.landmarks, faces.positions, faces.thermal):
        assert np.isfinite(values).all()
    # Neither camera sees one grey plane, and no picture is mostly clipped.
    assert faces.rgb.std((1, 2, 3)).min() > 8
    clipped = ((faces.rgb == 0) | (faces.rgb == 255)).mean((1, 2, 3))
    assert np.median(clipped) < 0.1 and clipped.max() < 0.7


def test_attributes_are_complete_and_vary(faces):
    kinds = {name: values.dtype.kind for name, values in faces.attributes.items()}
    assert kinds["glasses"] == kinds["beard"] == kinds["hand"] == "b"
    assert kinds["yaw"] == "f" and kinds["hair_style"] == kinds["expression"] == "U"
    for name, values in faces.attributes.items():
        assert values.shape == (COUNT,), name
        assert len(np.unique(values)) > 1 or name in RARE, name
    for name in ("smile", "mouth_open", "eye_closure", "skin_tone"):
        assert faces.attributes[name].min() >= 0 and faces.attributes[name].max() <= 1, name
    assert np.abs(faces.attributes["light_side"]).max() <= 1


def test_thermal_images_do_not_depend_on_whether_rgb_is_rendered(faces):
    alone = make_faces(COUNT, seed=3, workers=1, maps=True, rgb=False)
    assert alone.rgb is None
    for name in ("thermal", "landmarks", "hidden_by", "depth", "temperature"):
        assert np.array_equal(getattr(alone, name), getattr(faces, name), equal_nan=True), name
    pairs = from_synthetic(alone, 32)
    assert pairs.rgb is None
    assert torch.equal(pairs.thermal, from_synthetic(faces, 32).thermal)


def test_maps_are_the_depth_and_the_true_temperature(faces):
    assert faces.depth.shape == faces.temperature.shape == (COUNT, 96, 96)
    assert faces.depth.dtype == faces.temperature.dtype == np.float32
    # The nose is in front of the eyes; landmarks that nothing hides are at the depth of the map.
    tip, eyes = at(faces.depth, faces.landmarks[:, [30]]), faces.positions[:, [39, 42], 2]
    front = np.abs(faces.attributes["yaw"]) < 20
    assert (tip[front, 0] > eyes[front].mean(1)).all()
    seen = (faces.hidden_by[:, 27:31] == Occluder.NOTHING) & front[:, None]
    off = np.abs(at(faces.depth, faces.landmarks[:, 27:31]) - faces.positions[:, 27:31, 2])
    assert np.nanmedian(off[seen]) < 0.03
    plain = make_faces(1, seed=3)
    assert plain.depth is None and plain.temperature is None
    assert np.array_equal(plain.thermal, faces.thermal[:1])


# --- landmarks -----------------------------------------------------------------------------------


def test_landmarks_leave_context_around_the_face(faces):
    box = np.ptp(faces.landmarks, axis=1).max(1) / 96
    assert box.min() > 1 / 1.88 and box.max() < 1 / 1.55
    assert faces.landmarks.min() > 0.04 * 96 and faces.landmarks.max() < 0.96 * 96


def test_landmarks_follow_the_scheme_in_frontal_faces(bare):
    attributes = bare.attributes
    frontal = (
        (np.abs(attributes["yaw"]) < 12)
        & (np.abs(attributes["pitch"]) < 15)
        & (np.abs(attributes["roll"]) < 8)
    )
    assert frontal.sum() >= 8
    x, y = np.moveaxis(bare.landmarks[frontal], 2, 0)
    eyes, lips, inner_lips = (36, 39, 42, 45), (48, 51, 54), (60, 62, 64)
    for run in (range(3, 14), range(17, 27), range(31, 36), eyes, lips, inner_lips):
        assert (np.diff(x[:, list(run)]) > 0).all(), list(run)  # viewer's left to right
    for above, below in ((0, 8), (16, 8), (27, 30), (30, 33), (33, 57), (51, 62), (66, 57),
                         (57, 8), (19, 37), (24, 44)):  # fmt: skip
        assert (y[:, above] < y[:, below]).all(), (above, below)
    assert (y[:, [37, 38, 43, 44]] <= y[:, [41, 40, 47, 46]] + 0.5).all()  # lids may meet
    # The mean of many faces is nearly its own mirror image, in the scheme's flip order.
    mean = bare.landmarks[frontal].mean(0)
    mirrored = mean[list(IBUG68.flip)] * [-1, 1]
    assert np.abs((mirrored - mirrored.mean(0)) - (mean - mean.mean(0))).max() < 3


@pytest.mark.parametrize("scheme", DEFINED)
def test_every_defined_scheme_gives_its_points_in_the_same_picture(scheme, faces):
    few = make_faces(2, seed=3, scheme=scheme, workers=1)
    points = get_scheme(scheme).points
    assert few.scheme == scheme and few.landmarks.shape == (2, points, 2)
    assert few.hidden_by.shape == (2, points)
    assert np.array_equal(few.rgb, faces.rgb[:2]) and np.array_equal(few.thermal, faces.thermal[:2])


def test_rgb_features_sit_on_the_landmarks(bare):
    """Irises and lashes darken the eyes, so a row through the eye varies most where the eye is."""
    open_eyes = bare.attributes["eye_closure"] < 0.3
    grey = bare.rgb[open_eyes].mean(3).astype(np.float32)
    marks = bare.landmarks[open_eyes]
    t = np.linspace(0.15, 0.85, 15)[:, None]
    for first in (36, 42):
        ends = marks[:, [first, first + 3]]
        eye = ends[:, :1] + t * (ends[:, 1:] - ends[:, :1])
        down = (marks[:, [8]] - marks[:, [27]]) * 0.25
        assert np.median(at(grey, eye).std(1) / at(grey, eye + down).std(1)) > 1.5


# --- heat ----------------------------------------------------------------------------------------


def test_skin_is_warmer_than_the_air_and_never_fever_hot(faces):
    cheeks = at(faces.temperature, faces.landmarks[:, [2, 14, 28]].mean(1, keepdims=True))[:, 0]
    assert np.mean(cheeks > faces.attributes["ambient_celsius"]) > 0.9
    assert cheeks.min() > 5 and cheeks.max() < 40
    assert faces.thermal.min() > -60 and faces.thermal.max() < 120


def test_inner_eye_corners_are_warmer_than_the_face_and_than_the_outer_corners(bare):
    marks, temperature = bare.landmarks, bare.temperature
    towards_nose = (marks[:, [39, 42]] * 2 + marks[:, [27, 27]]) / 3
    inner = np.maximum(at(temperature, marks[:, [39, 42]]), at(temperature, towards_nose)).mean(1)
    outer = at(temperature, marks[:, [36, 45]]).mean(1)
    face = np.array([t[inside(m, FACE)].mean() for t, m in zip(temperature, marks, strict=True)])
    assert np.mean(inner > face) > 0.9 and np.mean(inner > outer) > 0.9


def test_the_nose_is_cool_in_cool_air(bare):
    cool = bare.attributes["ambient_celsius"] < 24
    marks, temperature = bare.landmarks[cool], bare.temperature[cool]
    tip = at(temperature, marks[:, [30]])[:, 0]
    face = np.array([t[inside(m, FACE)].mean() for t, m in zip(temperature, marks, strict=True)])
    assert cool.sum() >= 6 and np.mean(tip < face) > 0.8


def test_thermal_lacks_edges_that_rgb_shows(bare):
    """Eyes and mouth are much sharper in RGB, each against its own contrast."""
    ratio = []
    for rgb, thermal, marks in zip(bare.rgb, bare.thermal, bare.landmarks, strict=True):
        near = inside(marks, range(36, 42)) | inside(marks, range(42, 48))
        near |= inside(marks, range(48, 60))
        sharp = [
            np.abs(cv2.Laplacian(cv2.GaussianBlur(plane, (0, 0), 1), cv2.CV_32F))[near].mean()
            / (np.percentile(plane, 95) - np.percentile(plane, 5))
            for plane in (rgb.mean(2).astype(np.float32), thermal)
        ]
        ratio.append(sharp[1] / sharp[0])
    assert np.median(ratio) < 0.4


# --- two appearances of one geometry -------------------------------------------------------------


def recipe_of(identity: int = 2, **styling):
    """Parameters of a nearly frontal, neutral face with this styling."""
    realism = Realism(yaw_deviation=0, expressions=False, worn=False, noise=False)
    recipe = draw_recipe(7, identity, 0, realism)
    pose = replace(recipe.shape.pose, yaw=5.0, pitch=0.0, roll=0.0, distance=20.0)
    shape = replace(recipe.shape, pose=pose, expression=np.zeros_like(recipe.shape.expression))
    camera = replace(recipe.thermal.camera, offset=0.0)
    thermal = replace(recipe.thermal, ambient=22.0, felt=22.0, skin=33.5, camera=camera)
    return replace(recipe, shape=shape, styling=Styling(**styling), thermal=thermal)


def eyes_of(pair) -> np.ndarray:
    """Mask of both eyes, without their borders."""
    marks = pair.landmarks.points
    return inside(marks, range(36, 42)) | inside(marks, range(42, 48))


def test_clear_glasses_hide_the_eyes_from_the_thermal_camera_only():
    bare, dressed = render_pair(recipe_of(), 96), render_pair(recipe_of(glasses="clear"), 96)
    assert np.array_equal(bare.landmarks.points, dressed.landmarks.points)
    eyes = eyes_of(bare)
    assert bare.thermal[eyes].mean() > 31
    assert dressed.thermal[eyes].mean() < bare.thermal[eyes].mean() - 3
    before, after = (pair.rgb.mean(2)[eyes] for pair in (bare, dressed))
    assert np.corrcoef(before, after)[0, 1] > 0.4  # lenses also reflect
    assert (dressed.landmarks.hidden_by[36:48] == Occluder.GLASSES).mean() > 0.8
    assert (bare.landmarks.hidden_by[36:48] == Occluder.NOTHING).all()
    chin = [7, 8, 9, 48, 54, 57]
    assert (dressed.landmarks.hidden_by[chin] == Occluder.NOTHING).all()


def test_a_mask_hides_the_mouth_from_both_cameras():
    bare, masked = render_pair(recipe_of(), 96), render_pair(recipe_of(mask="surgical"), 96)
    mouth = inside(bare.landmarks.points, range(48, 60))
    assert (masked.landmarks.hidden_by[48:60] == Occluder.CLOTH).all()
    assert (masked.landmarks.hidden_by[36:48] == bare.landmarks.hidden_by[36:48]).all()
    assert np.abs(bare.rgb.astype(float) - masked.rgb)[mouth].mean() > 10
    assert np.abs(bare.temperature - masked.temperature)[mouth].mean() > 0.5


def test_skin_tone_and_light_change_rgb_alone():
    recipe = recipe_of()
    left, *rest = recipe.rgb.light
    look = replace(recipe.rgb, light=(-left, *rest))
    other = replace(recipe, rgb=look)
    first, second = (render_pair(r, 96) for r in (recipe, other))
    assert np.array_equal(first.thermal, second.thermal)
    assert np.array_equal(first.landmarks.points, second.landmarks.points)
    assert np.abs(first.rgb.astype(int) - second.rgb).mean() > 1


def test_temperatures_change_thermal_alone():
    recipe = recipe_of()
    warm = replace(recipe, thermal=replace(recipe.thermal, skin=recipe.thermal.skin + 2))
    first, second = (render_pair(r, 96) for r in (recipe, warm))
    assert np.array_equal(first.rgb, second.rgb)
    skin = inside(first.landmarks.points, FACE)
    difference = (second.temperature - first.temperature)[skin]
    assert np.median(difference) == pytest.approx(2, abs=0.1)


# --- switches ------------------------------------------------------------------------------------


def switched(**off):
    realism = Realism(**{"yaw_deviation": 10, "worn": False, "noise": False} | off)
    return make_faces(4, seed=9, workers=1, realism=realism, maps=True)


def test_without_anatomy_the_skin_has_one_temperature():
    plain = switched(anatomy=False, curvature=False, warm_orbit=False, expressions=False)
    full = switched(expressions=False)
    for faces, spread in ((plain, (0, 0.4)), (full, (0.3, 3))):
        inner = [t[inside(m, (17, 26, 13, 8, 3))].std() for t, m in
                 zip(faces.temperature, faces.landmarks, strict=True)]  # fmt: skip
        assert spread[0] <= np.median(inner) < spread[1]


def test_switches_of_the_heat_leave_geometry_and_rgb():
    full = switched()
    for name in ("anatomy", "warm_orbit", "curvature", "emissivity", "scene", "optics"):
        other = switched(**{name: False})
        assert np.array_equal(other.rgb, full.rgb), name
        assert np.array_equal(other.landmarks, full.landmarks), name
        assert not np.array_equal(other.thermal, full.thermal), name


def test_without_optics_the_frames_are_sharper():
    sharp, full = switched(optics=False), switched()
    edges = [np.abs(np.diff(faces.thermal, axis=2)).max((1, 2)) for faces in (sharp, full)]
    assert (edges[0] > edges[1]).all()


# --- repeatability -------------------------------------------------------------------------------


def test_same_seed_same_bits_other_seed_other_faces(faces):
    assert same(make_faces(4, seed=3, workers=1), make_faces(4, seed=3, workers=1))
    assert not np.array_equal(make_faces(4, seed=4, workers=1).rgb, faces.rgb[:4])


def test_parallel_equals_serial(faces):
    parallel = make_faces(64, seed=3, workers=2, maps=True)
    for name in (*ARRAYS, "depth", "temperature"):
        first = getattr(faces, name)[:64]
        np.testing.assert_array_equal(getattr(parallel, name), first, err_msg=name)
    for name, values in parallel.attributes.items():
        assert np.array_equal(values, faces.attributes[name][:64]), name


def test_a_sample_depends_on_its_identity_and_number_alone(faces):
    # Fewer faces, another start, another number of faces each: sample k of identity i stays.
    few = make_faces(6, seed=3, first_identity=5, workers=1)
    assert np.array_equal(few.rgb, faces.rgb[20:26])
    assert np.array_equal(few.thermal, faces.thermal[20:26])
    wider = make_faces(6, seed=3, first_identity=5, faces_per_identity=2, workers=1)
    assert np.array_equal(wider.landmarks, faces.landmarks[[20, 21, 24, 25, 28, 29]])
    assert wider.identity.tolist() == [5, 5, 6, 6, 7, 7]


def test_identities_are_persons(faces):
    """Within an identity the person stays and the picture changes; between, the person changes."""

    def by_person(name):
        return faces.attributes[name].reshape(PEOPLE, 4)

    for name in ("skin_tone", "hair_style", "beard_style"):
        assert (by_person(name) == by_person(name)[:, :1]).all(), name
    assert len(np.unique(by_person("skin_tone")[:, 0])) == PEOPLE
    for name in ("yaw", "ambient_celsius"):
        assert len(np.unique(faces.attributes[name])) > 0.75 * COUNT, name
    assert len(np.unique(faces.rgb.reshape(COUNT, -1), axis=0)) == COUNT


def test_size_scales_the_same_faces(faces):
    large = make_faces(4, seed=3, size=192, workers=1)
    # Pixel centres are integers: image coordinate u is (u + 0.5) / size of the way across.
    np.testing.assert_allclose(
        (large.landmarks + 0.5) / 192, (faces.landmarks[:4] + 0.5) / 96, atol=1e-5
    )
    np.testing.assert_allclose(large.positions, faces.positions[:4], atol=1e-4)
    for k in range(4):
        small = cv2.resize(large.rgb[k], (96, 96), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(float) - faces.rgb[k]).mean() < 14
        small = cv2.resize(large.thermal[k], (96, 96), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(small.ravel(), faces.thermal[k].ravel())[0, 1] > 0.95
    for size in (48, 97):
        edge = make_faces(1, seed=3, size=size)
        assert edge.rgb.shape == (1, size, size, 3)
        np.testing.assert_allclose(
            (edge.landmarks + 0.5) / size, (faces.landmarks[:1] + 0.5) / 96, atol=1e-5
        )


# --- bad arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"count": 0}, "count"),
        ({"count": 2.5}, "count"),
        ({"count": True}, "count"),
        ({"seed": -1}, "seed"),
        ({"size": 47}, "size"),
        ({"size": 513}, "size"),
        ({"first_identity": -1}, "first_identity"),
        ({"faces_per_identity": 0}, "faces_per_identity"),
        ({"workers": 0}, "workers"),
        ({"workers": "two"}, "workers"),
    ],
)
def test_errors_name_the_argument_and_what_is_allowed(arguments, name):
    with pytest.raises(InputError, match=rf"^{name}=.*give an integer from"):
        make_faces(**({"count": 1} | arguments))


def test_a_scheme_without_definition_is_refused():
    with pytest.raises(InputError, match=r"scheme='ibug86'.*ibug68"):
        make_faces(1, scheme="ibug86")
    with pytest.raises(InputError, match="scheme='charlotte43'"):
        make_faces(1, scheme="charlotte43")


def test_numpy_integers_are_accepted():
    assert make_faces(np.int64(1), seed=np.uint8(3)).identity.tolist() == [0]
