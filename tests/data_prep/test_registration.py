"""Registration by calibration and by landmarks, and matching in time; all against known truth."""

from functools import lru_cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RBFInterpolator

from data_prep.registration import (
    Homography,
    Limit,
    Stereo,
    ThinPlate,
    ThroughPlane,
    estimate_offset,
    from_homography,
    from_landmarks,
    from_stereo,
    match_times,
    motion,
)
from mlcmkd.utils.errors import InputError

SIZE = (160, 120)
GRID = np.stack(np.meshgrid(np.arange(20.0, 300, 40), np.arange(20.0, 220, 40)), -1).reshape(-1, 2)


def similarity(degrees, scale, x, y):
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[a, -b, x], [b, a, y], [0, 0, 1.0]])


similarities = st.builds(
    similarity, st.floats(-180, 180), st.floats(0.1, 4), st.floats(-300, 300), st.floats(-300, 300)
)
affines = st.builds(
    lambda turn, first, stretch: turn @ np.array([[1, first, 0], [0, stretch, 0], [0, 0, 1]]),
    similarities,
    st.floats(-0.5, 0.5),
    st.floats(0.5, 2),
)


def mapped(matrix, points):
    moved = np.column_stack([points, np.ones(len(points))]) @ np.asarray(matrix).T
    return moved[:, :2] / moved[:, 2:]


# --- landmarks ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(similarities)
def test_every_kind_finds_a_similarity(matrix):
    for kind in ("similarity", "affine", "tps"):
        found = from_landmarks(GRID, mapped(matrix, GRID), SIZE, kind=kind)
        assert found.ok
        assert np.allclose(found.apply(GRID), mapped(matrix, GRID), atol=1e-5)
        assert found.residual_px < 1e-5
        assert (found.kept, found.given) == (len(GRID), len(GRID))
        back = found.transform.inverse(mapped(matrix, GRID))
        assert np.allclose(back, GRID, atol=0.11)  # a spline's inverse is good to 0.01 thermal px


@settings(deadline=None, max_examples=40)
@given(affines)
def test_affine_and_spline_find_an_affine_map_and_a_similarity_does_not(matrix):
    targets = mapped(matrix, GRID)
    for kind in ("affine", "tps"):
        assert np.allclose(
            from_landmarks(GRID, targets, SIZE, kind=kind).apply(GRID), targets, atol=1e-5
        )
    turned = from_landmarks(GRID, targets, SIZE, kind="similarity", outlier_px=1e4)
    linear = turned.transform.matrix[:2, :2]
    assert np.allclose(linear @ linear.T, np.linalg.det(linear) * np.eye(2))


def test_the_spline_is_scipys():
    rng = np.random.default_rng(0)
    targets = mapped(similarity(5, 0.5, 3, 4), GRID) + rng.normal(size=GRID.shape)
    expected = RBFInterpolator(GRID, targets, kernel="thin_plate_spline", degree=1)
    found = from_landmarks(GRID, targets, SIZE, kind="tps", smoothing=0)
    assert np.allclose(found.apply(GRID), targets, atol=1e-6)
    between = GRID + (13, 7)
    assert np.allclose(found.apply(between), expected(between), atol=1e-6)
    assert found.fit_px < 1e-6 < 0.5 < found.residual_px


@pytest.mark.parametrize("kind", ["similarity", "affine", "tps"])
def test_a_third_of_bad_landmarks_is_sorted_out(kind):
    rng = np.random.default_rng(1)
    matrix = similarity(-8, 0.45, 6, 9)
    targets = mapped(matrix, GRID)
    good = targets + rng.normal(scale=0.2, size=targets.shape)
    bad = rng.choice(len(GRID), round(0.3 * len(GRID)), replace=False)
    good[bad] += rng.uniform(30, 60, (len(bad), 2)) * rng.choice([-1, 1], (len(bad), 2))
    found = from_landmarks(GRID, good, SIZE, kind=kind)
    assert (found.kept, found.given) == (len(GRID) - len(bad), len(GRID))
    assert np.linalg.norm(found.apply(GRID) - targets, axis=1).max() < 0.6
    assert found.ok and found.residual_px < 0.6
    # All of them taken for good: nothing like it.
    with_outliers = from_landmarks(GRID, good, SIZE, kind=kind, outlier_px=1e4)
    assert np.linalg.norm(with_outliers.apply(GRID) - targets, axis=1).max() > 2


