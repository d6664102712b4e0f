"""Synthetic faces: exact landmarks, repeatable, both modalities of one geometry."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.drawn import faces as synthetic
from mlcmkd.synthetic.drawn.faces import make_faces
from mlcmkd.utils.errors import InputError

FIELDS = ("rgb", "thermal", "landmarks", "identity")


@pytest.fixture(scope="module")
def faces():
    return make_faces(160, seed=3, workers=1)


def same(a, b) -> bool:
    """Bit by bit, attributes too."""
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FIELDS) and all(
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
    assert faces.rgb.shape == (160, 96, 96, 3) and faces.rgb.dtype == np.uint8
    assert faces.thermal.shape == (160, 96, 96) and faces.thermal.dtype == np.float32
    assert faces.landmarks.shape == (160, 68, 2) and faces.landmarks.dtype == np.float32
    assert faces.identity.tolist() == [n // 4 for n in range(160)]
    assert faces.identity.dtype == np.int64
    assert np.isfinite(faces.thermal).all()
    assert faces.thermal.min() > 5 and faces.thermal.max() < 60
    # A face is warmer than the room it is in.
    cheeks = at(faces.thermal, faces.landmarks[:, [3, 13, 28]].mean(1, keepdims=True))[:, 0]
    assert np.mean(cheeks > faces.attributes["ambient_celsius"]) > 0.95
    # Neither camera sees one grey plane, and no picture is mostly clipped.
    assert faces.rgb.std((1, 2, 3)).min() > 8
    clipped = ((faces.rgb == 0) | (faces.rgb == 255)).mean((1, 2, 3))
    assert np.median(clipped) < 0.05 and clipped.max() < 0.6


def test_attributes_are_complete_and_vary(faces):
    kinds = {name: values.dtype.kind for name, values in faces.attributes.items()}
    assert kinds["glasses"] == kinds["beard"] == "b"
    assert kinds["yaw"] == "f" and kinds["hair_style"] == "U"
    for name, values in faces.attributes.items():
        assert values.shape == (160,), name
        assert len(np.unique(values)) > 1, name
    for name, limit in (("yaw", 35), ("pitch", 20), ("roll", 25)):
        spread = np.abs(faces.attributes[name])
        assert limit / 3 < spread.max() <= limit, name


# --- landmarks -----------------------------------------------------------------------------------


def test_landmarks_leave_context_around_the_face(faces):
    box = np.ptp(faces.landmarks, axis=1).max(1) / 96
    assert box.min() > 0.59 and box.max() < 0.71
    assert faces.landmarks.min() > 0.05 * 96 and faces.landmarks.max() < 0.95 * 96


def test_landmarks_follow_the_scheme_in_frontal_faces(faces):
    attributes = faces.attributes
    frontal = (
        (np.abs(attributes["yaw"]) < 12)
        & (np.abs(attributes["pitch"]) < 8)
        & (np.abs(attributes["roll"]) < 6)
    )
    assert frontal.sum() >= 8
    x, y = np.moveaxis(faces.landmarks[frontal], 2, 0)
    # A jaw may be widest below the ears, so its ends need not be its outermost points.
    jaw = range(4, 13)
    assert (x[:, 0] < x[:, 8]).all() and (x[:, 8] < x[:, 16]).all()
    eyes, lips, inner_lips = (36, 39, 42, 45), (48, 51, 54), (60, 62, 64)
    for run in (jaw, range(17, 27), range(31, 36), eyes, lips, inner_lips):
        assert (np.diff(x[:, list(run)]) > 0).all(), list(run)  # viewer's left to right
    for above, below in ((0, 8), (16, 8), (27, 30), (30, 33), (33, 51), (51, 62), (66, 57),
                         (57, 8), (19, 37), (24, 44)):  # fmt: skip
        assert (y[:, above] < y[:, below]).all(), (above, below)
    assert (y[:, [37, 38, 43, 44]] <= y[:, [41, 40, 47, 46]]).all()  # lids may meet
    assert (y[:, [61, 62, 63]] <= y[:, [67, 66, 65]]).all()  # so may lips
    # The mean of many faces is nearly its own mirror image, in the scheme's flip order.
    mean = faces.landmarks[frontal].mean(0)
    mirrored = mean[list(IBUG68.flip)] * [-1, 1]
    assert np.abs((mirrored - mirrored.mean(0)) - (mean - mean.mean(0))).max() < 2


def test_rgb_features_sit_on_the_landmarks(faces):
    """Irises and lashes darken the eyes, lips are redder than the skin beside them."""
    bare = ~faces.attributes["glasses"] & (faces.attributes["eye_closure"] < 0.3)
    redder = []
    for image, marks in zip(faces.rgb[bare].astype(float), faces.landmarks[bare], strict=True):
        mouth = inside(marks, range(48, 60))
        chin = inside(marks, (48, *range(59, 53, -1), 11, 10, 9, 8, 7, 6, 5))
        red = image[..., 0] / (image.sum(2) + 1)
        redder.append(red[mouth].mean() - red[chin].mean())
    assert np.mean(np.array(redder) > 0) > 0.8
    # Along the row of the eye, the picture varies most where the eye is.
    grey = faces.rgb[bare].mean(3).astype(np.float32)
    t = np.linspace(0.15, 0.85, 15)[:, None]
    for first in (36, 42):
        ends = faces.landmarks[bare][:, [first, first + 3]]
        eye = ends[:, :1] + t * (ends[:, 1:] - ends[:, :1])
        down = (faces.landmarks[bare][:, [8]] - faces.landmarks[bare][:, [27]]) * 0.28
        assert np.median(at(grey, eye).std(1) / at(grey, eye + down).std(1)) > 1.5


# --- two appearances of one geometry -------------------------------------------------------------


def test_inner_eye_corners_are_warm_and_brows_cool(faces):
    bare = ~faces.attributes["glasses"] & (np.abs(faces.attributes["yaw"]) < 20)
    thermal, marks = faces.thermal[bare], faces.landmarks[bare]
    corners = at(thermal, marks[:, [39, 42]]).mean(1)
    face = np.array(
        [t[inside(m, (*range(17), *range(26, 16, -1)))].mean()
         for t, m in zip(thermal, marks, strict=True)]
    )  # fmt: skip
    assert np.mean(corners > face) > 0.85
    # Brows against the skin halfway down to the eye's upper lid.
    brow = at(thermal, marks[:, [19, 24]]).mean(1)
    lids = at(thermal, 0.45 * marks[:, [19, 24]] + 0.55 * marks[:, [37, 44]]).mean(1)
    up = (marks[:, [19, 24]] - marks[:, [37, 44]]) * 0.8
    forehead = at(thermal, marks[:, [19, 24]] + up).mean(1)
    hairless = np.isin(faces.attributes["hair_style"][bare], ["bald", "buzz", "short"])
    assert np.mean((brow < np.maximum(lids, forehead))[hairless]) > 0.75


def _recipe(glasses: str):
    """Recipe of a nearly frontal face with open eyes and these glasses."""
    recipe = synthetic._draw_recipe(7, 2, 0)
    shape = replace(recipe.shape, yaw=5.0, pitch=0.0, roll=0.0, eye_closure=0.0)
    thermal = replace(recipe.thermal, ambient=22.0, skin=34.0, glass=0.9)
    rgb = replace(recipe.rgb, noise=0.0, blur=0.0)
    styling = replace(recipe.styling, glasses=glasses)
    return replace(recipe, shape=shape, thermal=thermal, rgb=rgb, styling=styling)


def test_clear_glasses_hide_the_eyes_from_the_thermal_camera_only():
    bare_rgb, bare_thermal, marks = synthetic._render(_recipe("none"), 96)
    rgb, thermal, same_marks = synthetic._render(_recipe("clear"), 96)
    assert np.array_equal(marks, same_marks)
    eyes = inside(marks, range(36, 42)) | inside(marks, range(42, 48))
    assert bare_thermal[eyes].mean() > 32 and thermal[eyes].mean() < 27
    before, after = (image.mean(2)[eyes] for image in (bare_rgb, rgb))
    assert np.corrcoef(before, after)[0, 1] > 0.95


def test_skin_tone_and_light_change_rgb_alone():
    recipe = _recipe("none")
    other = replace(recipe, rgb=replace(recipe.rgb, skin_tone=1 - recipe.rgb.skin_tone,
                                        light=recipe.rgb.light * [-1, 1, 1]))  # fmt: skip
    first, second = (synthetic._render(r, 96) for r in (recipe, other))
    assert np.array_equal(first[1], second[1]) and np.array_equal(first[2], second[2])
    assert np.abs(first[0].astype(int) - second[0]).mean() > 5


def test_temperature_changes_thermal_alone():
    recipe = _recipe("none")
    warm = replace(recipe, thermal=replace(recipe.thermal, ambient=30.0))
    first, second = (synthetic._render(r, 96) for r in (recipe, warm))
    assert np.array_equal(first[0], second[0])
    assert second[1].mean() > first[1].mean() + 1


def test_thermal_lacks_edges_that_rgb_shows(faces):
    """Eyes and mouth are an order of magnitude sharper in RGB, each against its own contrast."""
    bare = ~faces.attributes["glasses"]
    ratio = []
    for rgb, thermal, marks in zip(
        faces.rgb[bare], faces.thermal[bare], faces.landmarks[bare], strict=True
    ):
        near = inside(marks, range(36, 42)) | inside(marks, range(42, 48))
        near |= inside(marks, range(48, 60))
        sharp = [
            np.abs(cv2.Laplacian(cv2.GaussianBlur(plane, (0, 0), 1), cv2.CV_32F))[near].mean()
            / (np.percentile(plane, 95) - np.percentile(plane, 5))
            for plane in (rgb.mean(2).astype(np.float32), thermal)
        ]
        ratio.append(sharp[1] / sharp[0])
    assert np.median(ratio) < 0.1


# --- repeatability -------------------------------------------------------------------------------


def test_same_seed_same_bits_other_seed_other_faces(faces):
    assert same(make_faces(8, seed=3, workers=1), make_faces(8, seed=3, workers=1))
    assert not np.array_equal(make_faces(8, seed=4, workers=1).rgb, faces.rgb[:8])


def test_parallel_equals_serial(faces):
    # 64 faces are enough for two processes.
    parallel = make_faces(64, seed=3, workers=2)
    for name in FIELDS:
        assert np.array_equal(getattr(parallel, name), getattr(faces, name)[:64]), name
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
        return faces.attributes[name].reshape(40, 4)

    for name in ("skin_tone", "hair_style", "beard_style"):
        assert (by_person(name) == by_person(name)[:, :1]).all(), name
    assert len(np.unique(by_person("skin_tone")[:, 0])) == 40
    for name in ("yaw", "ambient_celsius"):
        assert len(np.unique(faces.attributes[name])) > 120, name
    assert len(np.unique(faces.rgb.reshape(160, -1), axis=0)) == 160


def test_size_scales_the_same_faces(faces):
    large = make_faces(6, seed=3, size=192, workers=1)
    # Pixel centres are integers: image coordinate u is (u + 0.5) / size of the way across.
    np.testing.assert_allclose(
        (large.landmarks + 0.5) / 192, (faces.landmarks[:6] + 0.5) / 96, atol=1e-5
    )
    for k in range(6):
        small = cv2.resize(large.rgb[k], (96, 96), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(float) - faces.rgb[k]).mean() < 8
        small = cv2.resize(large.thermal[k], (96, 96), interpolation=cv2.INTER_AREA)
        warm, cool = np.percentile(faces.thermal[k], [95, 5])
        assert np.corrcoef(small.ravel(), faces.thermal[k].ravel())[0, 1] > 0.97
        assert np.abs(small - faces.thermal[k]).mean() < 0.08 * (warm - cool) + 0.15
    for size in (48, 97, 512):
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


def test_numpy_integers_are_accepted():
    assert make_faces(np.int64(1), seed=np.uint8(3)).identity.tolist() == [0]
