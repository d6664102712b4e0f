"""Simulated thermal images: aligned, reproducible, with warm faces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data_prep.simulation import camera, regions
from data_prep.simulation.simulate import (
    SimulationSettings,
    simulate_for_photo,
    simulate_thermal,
)
from mlcmkd.utils.errors import InputError

# A frontal face by hand, in units of the half distance between the jaw's ends: jaw, brows, nose,
# eyes, mouth.
_JAW = [
    (np.sin(a), 0.05 + 1.15 * (1 - abs(a / 1.5708) ** 2.2)) for a in np.linspace(-1.57, 1.57, 17)
]
_BROWS = [
    (s * x, y)
    for s, xs in ((-1, (0.8, 0.65, 0.5, 0.35, 0.2)), (1, (0.2, 0.35, 0.5, 0.65, 0.8)))
    for x, y in zip(xs, (-0.2, -0.28, -0.3, -0.28, -0.24), strict=True)
]
_NOSE = [(0, y) for y in (0.0, 0.15, 0.3, 0.45)]
_NOSE += [(x, 0.55 - 0.5 * abs(x) * 0.1) for x in (-0.18, -0.09, 0, 0.09, 0.18)]
_EYES = [
    (s * 0.4 + x, y)
    for s in (-1, 1)
    for x, y in ((-0.17, 0), (-0.06, -0.07), (0.06, -0.07), (0.17, 0), (0.06, 0.06), (-0.06, 0.06))
]
_MOUTH = [(x, 0.8 + y) for x, y in (
    (-0.3, 0), (-0.18, -0.06), (-0.06, -0.09), (0, -0.08), (0.06, -0.09), (0.18, -0.06), (0.3, 0),
    (0.18, 0.07), (0.06, 0.1), (0, 0.11), (-0.06, 0.1), (-0.18, 0.07),
    (-0.26, 0), (-0.06, -0.01), (0, -0.01), (0.06, -0.01), (0.26, 0), (0.06, 0.02), (0, 0.02),
    (-0.06, 0.02))]  # fmt: skip
UNITS = np.array(_JAW + _BROWS + _NOSE + _EYES + _MOUTH)
MARKS = UNITS * 50 + [100, 90]
SHAPE = (200, 200)

# Every chance taken out, all differences 0: a plain warm head in a cold room.
_ZERO = {
    name: (0.0, 0.0)
    for name, field in SimulationSettings.model_fields.items()
    if isinstance(field.default, tuple)
}
_NEVER = {
    name: 0.0
    for name, field in SimulationSettings.model_fields.items()
    if isinstance(field.default, float)
}
PLAIN = {
    **_ZERO,
    **_NEVER,
    "sensor_px": (200, 200),
    "ambient": (20, 20),
    "skin": (34, 34),
    "contrast": (1, 1),
    "hair": (0.5, 0.5),
    "clothes": (0.2, 0.2),
    "gamma": (1, 1),
    "grey_low": (18, 18),
    "grey_high": (40, 40),
    "glasses": (0.2, 0.2),
}


def photo():
    """A skin-coloured ellipse of a face before a blue wall."""
    rgb = np.full((*SHAPE, 3), (40, 60, 140), np.uint8)
    inside = regions.filled(regions.face_outline(regions.head_frame(MARKS), 0.5), SHAPE)
    rgb[inside > 0.5] = (200, 150, 120)
    return rgb


def simulated(seed=0, **changes):
    settings_ = SimulationSettings(**{**PLAIN, **changes})
    return simulate_thermal(photo(), MARKS, np.random.default_rng(seed), settings_)


def at(image, point):
    x, y = np.rint(point).astype(int)
    return float(image[y - 1 : y + 2, x - 1 : x + 2].mean())


def test_a_plain_head_has_the_temperatures_it_was_given():
    heat = simulated()
    assert heat.shape == SHAPE
    assert heat.dtype == np.float32
    for point in (29, 33, 36, 48, 57):
        assert at(heat, MARKS[point]) == pytest.approx(34, abs=0.3)
    for corner in (heat[:5, :5], heat[:5, -5:]):
        assert corner.mean() == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("nose", (33,)),
        ("nose_weak", (33,)),
        ("eye_corner", (39, 42)),
        ("lips", (57, 51)),
        ("eyeball", ((37, 40), (43, 46))),
        ("brow", (19, 24)),
        ("cheeks", ((41, 3, 31), (46, 13, 35))),
        ("forehead", ()),
        ("midface", (30, 33)),
        ("chin", ((8, 57),)),
        ("mouth_line", ((62, 66),)),
        ("nostril", ((31, 32),)),
    ],
)
@pytest.mark.parametrize("difference", [-3.0, 3.0])
def test_each_part_is_warmed_and_cooled_at_its_place(name, points, difference):
    """The same seed with and without one amplitude: only the expected region differs."""
    changes = {name: (difference, difference)}
    if name.startswith("nose"):  # half of the faces have the other one
        changes = dict.fromkeys(("nose", "nose_weak"), (difference, difference))
    change = simulated(seed=1, **changes) - simulated(seed=1)
    places = [MARKS[list(np.atleast_1d(p))].mean(axis=0) for p in points] or [MARKS[27] - [0, 22]]
    for place in places:
        assert at(change, place) * np.sign(difference) > 0.5
    assert np.abs(change).max() < 4.5
    assert np.abs(change[:10]).max() < 0.05  # the wall above the head


def test_glasses_hide_the_eyes_behind_a_cold_shape():
    heat = simulated(glasses_share=1.0)
    for eye in (slice(36, 42), slice(42, 48)):
        # 0.2 of the way from 20 to 34 degrees C, and a slope within the lens.
        assert at(heat, MARKS[eye].mean(axis=0)) < 30
    assert at(heat, MARKS[57]) == pytest.approx(34, abs=0.3)


def test_beard_and_hand_and_hot_background():
    beard = simulated(beard_share=1.0, beard=(-4, -4))
    assert at(beard, (MARKS[8] + MARKS[57]) / 2) < 31.5
    assert at(beard, MARKS[28]) > 33.5
    hand = [np.abs(simulated(seed, hand_share=1.0) - simulated(seed)).max() for seed in range(3)]
    assert min(hand) > 0.3
    hot = simulated(hot_background=1.0)
    assert hot[:5, :5].mean() > 30


def test_the_photo_s_detail_survives_weakly_and_in_both_signs():
    rgb = photo()
    x, y = np.rint(MARKS[[3, 31]].mean(axis=0)).astype(int)
    rgb[y - 2 : y + 3, x - 2 : x + 3] = 20
    for strength in (-1.0, 1.0):
        settings_ = SimulationSettings(**{**PLAIN, "texture": (strength, strength)})
        seen = [
            simulate_thermal(image, MARKS, np.random.default_rng(0), settings_)
            for image in (rgb, photo())
        ]
        assert at(seen[0] - seen[1], (x, y)) * strength < -0.1


def test_gain_control_uses_the_full_grey_scale():
    seen = simulated(gain_control=1.0)
    assert np.percentile(seen, 1) < 20
    assert np.percentile(seen, 99) > 38


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    height=st.integers(16, 300),
    width=st.integers(16, 300),
    marks=st.lists(
        st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)), min_size=68, max_size=68
    ),
)
def test_any_photo_and_any_landmarks_give_finite_temperatures(seed, height, width, marks):
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    heat = simulate_thermal(rgb, np.array(marks), np.random.default_rng(seed))
    assert heat.shape == (height, width)
    assert np.isfinite(heat).all()
    assert -60 < heat.min() <= heat.max() < 150


def test_reproducible_and_different_between_images():
    rgb = photo()
    first = simulate_for_photo(rgb, MARKS, "abc", 0)
    np.testing.assert_array_equal(first, simulate_for_photo(rgb, MARKS, "abc", 0))
    for other in (
        simulate_for_photo(rgb, MARKS, "abc", 1),
        simulate_for_photo(rgb, MARKS, "abd", 0),
        simulate_for_photo(rgb, MARKS, "abc", 0, number=2),
    ):
        assert np.abs(first - other).mean() > 0.5


def test_inputs_are_left_as_they_are():
    rgb, marks = photo(), MARKS.copy()
    simulate_for_photo(rgb, marks, "x", 0)
    np.testing.assert_array_equal(rgb, photo())
    np.testing.assert_array_equal(marks, MARKS)


def test_simulated_images_vary_widely_and_faces_are_mostly_warm():
    rgb = photo()
    images = [simulate_for_photo(rgb, MARKS, str(i), 0) for i in range(40)]
    face = np.array([at(image, MARKS[[3, 31]].mean(axis=0)) for image in images])
    wall = np.array([image[:20, :20].mean() for image in images])
    assert (face > wall).mean() > 0.8
    assert face.std() > 1
    assert wall.std() > 3


@pytest.mark.parametrize(
    ("rgb", "marks", "message"),
    [
        (np.zeros((50, 50), np.uint8), MARKS, r"a photo of shape \(50, 50\)"),
        (np.zeros((50, 50, 3), np.float32), MARKS, "float32"),
        (np.zeros((8, 50, 3), np.uint8), MARKS, "16 pixels or more"),
        (
            np.zeros((50, 50, 3), np.uint8),
            MARKS[:54],
            r"landmarks of shape \(54, 2\); give 68 finite",
        ),
        (np.zeros((50, 50, 3), np.uint8), MARKS * np.nan, "give 68 finite points"),
    ],
)
def test_bad_input_is_named(rgb, marks, message):
    with pytest.raises(InputError, match=message):
        simulate_thermal(rgb, marks, np.random.default_rng(0))


def test_settings_are_checked():
    with pytest.raises(ValidationError, match=r"the range .* must not fall"):
        SimulationSettings(nose=(1, 0))
    with pytest.raises(ValidationError, match="must not fall"):
        SimulationSettings(nose=(float("nan"), 0))
    with pytest.raises(ValidationError, match="at least 16 pixels"):
        SimulationSettings(sensor_px=(4, 100))
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        SimulationSettings(glasses_share=2)
    with pytest.raises(ValidationError, match="Extra inputs"):
        SimulationSettings(nsoe=(0, 1))
    assert all(field.description for field in SimulationSettings.model_fields.values())


# --- the parts


def test_masks_agree_with_their_outlines():
    square = np.array([[2.0, 3.0], [7, 3], [7, 8], [2, 8]])
    mask = regions.filled(square, (12, 14), soft=0)
    assert mask[4:8, 3:7].min() == 1
    assert mask[:2].max() == mask[10:].max() == mask[:, 9:].max() == 0
    bump = regions.spot(np.array([5.0, 4.0]), 2.0, (12, 14))
    assert bump[4, 5] == 1
    assert bump[4, 7] == pytest.approx(np.exp(-0.5))
    faint = regions.stroked(np.array([[0.0, 5], [13, 5]]), (12, 14), 0.5, soft=0)
    full = regions.stroked(np.array([[0.0, 5], [13, 5]]), (12, 14), 1, soft=0)
    assert faint[5, 6] == pytest.approx(full[5, 6] / 2, abs=0.01)
    assert full[5, 6] > 0.85


def test_head_frame_of_points_that_coincide():
    frame = regions.head_frame(np.full((68, 2), 7.0))
    assert frame.up.tolist() == [0, -1]
    assert np.isfinite([frame.height, frame.yaw]).all()


def test_head_frame_of_an_upright_and_a_turned_head():
    frame = regions.head_frame(MARKS)
    np.testing.assert_allclose(frame.up, [0, -1], atol=1e-6)
    np.testing.assert_allclose(frame.right, [1, 0], atol=1e-6)
    assert frame.height == pytest.approx(60)  # chin at 1.2, bridge at 0, 50 pixels a unit
    assert frame.yaw == pytest.approx(0, abs=1e-6)
    turned = MARKS.copy()
    turned[30, 0] += 25
    assert regions.head_frame(turned).yaw == pytest.approx(0.5, abs=0.01)
    quarter = regions.head_frame((MARKS - 100)[:, ::-1] * [-1, 1] + 100)
    np.testing.assert_allclose(quarter.up, [1, 0], atol=1e-6)
    np.testing.assert_allclose(quarter.right, [0, 1], atol=1e-6)


def test_camera_by_hand():
    scene = np.array([[10.0, 20.0, 30.0, 40.0]] * 4, np.float32)
    options = {"clip": (0.0, 0.0), "equalise": 0.0, "gamma": 1.0, "low": 0.0, "high": 1.0}
    # Every second column is sampled for the range, 10 to 30.
    seen = camera.gain_controlled(scene, **options)
    np.testing.assert_allclose(seen[0], [0, 0.5, 1, 1], atol=1e-5)
    seen = camera.gain_controlled(scene, **{**options, "gamma": 2.0, "high": 4.0})
    np.testing.assert_allclose(seen[0], [0, 1, 4, 4], atol=1e-3)
    np.testing.assert_allclose(camera.quantised(np.float32([0.9, 1.3]), 0.5), [1.0, 1.5])
    step = np.zeros((9, 40), np.float32)
    step[:, 20:] = 1
    halo = camera.sharpened(step, 1.0, 1.5)
    assert halo.max() > 1.2
    assert halo.min() < -0.2
    np.testing.assert_allclose(halo[:, [0, -1]], step[:, [0, -1]], atol=1e-4)


def test_noise_has_the_deviation_it_is_given():
    flat = np.zeros((200, 200), np.float32)
    noise = camera.noisy(flat, np.random.default_rng(0), 0.1, 0.0, 0.0)
    assert noise.std() == pytest.approx(0.1, rel=0.05)
    stripes = camera.noisy(flat, np.random.default_rng(0), 0.0, 0.2, 0.0)
    assert stripes.std(axis=0).max() < 1e-6
    assert stripes[0].std() == pytest.approx(0.2, rel=0.2)