@pytest.mark.parametrize("kind", ["similarity", "affine", "tps"])
def test_the_residual_is_that_of_left_out_landmarks(kind):
    rng = np.random.default_rng(2)
    targets = mapped(similarity(3, 0.5, 0, 0), GRID) + rng.normal(size=GRID.shape)
    found = from_landmarks(GRID, targets, SIZE, kind=kind, outlier_px=100.0)
    assert found.residual_px > found.fit_px
    # By hand: each landmark by the map of the others.
    off = []
    for left_out in range(len(GRID)):
        others = np.arange(len(GRID)) != left_out
        without = from_landmarks(GRID[others], targets[others], SIZE, kind=kind, outlier_px=100.0)
        off.append(np.linalg.norm(without.apply(GRID[[left_out]]) - targets[left_out]))
    assert found.residual_px == pytest.approx(np.mean(off))


def test_the_residual_predicts_the_error_of_new_landmarks():
    """It agrees with the error of landmarks that were not used for the fit."""
    rng = np.random.default_rng(3)
    matrix = similarity(4, 0.5, 2, 1)
    reported, new = [], []
    for _ in range(30):
        found = from_landmarks(
            GRID,
            mapped(matrix, GRID) + rng.normal(size=GRID.shape),
            SIZE,
            kind="tps",
            outlier_px=50,
        )
        fresh = rng.uniform((20, 20), (260, 180), (50, 2))
        seen = mapped(matrix, fresh) + rng.normal(size=fresh.shape)
        reported.append(found.residual_px)
        new.append(np.linalg.norm(found.apply(fresh) - seen, axis=1).mean())
    assert np.mean(reported) == pytest.approx(np.mean(new), rel=0.1)


def test_smoothing_does_not_run_after_the_landmarks_error():
    rng = np.random.default_rng(4)
    targets = mapped(similarity(4, 0.5, 2, 1), GRID)
    noisy = targets + rng.normal(size=GRID.shape)

    def error(smoothing):
        found = from_landmarks(GRID, noisy, SIZE, kind="tps", smoothing=smoothing, outlier_px=50)
        return np.linalg.norm(found.apply(GRID) - targets, axis=1).mean()

    assert error(1.0) < 0.75 * error(0.0)


def face(rng):
    """68 points about as far apart as a face's, in 300 x 300 RGB pixels."""
    marks = rng.uniform(60, 240, (68, 2))
    marks[36], marks[45] = (110, 130), (190, 130)
    return marks


def test_percent_of_the_inter_ocular_distance_and_the_limit():
    rng = np.random.default_rng(5)
    marks = face(rng)
    targets = mapped(similarity(0, 0.5, 0, 0), marks) + rng.normal(scale=2, size=marks.shape)
    targets[[36, 45]] = (55, 65), (95, 65)  # 40 px apart
    found = from_landmarks(marks, targets, SIZE, scheme="ibug68", limit=Limit(percent=20))
    assert found.ok and found.reason == ""
    assert found.residual_percent == pytest.approx(100 * found.residual_px / 40)
    strict = from_landmarks(marks, targets, SIZE, scheme="ibug68", limit=Limit(percent=3))
    assert not strict.ok
    assert strict.reason == (
        f"residual {strict.residual_percent:.1f} % of the inter-ocular distance, above 3 %"
    )
    assert np.array_equal(strict.apply(marks), found.apply(marks))  # marked, not lost
    pixels = from_landmarks(marks, targets, SIZE, limit=Limit(px=1.0))
    assert pixels.residual_percent is None
    assert pixels.reason == f"residual {pixels.residual_px:.1f} px, above 1 px"
    # Nothing said: 2.5 % of the shorter side.
    assert from_landmarks(marks, targets, (200, 160)).ok and 2.5 < pixels.residual_px < 4
    assert from_landmarks(marks, targets, (200, 100)).reason.endswith("px, above 2.5 px")


def test_missing_landmarks_are_left_out():
    matrix = similarity(10, 0.5, 1, 2)
    targets = mapped(matrix, GRID)
    sources, targets = GRID.copy(), targets.copy()
    sources[0], targets[5] = np.nan, np.nan
    found = from_landmarks(sources, targets, SIZE)
    assert found.given == len(GRID) - 2
    assert np.isnan(found.apply(sources)[0]).all()
    assert np.allclose(found.apply(GRID), mapped(matrix, GRID))


