"""Registration by image content: synthetic faces moved by a known map, and images without content."""

import cv2
import numpy as np
import pytest

from data_prep.registration import Limit, content, from_content, from_homography
from data_prep.registration.edges import agreement, edges
from data_prep.registration.mutual_information import normalised_mutual_information
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.errors import InputError

METHODS = ["ecc", "mutual information"]
SIDE = 160


@pytest.fixture(scope="module")
def faces():
    cv2.setNumThreads(1)
    realism = Realism(yaw_deviation=8)  # people who look at the cameras
    return make_faces(6, seed=0, size=320, faces_per_identity=1, workers=1, realism=realism)


def cameras(faces, index, degrees=4.0, scale=1.05, shift=(9.0, -7.0)):
    """RGB 480 x 420, thermal 160 x 160, and the true map from the one to the other."""
    turn = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), degrees, scale)
    turn[:, 2] += shift
    enlarge = np.array([[2.625, 0, 30.8], [0, 2.625, 0.8], [0, 0, 1]])
    to_rgb = enlarge @ np.vstack([turn, [0, 0, 1]])
    halved = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    rgb = cv2.warpPerspective(
        faces.rgb[index], to_rgb @ halved, (480, 420), borderMode=cv2.BORDER_REPLICATE
    )
    thermal = cv2.resize(faces.thermal[index], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return rgb, thermal, np.linalg.inv(to_rgb)


def corner_error(found, truth):
    """Largest distance between the found and the true place of the face's surroundings, thermal px."""
    box = np.array([[130.0, 110], [350, 110], [350, 330], [130, 330]])
    true = from_homography(truth, (SIDE, SIDE)).apply(box)
    return np.linalg.norm(found.apply(box) - true, axis=1).max()


@pytest.mark.parametrize("method", METHODS)
def test_a_known_move_is_found(faces, method):
    start_error, errors = [], []
    for index in range(4):
        rgb, thermal, truth = cameras(faces, index)
        found = from_content(rgb, thermal, method=method)
        assert found.ok, found.reason
        assert found.residual_percent is None and found.residual_px < 4
        errors.append(corner_error(found, truth))
        start_error.append(
            corner_error(
                from_homography(content.covering_homography((160, 160), (480, 420)), (160, 160)),
                truth,
            )
        )
    assert np.median(start_error) > 12
    assert np.median(errors) < 3 and max(errors) < 6


@pytest.mark.parametrize("method", METHODS)
def test_inverted_contrast_changes_little(faces, method):
    rgb, thermal, truth = cameras(faces, 0)
    plain = from_content(rgb, thermal, method=method)
    inverted = from_content(rgb, -thermal, method=method)
    assert inverted.ok
    assert corner_error(inverted, truth) < 4
    assert abs(inverted.residual_px - plain.residual_px) < 1.5


def test_units_and_dtype_of_the_thermal_image_do_not_matter(faces):
    rgb, thermal, _ = cameras(faces, 1)
    counts = np.rint((thermal + 273.15) * 100).astype(np.uint16)
    from_celsius, from_counts = from_content(rgb, thermal), from_content(rgb, counts)
    middle = np.array([[240.0, 210], [130, 110], [350, 330]])
    assert np.abs(from_counts.apply(middle) - from_celsius.apply(middle)).max() < 0.2
    grey = np.repeat(((thermal - 10) * 8).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert from_content(rgb, grey).ok


def test_large_images_are_registered_at_their_own_scale(faces):
    rgb, thermal, truth = cameras(faces, 2)
    wide = cv2.resize(thermal, (640, 640), interpolation=cv2.INTER_CUBIC)
    found = from_content(rgb, wide)
    four = np.array([[4, 0, 1.5], [0, 4, 1.5], [0, 0, 1]])
    box = np.array([[130.0, 110], [350, 110], [350, 330], [130, 330]])
    true = from_homography(four @ truth, (640, 640)).apply(box)
    assert np.linalg.norm(found.apply(box) - true, axis=1).max() < 4 * 5
    small = from_content(rgb, thermal)
    assert found.residual_px == pytest.approx(4 * small.residual_px, abs=4)


def test_a_start_brings_a_far_rig_within_reach(faces):
    rgb, thermal, truth = cameras(faces, 0, degrees=80)
    start = truth @ np.array([[1, 0.03, 6], [-0.03, 1, -4], [0, 0, 1]])
    found = from_content(rgb, thermal, start=start)
    assert found.ok and corner_error(found, truth) < 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sigma", [0, 2, 6])
def test_noise_is_refused(method, sigma):
    rng = np.random.default_rng(sigma)

    def noise(*shape):
        image = rng.normal(size=shape).astype(np.float32)
        return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image

    for _ in range(3):
        found = from_content(noise(240, 320), noise(120, 160), method=method)
        assert not found.ok and found.reason


def test_an_empty_image_is_refused(faces):
    rgb, thermal, _ = cameras(faces, 0)
    for pair in ((rgb, np.full_like(thermal, 21.0)), (np.zeros_like(rgb), thermal)):
        for method in METHODS:
            found = from_content(*pair, method=method)
            assert not found.ok and found.reason


def test_without_convergence_of_ecc_there_is_no_map(faces, monkeypatch):
    def fails(*arguments):
        raise cv2.error("did not converge")

    monkeypatch.setattr(content.cv2, "findTransformECC", fails)
    found = from_content(*cameras(faces, 0)[:2])
    assert (found.ok, found.transform, found.residual_px) == (False, None, None)
    assert found.reason == "ecc did not converge from any start"
    with pytest.raises(InputError, match="the registration failed: ecc did not converge"):
        found.warp(np.zeros((420, 480, 3), np.uint8))


def test_the_residual_is_measured_on_landmarks_if_given(faces):
    rgb, thermal, truth = cameras(faces, 0)
    marks = (faces.landmarks[0].astype(float) + 0.5) / 2 - 0.5
    rgb_marks = from_homography(np.linalg.inv(truth), (480, 420)).apply(marks)
    found = from_content(
        rgb, thermal, rgb_landmarks=rgb_marks, thermal_landmarks=marks, scheme="ibug68"
    )
    off = np.linalg.norm(found.apply(rgb_marks) - marks, axis=1).mean()
    assert found.residual_px == pytest.approx(off)
    eyes = np.linalg.norm(marks[36] - marks[45])
    assert found.residual_percent == pytest.approx(100 * off / eyes)
    # Thermal landmarks alone tell the inter-ocular distance.
    alone = from_content(rgb, thermal, thermal_landmarks=marks, scheme="ibug68")
    assert alone.residual_percent == pytest.approx(100 * alone.residual_px / eyes)
    strict = from_content(rgb, thermal, limit=Limit(px=1e-6))
    assert not strict.ok and "above 1e-06 px" in strict.reason


@pytest.mark.parametrize("shift", [0, 3, 6])
def test_tile_residual_measures_a_shift(faces, shift):
    residuals = []
    for index in range(6):
        thermal = cv2.resize(faces.thermal[index], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(faces.rgb[index], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        moved = content.resampled(
            content.grey(rgb), np.array([[1, 0, shift], [0, 1, 0], [0, 0, 1.0]]), (SIDE, SIDE)
        )
        inside = np.ones((SIDE, SIDE), bool)
        residuals.append(content.tile_residual(content.grey(thermal), moved, inside))
    assert abs(np.median(residuals) - shift) < 1.5
    assert content.tile_residual(content.grey(thermal), moved, ~inside) is None


def test_edges_agree_whichever_side_is_brighter(faces):
    image = content.grey(cv2.resize(faces.rgb[0], (SIDE, SIDE)))
    everywhere = np.ones(image.shape, bool)
    assert agreement(edges(image), edges(image), everywhere) == pytest.approx(1)
    assert agreement(edges(image), edges(1 - image), everywhere) == pytest.approx(1)
    turned = np.ascontiguousarray(np.rot90(image))
    assert agreement(edges(image), edges(turned), everywhere) < 0.3
    assert agreement(edges(image * 0), edges(image), everywhere) == 0


def test_mutual_information_of_known_images():
    rng = np.random.default_rng(0)
    a, b = rng.random(200_000), rng.random(200_000)
    assert normalised_mutual_information(a, b) == pytest.approx(1, abs=0.01)
    same = normalised_mutual_information(a, a)
    assert same > 1.25  # below 2, since the histogram is smoothed
    assert normalised_mutual_information(a, 1 - a) == pytest.approx(same, abs=0.02)
    assert normalised_mutual_information(a, (3 * a) % 1) > 1.1  # no line, and yet determined
    assert normalised_mutual_information(a * 0, b * 0) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sift"}, "method 'sift' is unknown; use 'ecc' or 'mutual information'"),
        ({"start": np.zeros((3, 3))}, "start: singular"),
        ({"thermal": np.zeros((20, 200))}, r"thermal image of shape \(20, 200\)"),
        ({"rgb": np.zeros((2, 200, 200, 3))}, r"RGB image of shape \(2, 200, 200, 3\)"),
    ],
)
def test_invalid_input(options, message):
    given = {"rgb": np.zeros((100, 100, 3), np.uint8), "thermal": np.zeros((100, 100))}
    with pytest.raises(InputError, match=message):
        from_content(**given | options)