def test_a_mirror_and_a_fold_are_refused():
    mirrored = mapped(np.diag([-0.5, 0.5, 1]), GRID)
    found = from_landmarks(GRID, mirrored, SIZE, kind="affine")
    assert not found.ok and "mirrors the image" in found.reason
    swapped = mapped(np.diag([0.5, 0.5, 1]), GRID)
    middle = np.argsort(np.linalg.norm(GRID - GRID.mean(axis=0), axis=1))[:2]
    swapped[middle] = swapped[middle[::-1]]
    folded = from_landmarks(GRID, swapped, SIZE, kind="tps", smoothing=0, outlier_px=100.0)
    assert not folded.ok and folded.reason == "the spline folds the image over"


def test_landmarks_that_agree_on_nothing():
    rng = np.random.default_rng(6)
    found = from_landmarks(GRID, rng.uniform(0, 100, GRID.shape), SIZE, kind="affine")
    assert not found.ok and found.transform is None and found.residual_px is None
    assert found.reason.startswith("only ") and f"of {len(GRID)} landmarks agree" in found.reason
    with pytest.raises(InputError, match="nothing to apply, the registration failed: only"):
        found.apply(GRID)


LINE = np.column_stack([np.arange(10.0), 2 * np.arange(10.0)])


@pytest.mark.parametrize(
    ("rgb", "thermal", "kind", "message"),
    [
        (GRID[:2], GRID[:2], "similarity", "2 landmarks in both images; 'similarity' needs 3"),
        (GRID[:4], GRID[:4], "tps", "4 landmarks in both images; 'tps' needs 5 or more"),
        (GRID, GRID * np.nan, "affine", "0 landmarks in both images"),
        (
            LINE,
            LINE,
            "affine",
            "all RGB landmarks lie on a line, which does not determine 'affine'",
        ),
        (GRID[:10], LINE, "tps", "all thermal landmarks lie on a line"),
        (GRID[:9] * 0, GRID[:9], "similarity", "all RGB landmarks are at one point"),
        (GRID, GRID[1:], "similarity", "35 RGB landmarks and 34 thermal ones; give the same"),
        (GRID[:, :1], GRID, "similarity", r"RGB landmarks of shape \(35, 1\) instead of \(K, 2\)"),
        (GRID, GRID, "rigid", "kind 'rigid' is unknown; use similarity, affine, tps"),
    ],
)
def test_landmarks_that_do_not_determine_a_map(rgb, thermal, kind, message):
    with pytest.raises(InputError, match=message):
        from_landmarks(rgb, thermal, SIZE, kind=kind)


def test_a_line_fixes_a_similarity():
    matrix = similarity(30, 2, 5, 6)
    assert np.allclose(from_landmarks(LINE, mapped(matrix, LINE), SIZE).transform.matrix, matrix)


def test_scheme_and_landmarks_disagree():
    with pytest.raises(InputError, match="35 landmarks, but scheme ibug68 has 68"):
        from_landmarks(GRID, GRID, SIZE, scheme="ibug68")


# --- calibration ----------------------------------------------------------------------------------

RGB_CAMERA = np.array([[900.0, 0, 320], [0, 880, 240], [0, 0, 1]])
THERMAL_CAMERA = np.array([[210.0, 0, 80], [0, 205, 60], [0, 0, 1]])
ROTATION = cv2.Rodrigues(np.array([0.02, -0.06, 0.03]))[0]
SHIFT = np.array([0.06, -0.01, 0.004])
BARREL = np.array([-0.3, 0.1, 1e-3, -5e-4, 0.0])


def stereo(first=(), second=()):
    return Stereo(RGB_CAMERA, first, THERMAL_CAMERA, second, ROTATION, SHIFT)


def on_plane(depth, normal):
    """Points (N, 3) with n x = d before the RGB camera."""
    rays = np.column_stack([GRID / 400 - (0.37, 0.25), np.ones(len(GRID))])
    normal = np.array(normal) / np.linalg.norm(normal)
    return rays * (depth / (rays @ normal))[:, None]


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.2, -0.1, 1)])
def test_the_planes_homography_against_projecting_points_by_hand(normal):
    solid = on_plane(0.8, normal)
    seen = solid @ RGB_CAMERA.T
    moved = (solid @ ROTATION.T + SHIFT) @ THERMAL_CAMERA.T
    found = from_stereo(stereo(), 0.8, SIZE, normal=normal)
    rgb, thermal = seen[:, :2] / seen[:, 2:], moved[:, :2] / moved[:, 2:]
    assert np.allclose(found.apply(rgb), thermal, atol=1e-6)
    assert np.allclose(found.transform.inverse(thermal), rgb, atol=1e-5)
    by_matrix = from_homography(found.transform.pixels, SIZE)
    assert np.allclose(by_matrix.apply(rgb), thermal, atol=1e-6)


def test_lenses_distort_before_and_after_the_plane():
    solid = on_plane(0.8, (0, 0, 1))
    zero = np.zeros(3)
    rgb = cv2.projectPoints(solid, zero, zero, RGB_CAMERA, BARREL)[0][:, 0]
    turn = cv2.Rodrigues(ROTATION)[0]
    thermal = cv2.projectPoints(solid, turn, SHIFT, THERMAL_CAMERA, -BARREL)[0][:, 0]
    found = from_stereo(stereo(BARREL, -BARREL), 0.8, SIZE)
    assert np.abs(found.apply(rgb) - thermal).max() < 1e-6
    assert np.abs(found.transform.inverse(thermal) - rgb).max() < 1e-6
    straight = from_stereo(stereo(), 0.8, SIZE)
    assert np.abs(straight.apply(rgb) - thermal).max() > 0.5


def test_a_wrong_depth_has_the_error_of_its_parallax():
    solid = on_plane(0.8, (0, 0, 1))
    zero = np.zeros(3)
    marks = cv2.projectPoints(solid, zero, zero, RGB_CAMERA, None)[0][:, 0]
    turn = cv2.Rodrigues(ROTATION)[0]
    targets = cv2.projectPoints(solid, turn, SHIFT, THERMAL_CAMERA, None)[0][:, 0]
    right = from_stereo(stereo(), 0.8, SIZE, rgb_landmarks=marks, thermal_landmarks=targets)
    wrong = from_stereo(stereo(), 0.9, SIZE, rgb_landmarks=marks, thermal_landmarks=targets)
    assert right.ok and right.residual_px < 1e-6
    parallax = 210 * np.linalg.norm(SHIFT[:2]) * (1 / 0.8 - 1 / 0.9)
    assert wrong.residual_px == pytest.approx(parallax, rel=0.1)


def test_without_landmarks_nothing_is_claimed():
    found = from_homography(np.eye(3), SIZE)
    assert found.ok and found.residual_px is None and found.residual_percent is None
    assert found.reason == "residual not measured: no landmarks to measure it on"


def test_a_landmark_without_a_place_is_infinitely_far():
    behind = np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.0]])
    marks = {"rgb_landmarks": [[50.0, 0], [150, 0]], "thermal_landmarks": [[100.0, 0], [0, 0]]}
    found = from_homography(behind, SIZE, **marks)
    assert not found.ok and found.residual_px == np.inf


def test_the_sign_of_a_homography_does_not_matter():
    matrix = similarity(20, 0.5, 4, 5)
    assert np.allclose(Homography(-matrix).forward(GRID), Homography(matrix).forward(GRID))


def test_points_behind_the_camera_have_no_place():
    matrix = np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.0]])
    found = Homography(matrix).forward(np.array([[50.0, 0], [150.0, 0]]))
    assert np.allclose(found[0], (100, 0)) and np.isnan(found[1]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_homography(np.zeros((3, 3)), SIZE), "homography: singular"),
        (lambda: from_homography(np.diag([1.0, 0, 1]), SIZE), "homography: singular"),
        (lambda: from_homography(np.eye(2), SIZE), r"homography: shape \(2, 2\) instead of"),
        (lambda: from_homography(np.full((3, 3), np.nan), SIZE), "homography: contains NaN"),
        (lambda: from_homography(np.eye(3), (0, 5)), r"thermal_size \(0, 5\): give"),
        (lambda: from_homography(np.eye(3), SIZE, rgb_landmarks=GRID), "landmarks of one camera"),
        (lambda: from_stereo(stereo(), 0.0, SIZE), "depth: 0.0; give the plane's distance"),
        (lambda: from_stereo(stereo(), -1.0, SIZE), "depth: -1.0"),
        (lambda: from_stereo(stereo(), float("nan"), SIZE), "depth: nan"),
        (lambda: from_stereo(stereo(), 1.0, SIZE, normal=(0, 0, 0)), "normal: give 3 numbers"),
        (lambda: stereo(np.zeros(3)), "dist1: 3 numbers; give 0, 4, 5, 8, 12 or 14"),
        (
            lambda: Stereo(RGB_CAMERA, [], THERMAL_CAMERA, [], 2 * np.eye(3), SHIFT),
            "R: not a rotation",
        ),
        (
            lambda: Stereo(np.diag([-1.0, 1, 1]), [], THERMAL_CAMERA, [], np.eye(3), SHIFT),
            "K1: a focal length is not above zero",
        ),
        (
            lambda: Stereo(RGB_CAMERA, [], THERMAL_CAMERA, [], np.eye(3), SHIFT[:2]),
            "t: 2 numbers instead of 3",
        ),
        (lambda: Limit(percent=0), "limit percent=0: give a number above zero"),
    ],
)
def test_calibrations_that_cannot_be(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_plane_through_the_thermal_camera():
    ahead = Stereo(RGB_CAMERA, [], THERMAL_CAMERA, [], np.eye(3), np.array([0, 0, -0.5]))
    with pytest.raises(InputError, match="plane through the thermal camera's own centre"):
        ThroughPlane(ahead, 0.5)


# --- warping --------------------------------------------------------------------------------------


def ramp(width, height):
    """An image whose first two channels are the pixel coordinates."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y, np.ones_like(x)])


def bent():
    sources = GRID
    targets = mapped(similarity(6, 0.5, 4, 3), sources)
    targets += 2 * np.sin(sources[:, ::-1] / 60)
    return sources, targets


@pytest.mark.parametrize("kind", ["homography", "stereo", "tps"])
def test_warp_and_apply_agree(kind):
    """What the warped image shows at the place of a point is the colour of that point."""
    if kind == "homography":
        matrix = similarity(6, 0.5, 4, 3)
        matrix[2, :2] = 2e-4, -1e-4
        found = from_homography(matrix, SIZE)
    elif kind == "stereo":
        found = from_stereo(stereo(BARREL, BARREL), 0.8, SIZE)
    else:
        found = from_landmarks(*bent(), SIZE, kind="tps", smoothing=0)
    warped = found.warp(ramp(640, 480))
    xs, ys = np.meshgrid(np.arange(10, 150, 7), np.arange(10, 110, 7))
    # Near the RGB image's rim it is smoothed with its own mirror image.
    inside = (warped[ys, xs, :2] > 10).all(-1) & (warped[ys, xs, :2] < (629, 469)).all(-1)
    assert inside.sum() > 50
    colours = warped[ys, xs, :2][inside].astype(np.float64)
    places = np.column_stack([xs[inside], ys[inside]])
    assert np.abs(found.apply(colours) - places).max() < 0.1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_identity_leaves_an_image_as_it_is(dtype):
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(dtype)
    warped = from_homography(np.eye(3), SIZE).warp(image)
    assert warped.dtype == dtype and np.array_equal(warped, image)
    assert np.array_equal(from_homography(np.eye(3), SIZE).warp(image[..., 0]), image[..., 0])


def test_beyond_the_rgb_image_there_is_black():
    image = np.full((120, 160), 200, np.uint8)
    warped = from_homography(similarity(0, 1, 40, 0), SIZE).warp(image)
    assert (warped[:, :40] == 0).all() and (warped[:, 41:] == 200).all()


def test_fine_texture_does_not_alias():
    stripes = np.zeros((480, 640), np.uint8)
    stripes[:, ::2] = 255
    warped = from_homography(np.diag([0.25, 0.25, 1]), SIZE).warp(stripes)
    inner = warped[10:-10, 10:-10]
    assert inner.std() < 12 and 110 < inner.mean() < 145


def test_images_that_do_not_fit_the_registration():
    found = from_homography(np.eye(3), SIZE, rgb_size=(160, 120))
    with pytest.raises(
        InputError, match="RGB image of 80 x 60 pixels, but the registration is for 160"
    ):
        found.warp(np.zeros((60, 80, 3), np.uint8))
    away = from_homography(similarity(0, 1, 5000, 0), SIZE)
    with pytest.raises(InputError, match="does not overlap the thermal one"):
        away.warp(np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(InputError, match=r"points of shape \(3,\) instead of \(N, 2\)"):
        away.apply(np.zeros(3))


def test_the_inverse_of_a_spline():
    found = ThinPlate(*bent())
    inner = GRID + (11, 5)
    assert np.allclose(
        found.forward(found.inverse(found.forward(inner))), found.forward(inner), atol=0.011
    )
    assert not found.folds(GRID)


# --- time -----------------------------------------------------------------------------------------

stamps = st.lists(st.integers(0, 60), max_size=7).map(lambda times: [t / 10 for t in times])


def best_by_brute_force(a, b, tolerance):
    """Most pairs, then the smallest sum of distances, over all ways that do not cross."""
    a, b = sorted(a), sorted(b)

    @lru_cache(None)
    def best(i, j):
        if i == len(a) or j == len(b):
            return 0, 0.0
        found = max(best(i + 1, j), best(i, j + 1))
        if abs(a[i] - b[j]) <= tolerance:
            count, cost = best(i + 1, j + 1)
            found = max(found, (count + 1, cost - abs(a[i] - b[j])))
        return found

    return best(0, 0)


@settings(deadline=None, max_examples=300)
@given(stamps, stamps, st.integers(1, 30))
def test_matching_against_brute_force(a, b, tenths):
    tolerance = tenths / 10 + 0.05  # never exactly a distance
    found = match_times(a, b, tolerance)
    count, cost = best_by_brute_force(tuple(a), tuple(b), tolerance)
    assert len(found) == count
    assert sum(abs(match.seconds_apart) for match in found) == pytest.approx(-cost, abs=1e-9)
    assert len({match.rgb for match in found}) == len({match.thermal for match in found}) == count
    for match, later in zip(found, found[1:], strict=False):
        assert a[match.rgb] <= a[later.rgb] and b[match.thermal] <= b[later.thermal]
    for match in found:
        assert match.seconds_apart == pytest.approx(b[match.thermal] - a[match.rgb])
        assert abs(match.seconds_apart) <= tolerance


def test_two_frame_rates():
    rgb, thermal = np.arange(0, 10, 1 / 30), np.arange(0, 10, 1 / 9) + 0.003
    found = match_times(rgb, thermal, 0.02)
    assert len(found) == len(thermal)
    for match in found:  # the nearest of all RGB frames
        assert match.rgb == np.argmin(np.abs(rgb - thermal[match.thermal]))


def test_the_offset_is_added_to_the_rgb_clock():
    found = match_times([0.0, 1.0, 2.0], [11.01, 12.01], 0.05, offset=10.0)
    assert [(m.rgb, m.thermal) for m in found] == [(1, 0), (2, 1)]
    assert found[0].seconds_apart == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "message"),
    [
        ([[0.0]], [0.0], 0.1, "rgb_times: not a list of finite numbers"),
        ([0.0], [np.nan], 0.1, "thermal_times: not a list of finite numbers"),
        ([0.0], [0.0], 0.0, "tolerance=0.0"),
    ],
)
def test_invalid_times(a, b, tolerance, message):
    with pytest.raises(InputError, match=message):
        match_times(a, b, tolerance)


def recorded(seed, times, shift=0.0):
    """Frames of a scene that moves irregularly, and how much each moved."""
    rng = np.random.default_rng(seed)
    frequency, phase, size = rng.uniform(0.1, 1.5, 8), rng.uniform(0, 6, 8), rng.exponential(8, 8)
    waves = np.sin(2 * np.pi * frequency * (times + shift)[:, None] + phase)
    scene = rng.random((40, 200)).astype(np.float32)
    scene = cv2.GaussianBlur(scene, (0, 0), 6)
    courses, before = [], None
    for x in (waves * size).sum(axis=1) % 100:
        view = cv2.warpAffine(scene, np.array([[1, 0, -x], [0, 1, 0]]), (100, 40))
        change, before = motion(view, before)
        courses.append(change)
    return np.array(courses)


def test_the_clock_offset_is_found_from_motion():
    rng = np.random.default_rng(0)
    rgb = np.arange(0, 20, 1 / 30) + rng.normal(scale=0.002, size=600)
    thermal = np.arange(0, 20, 1 / 9) + rng.normal(scale=0.004, size=180)
    # An event at RGB time s happens at thermal time s + 1.37.
    found = estimate_offset(rgb, recorded(1, rgb, 1.37), thermal, recorded(1, thermal), reach=3)
    assert found == pytest.approx(1.37, abs=0.02)
    with pytest.raises(InputError, match="motions do not agree at any offset up to 3 s"):
        estimate_offset(rgb, recorded(1, rgb), thermal, recorded(2, thermal), reach=3)


@pytest.mark.parametrize(
    ("times", "courses", "message"),
    [
        (np.arange(4.0), np.ones(3), "rgb_times: 4 times for 3 frames"),
        (np.array([0.0, 2, 1, 3]), np.ones(4), "rgb_times: give 3 frames or more, in order"),
        (np.arange(40.0), np.ones(40), "highest correlation none"),
    ],
)
def test_motion_without_a_clear_offset(times, courses, message):
    with pytest.raises(InputError, match=message):
        estimate_offset(times, courses, np.arange(40.0), np.random.default_rng(0).random(40))
